"""Brings an unhealthy machine back by cutting its power, or hands it over to be replaced.

Watches: Metal3Remediation, its Machine, the BareMetalHost of that machine, Cluster (pausing).
Writes:  Metal3Remediation, annotations of the BareMetalHost, ``OwnerRemediated`` of the Machine,
         the node in the workload cluster.
Looks again: when the time of a try is up; after POLL while it waits for pods to leave a node, or
         for a node to come back.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from metal3 import ctrl
from metal3.api.cluster_x_k8s_io import v1beta2 as clusterv1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.client import NotFoundError
from metal3.runtime.handler import enqueue_requests_from_map_func
from metal3.runtime.patch import ensure_finalizer, patching

from . import metrics
from . import remediation_host as hosts
from .environment import Environment
from .remediation import (
    REMEDIATED_MACHINE_INDEX,
    RemediationScope,
    began,
    load_scope,
    remediated_machine,
    strategy_of,
    time_left,
    timeout_of,
)
from .remediation_ending import RemediationEnding
from .remediation_escalation import hand_over, is_found_unhealthy
from .remediation_node import NodeFence
from .remediation_wakeups import (
    power_matters,
    remediations_of_cluster,
    remediations_of_host,
    remediations_of_machine,
)
from .watchfilter import filtered
from .workload import WorkloadUnreachableError

Phase = infrav1.RemediationPhase
POLL: Final = timedelta(seconds=5)
NEXT: Final = timedelta(seconds=1)
"""A phase that was written is acted on when it was read: a late cache must not act twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metal3RemediationReconciler:
    """Each call does one step; every step has a time limit, and a deleted remediation ends."""

    env: Environment

    async def reconcile(self, req: ctrl.Request) -> ctrl.Result:
        """Drive one remediation; unexpected errors go up, to be retried with backoff."""
        client = self.env.client
        try:
            m3r = await client.get(infrav1.Metal3Remediation, req)
        except NotFoundError:
            return ctrl.Result()
        scope = await load_scope(self.env, m3r)
        if clusterv1.is_paused(m3r, scope.cluster):
            return ctrl.Result()
        if m3r.metadata.deletion_timestamp or not scope.machine_stays:
            return await RemediationEnding(env=self.env, poll=POLL).drive(scope)
        if m3r.status.phase == Phase.RUNNING:
            await ensure_finalizer(client, m3r, infrav1.REMEDIATION_FINALIZER)
        async with patching(client, m3r, optimistic_lock=True):
            return await self._drive(scope)

    async def _drive(self, scope: RemediationScope) -> ctrl.Result:
        m3r = scope.m3r
        if m3r.status.phase == Phase.DELETING_MACHINE:
            return ctrl.Result()
        problem = _problem(scope)
        if problem:
            self._fail(m3r, problem)
            return ctrl.Result()
        if m3r.status.phase not in {Phase.RUNNING, Phase.WAITING}:
            return self._begin(m3r, "the machine is to be power-cycled")
        if scope.host is None:
            return await self._patience(scope)
        return await self._treat(scope, scope.host)

    async def _treat(self, scope: RemediationScope, host: metal3api.BareMetalHost) -> ctrl.Result:
        if hosts.is_in_other_hands(host):
            return ctrl.Result()  # they can take their time
        if scope.m3r.status.phase == Phase.RUNNING:
            return await self._run(scope, host)
        return await self._wait(scope, host)

    async def _run(self, scope: RemediationScope, host: metal3api.BareMetalHost) -> ctrl.Result:
        """Power off, and only then tell the cluster that nothing runs there any more."""
        m3r = scope.m3r
        if not hosts.is_held_off(host, m3r):
            if hosts.can_be_rebooted(host):
                await hosts.power_off(self.env.client, host, m3r)
            return await self._patience(scope)
        if host.status.powered_on:
            return await self._patience(scope)
        if await self._is_fenced(scope) or not time_left(m3r, self.env.now()):
            self._enter(m3r, Phase.WAITING)
            self.env.recorder.normal(m3r, "HostPoweredOff", "the host is off; it may power on")
            return ctrl.Result(requeue_after=NEXT)
        return ctrl.Result(requeue_after=POLL)

    async def _is_fenced(self, scope: RemediationScope) -> bool:
        """A cluster that cannot be asked may be down with this very machine: go on then."""
        m3r, now = scope.m3r, self.env.now()
        try:
            return await NodeFence(env=self.env).fence(scope)
        except WorkloadUnreachableError as error:
            if not scope.is_control_plane and now - began(m3r, now) < timeout_of(m3r) / 2:
                return False
            self.env.recorder.warning(m3r, "NodeNotFenced", f"the node was left as it is: {error}")
            return True

    async def _wait(self, scope: RemediationScope, host: metal3api.BareMetalHost) -> ctrl.Result:
        """Power on, give the node back what it had, and see whether the machine recovers."""
        m3r = scope.m3r
        if hosts.is_held_off(host, m3r):
            await hosts.let_power_on(self.env.client, host, m3r)
            return await self._patience(scope)
        if not host.status.powered_on:
            return await self._patience(scope)
        if metav1.has_finalizer(m3r, infrav1.REMEDIATION_FINALIZER):
            if await self._is_restored(scope):
                metav1.remove_finalizer(m3r, infrav1.REMEDIATION_FINALIZER)
                self.env.recorder.normal(m3r, "NodeRestored", "the host is on, the node is free")
            elif time_left(m3r, self.env.now()):
                return ctrl.Result(requeue_after=POLL)
        if not time_left(m3r, self.env.now()) and await self._is_healthy(scope):
            return ctrl.Result(requeue_after=self.env.options.resync)
        return await self._patience(scope)

    async def _is_restored(self, scope: RemediationScope) -> bool:
        try:
            return await NodeFence(env=self.env).restore(scope)
        except WorkloadUnreachableError:
            return False

    async def _is_healthy(self, scope: RemediationScope) -> bool:
        """The remediation's maker deletes it then; until it does nobody cuts the power again."""
        if metav1.has_finalizer(scope.m3r, infrav1.REMEDIATION_FINALIZER):
            return False  # its node is not what it was
        if scope.machine is None or is_found_unhealthy(scope.machine):
            return False
        return await NodeFence(env=self.env).is_ready(scope)

    async def _patience(self, scope: RemediationScope) -> ctrl.Result:
        """Whatever is waited for wakes us; when it does not come in time, the try has failed."""
        left = time_left(scope.m3r, self.env.now())
        if left:
            return ctrl.Result(requeue_after=left)
        m3r, tries = scope.m3r, scope.m3r.status.retry_count or 0
        limit = strategy_of(m3r).retry_limit
        if tries < limit and scope.host is not None:
            m3r.status.retry_count = tries + 1
            return self._begin(m3r, f"the machine did not recover: try {tries + 1} of {limit}")
        await self._escalate(scope)
        return ctrl.Result()

    async def _escalate(self, scope: RemediationScope) -> None:
        m3r, client = scope.m3r, self.env.client
        # What is written now is taken back when the remediation is deleted with its machine there.
        await ensure_finalizer(client, m3r, infrav1.REMEDIATION_FINALIZER)
        if scope.host is not None:
            await hosts.mark_unhealthy(client, scope.host, m3r)
        if scope.machine is not None:
            await hand_over(client, scope.machine, m3r, now=self.env.now())
        self._enter(m3r, Phase.DELETING_MACHINE)
        text = "the machine could not be brought back; its owner is to replace it"
        self.env.recorder.warning(m3r, "RemediationEscalated", text, related=scope.machine)

    def _begin(self, m3r: infrav1.Metal3Remediation, text: str) -> ctrl.Result:
        m3r.status.last_remediated = metav1.format_time(self.env.now())
        self._enter(m3r, Phase.RUNNING)
        self.env.recorder.normal(m3r, "RemediationStarted", text)
        return ctrl.Result(requeue_after=NEXT)

    def _fail(self, m3r: infrav1.Metal3Remediation, problem: str) -> None:
        """Not for ever: it begins anew when the cause is gone."""
        if m3r.status.phase != Phase.FAILED:
            self._enter(m3r, Phase.FAILED)
            self.env.recorder.warning(m3r, "RemediationFailed", problem)

    def _enter(self, m3r: infrav1.Metal3Remediation, phase: Phase) -> None:
        m3r.status.phase = phase
        metrics.REMEDIATIONS.labels(phase=str(phase)).inc()


