"""From a claim to its host.

Two writes make the bond. First the claim's status names the host, on the claim's own revision: of
two managers, or of two looks at the claim, only one can choose. Then the host's consumerRef names
the claim, on the host's revision: of two claims only one can win. A claim that names a host asks
the server about it before it looks elsewhere, so no claim ever holds two hosts, whatever the cache
says and whenever the operator is killed.
"""

from dataclasses import dataclass

from metal3.api.core import v1 as corev1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers.baremetal.host.environment import Environment
from metal3.runtime.client import ConflictError, NotFoundError, Patch, PatchType
from metal3.runtime.types import NamespacedName, key_of

from .choice import SelectorError, decide, rejection, selector_of
from .claimpass import ClaimPass, reference_of
from .policies import Permissions, permissions
from .wakeups import CONSUMER_INDEX, FREE_INDEX, IS_FREE, consumer_of

Reason = metal3api.HostClaimConditionReason

BAD_POLICY = "InvalidHostDeployPolicy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """No host yet, and why. ``lost`` is set when there was one."""

    message: str
    lost: bool = False

    @property
    def reason(self) -> Reason:
        """For the condition."""
        return Reason.MISSING_BARE_METAL_HOST if self.lost else Reason.NO_BARE_METAL_HOST


async def find_bound(
    env: Environment, claim: metal3api.HostClaim
) -> metal3api.BareMetalHost | None:
    """The host whose consumer is this claim; None when there is none."""
    known = await _known(env, claim)
    if known is not None:
        return known
    host = await _noted(env, claim)
    return host if host is not None and consumer_of(host) == key_of(claim) else None


async def associate(p: ClaimPass) -> metal3api.BareMetalHost | Waiting:
    """The claim's host, bound now if need be; raises ConflictError when somebody was faster."""
    bound = await _known(p.env, p.claim)
    noted = None if bound else await _noted(p.env, p.claim)
    if bound is None and noted is not None and consumer_of(noted) == key_of(p.claim):
        bound = noted
    if bound is not None:
        p.status.bare_metal_host = reference_of(bound)
        return bound
    allowed = await _permissions(p)
    try:
        if noted is not None and _will_do(p, noted, allowed):
            return await _bind(p, noted)
        return await _choose(p, allowed)
    except SelectorError as error:
        return Waiting(message=str(error))


async def _known(env: Environment, claim: metal3api.HostClaim) -> metal3api.BareMetalHost | None:
    """The claim's host as far as the cache knows; if there are several, the one in its status."""
    index = {CONSUMER_INDEX: str(key_of(claim))}
    found = await env.client.list(metal3api.BareMetalHost, fields=index)
    noted = noted_host(claim)
    return min(found.items, key=lambda h: (key_of(h) != noted, key_of(h)), default=None)


async def _noted(env: Environment, claim: metal3api.HostClaim) -> metal3api.BareMetalHost | None:
    """The host the claim's status names, as the server has it."""
    key = noted_host(claim)
    if key is None:
        return None
    try:
        return await env.live.get(metal3api.BareMetalHost, key)
    except NotFoundError:
        return None


def noted_host(claim: metal3api.HostClaim) -> NamespacedName | None:
    """The host the claim's status names."""
    reference = claim.status.bare_metal_host
    return NamespacedName(reference.namespace, reference.name) if reference else None


def _will_do(p: ClaimPass, host: metal3api.BareMetalHost, allowed: Permissions) -> bool:
    """Whether the host that was chosen before is still to be had."""
    may = allowed.allows(host.metadata.namespace)
    return rejection(selector_of(p.claim), host, allowed=may) is None


async def _choose(p: ClaimPass, allowed: Permissions) -> metal3api.BareMetalHost | Waiting:
    hosts = await p.env.client.list(metal3api.BareMetalHost, fields={FREE_INDEX: IS_FREE})
    decision = decide(p.claim, hosts.items, allowed.allows)
    if not decision.candidates:
        everything = await p.env.client.list(metal3api.BareMetalHost)
        return _explain(p, decide(p.claim, everything.items, allowed.allows).explain())
    host = decision.candidates[0]
    p.status.bare_metal_host = reference_of(host)
    await p.save()
    return await _bind(p, host)


def _explain(p: ClaimPass, message: str) -> Waiting:
    noted = noted_host(p.claim)
    was_bound = any(
        c.type == metal3api.HostClaimConditionType.ASSOCIATED
        and (c.status == "True" or c.reason == Reason.MISSING_BARE_METAL_HOST)
        for c in p.status.conditions
    )
    if noted is not None and was_bound:
        return Waiting(message=f"host {noted} is gone or taken; {message}", lost=True)
    p.status.bare_metal_host = None
    return Waiting(message=message)


async def _bind(p: ClaimPass, host: metal3api.BareMetalHost) -> metal3api.BareMetalHost:
    claim = p.claim
    consumer = {
        "apiVersion": claim.gvk.api_version,
        "kind": claim.gvk.kind,
        "name": claim.metadata.name,
        "namespace": claim.metadata.namespace,
    }
    body = {
        "metadata": {"resourceVersion": host.metadata.resource_version},
        "spec": {"consumerRef": consumer},
    }
    try:
        bound = await p.env.client.patch(host, Patch(PatchType.MERGE, body))
    except NotFoundError as error:
        raise ConflictError(f"host {key_of(host)} went while it was chosen") from error
    message = f"got host {key_of(host)}"
    p.env.recorder.normal(claim, Reason.BARE_METAL_HOST_ASSOCIATED, message, related=host)
    return bound


async def _permissions(p: ClaimPass) -> Permissions:
    name = p.claim.metadata.namespace
    try:
        namespace = await p.env.client.get(corev1.Namespace, NamespacedName("", name))
    except NotFoundError:
        namespace = corev1.Namespace.named(name)  # just created, and not seen yet: no labels
    policies = await p.env.client.list(metal3api.HostDeployPolicy)
    found = permissions(namespace, policies.items)
    for refused in found.refused:
        p.env.recorder.warning(refused.policy, BAD_POLICY, f"ignored: {refused.why}")
    return found
