"""Gives each HostClaim a host, keeps that host as the claim asks, and takes it back in the end.

Watches: HostClaim; BareMetalHost (the claim's own; for claims that wait, free ones that match);
         HostDeployPolicy and Namespace (claims that wait); Secrets that claims name, and copies.
Writes:  the claim's finalizer and status; on the host its consumerRef, the copied fields of its
         spec and some annotations; Secrets beside the host.
Looks again: after BACKSTOP while there is no host, sooner for a Secret that is missing.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from metal3 import ctrl
from metal3.api.core import v1 as corev1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.client import ConflictError, NotFoundError
from metal3.runtime.handler import enqueue_requests_from_map_func
from metal3.runtime.patch import ensure_finalizer
from metal3.runtime.predicate import LabelChangedPredicate
from metal3.runtime.reconcile import Request, Result

from .host.environment import Environment
from .hostclaims.association import Waiting, associate
from .hostclaims.claimpass import ClaimPass
from .hostclaims.release import release
from .hostclaims.reporting import report_host, report_waiting
from .hostclaims.syncing import synchronize
from .hostclaims.wakeups import (
    INDEXES,
    claims_of_host,
    claims_of_namespace,
    claims_of_policy,
    claims_of_secret,
)
from .wakeups import UnmarkedSecret, any_change, host_changed, is_late_arrival, is_new

BACKSTOP: Final = timedelta(minutes=10)
"""A claim that waits is woken by what it waits for; this is for what was never told."""
CONFLICT_RETRY: Final = timedelta(milliseconds=100)


@dataclass(frozen=True, slots=True, kw_only=True)
class HostClaimReconciler:
    """One look at one claim; everything it must remember is in the API."""

    env: Environment

    async def reconcile(self, req: Request) -> Result:
        """Serve or release; unexpected errors go up, to be retried with backoff."""
        try:
            claim = await self.env.client.get(metal3api.HostClaim, req)
        except NotFoundError:
            return Result()
        p = ClaimPass(env=self.env, claim=claim)
        try:
            if claim.metadata.deletion_timestamp is not None:
                return await release(p)
            return await self._serve(p)
        except ConflictError:
            # Somebody was faster, or the cache is behind: no failure, and soon over.
            return Result(requeue_after=CONFLICT_RETRY * self.env.rng.uniform(1, 2))

    async def _serve(self, p: ClaimPass) -> Result:
        await ensure_finalizer(self.env.client, p.claim, metal3api.HOST_CLAIM_FINALIZER)
        host = await associate(p)
        if isinstance(host, Waiting):
            report_waiting(p, host)
            await p.save()
            return Result(requeue_after=BACKSTOP)
        outcome = await synchronize(p, host)
        await report_host(p, outcome)
        await p.save()
        return Result(requeue_after=outcome.retry)


def add_host_claims(mgr: ctrl.Manager, env: Environment, options: ctrl.ControllerOptions) -> None:
    """Add the controller and the indexes it needs."""
    for kind, indexes in INDEXES.items():
        for name, extract in indexes.items():
            mgr.cache.index_field(kind, name, extract)
    reader = mgr.client
    labels, changed, late = LabelChangedPredicate(), any_change(), is_late_arrival()
    claims = enqueue_requests_from_map_func
    (
        ctrl.new_controller_managed_by(mgr)
        .for_(metal3api.HostClaim, predicates=(host_changed(),))
        .watches(metal3api.BareMetalHost, claims(claims_of_host(reader)), predicates=(changed,))
        .watches(metal3api.HostDeployPolicy, claims(claims_of_policy(reader)), predicates=(late,))
        .watches(corev1.Namespace, claims(claims_of_namespace(reader)), predicates=(labels,))
        .watches(corev1.Secret, claims(claims_of_secret(reader)), predicates=(late,))
        .watches(UnmarkedSecret, claims(claims_of_secret(reader)), predicates=(is_new(),))
        .with_options(options)
        .complete(HostClaimReconciler(env=env))
    )