def _problem(scope: RemediationScope) -> str:
    kind = strategy_of(scope.m3r).type or infrav1.RemediationType.REBOOT
    if kind != infrav1.RemediationType.REBOOT:
        return f"strategy {kind} is not known"
    host = scope.host
    if host is not None and not host.spec.online:
        return f"host {host.metadata.name} is meant to be off (spec.online)"
    return ""


def add_remediation(mgr: ctrl.Manager, env: Environment, options: ctrl.ControllerOptions) -> None:
    """Add the controller, and the index it needs."""
    mgr.cache.index_field(infrav1.Metal3Remediation, REMEDIATED_MACHINE_INDEX, remediated_machine)
    client, mapped = mgr.client, enqueue_requests_from_map_func
    (
        ctrl.new_controller_managed_by(mgr)
        .for_(infrav1.Metal3Remediation)
        .watches(clusterv1.Machine, mapped(remediations_of_machine(client)))
        .watches(
            metal3api.BareMetalHost,
            mapped(remediations_of_host(client)),
            predicates=(power_matters(),),
        )
        .watches(clusterv1.Cluster, mapped(remediations_of_cluster(client)))
        .with_options(options)
        .complete(filtered(env, infrav1.Metal3Remediation, Metal3RemediationReconciler(env=env)))
    )
