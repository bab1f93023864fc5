"""What a claim's owner is told: often somebody who may not look at the host itself."""

from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.client import NotFoundError
from metal3.runtime.types import key_of

from .association import Waiting
from .choice import FREE
from .claimpass import ClaimPass, reference_of
from .syncing import Outcome

State = metal3api.ProvisioningState
Type = metal3api.HostClaimConditionType
Reason = metal3api.HostClaimConditionReason
HostReason = metal3api.HostConditionReason
TRUE, FALSE = metav1.ConditionStatus.TRUE, metav1.ConditionStatus.FALSE

_RUNNING = frozenset({State.PROVISIONED, State.EXTERNALLY_PROVISIONED})
_SUMMED_UP = (Type.ASSOCIATED, Type.SYNCHRONIZED, Type.PROVISIONED)


def report_waiting(p: ClaimPass, waiting: Waiting) -> None:
    """There is no host."""
    p.status.hardware_data = None
    p.status.powered_on = None
    p.condition(Type.ASSOCIATED, FALSE, waiting.reason, waiting.message)
    for kind in (Type.SYNCHRONIZED, Type.PROVISIONED, Type.AVAILABLE_FOR_PROVISIONING):
        p.condition(kind, FALSE, waiting.reason, "the claim has no host yet")
    summarize(p)


async def report_host(p: ClaimPass, outcome: Outcome) -> None:
    """The claim has a host; what is known of it."""
    host = outcome.host
    p.status.bare_metal_host = reference_of(host)
    p.status.hardware_data = await _hardware_data(p, host)
    p.status.powered_on = host.status.powered_on
    p.condition(Type.ASSOCIATED, TRUE, Reason.BARE_METAL_HOST_ASSOCIATED, f"host {key_of(host)}")
    complete = TRUE if outcome.is_complete else FALSE
    p.condition(Type.SYNCHRONIZED, complete, outcome.reason, outcome.message)
    _report_provisioned(p, host)
    _report_available(p, host)
    summarize(p, problem=host.status.error_message)


def summarize(p: ClaimPass, problem: str = "") -> None:
    """Ready: everything else is in order, and the host has no ``problem``."""
    for kind in _SUMMED_UP:
        found = metav1.find_condition(p.status.conditions, kind)
        if found is None or found.status != TRUE:
            reason = found.reason if found else Reason.NO_BARE_METAL_HOST
            p.condition(Type.READY, FALSE, reason, found.message if found else "")
            return
    if problem:
        p.condition(Type.READY, FALSE, Reason.BAD_BARE_METAL_HOST_STATUS, problem)
        return
    p.condition(Type.READY, TRUE, HostReason.PROVISIONED)


def _report_provisioned(p: ClaimPass, host: metal3api.BareMetalHost) -> None:
    state = host.status.provisioning.state
    if state in _RUNNING and not metal3api.is_provisioning_cancelled(host):
        p.condition(Type.PROVISIONED, TRUE, HostReason.PROVISIONED)
    elif host.status.error_message:
        reason, message = Reason.BAD_BARE_METAL_HOST_STATUS, host.status.error_message
        p.condition(Type.PROVISIONED, FALSE, reason, message)
    else:
        p.condition(Type.PROVISIONED, FALSE, HostReason.NOT_PROVISIONED, _progress(p, host))


def _report_available(p: ClaimPass, host: metal3api.BareMetalHost) -> None:
    kind, state = Type.AVAILABLE_FOR_PROVISIONING, host.status.provisioning.state
    if state in FREE and not host.status.error_message:
        p.condition(kind, TRUE, HostReason.AVAILABLE)
    else:
        p.condition(kind, FALSE, HostReason.NOT_AVAILABLE, f"the host is {state or 'new'}")


def _progress(p: ClaimPass, host: metal3api.BareMetalHost) -> str:
    state = host.status.provisioning.state
    found = metav1.find_condition(host.status.conditions, metal3api.HostConditionType.PROGRESSING)
    if found is not None and found.message:
        return f"the host is {state or 'new'}: {found.message}"
    if state not in FREE:
        return f"the host is {state or 'new'}"
    spec = p.claim.spec
    if spec.image is None and spec.custom_deploy is None:
        return "set spec.image to have something written to the host"
    if not spec.powered_on:
        return "set spec.poweredOn to true: only then an image is written"
    return "the host is about to be provisioned"


async def _hardware_data(
    p: ClaimPass, host: metal3api.BareMetalHost
) -> metal3api.HostReference | None:
    try:
        await p.env.client.get(metal3api.HardwareData, key_of(host))
    except NotFoundError:
        return None
    return reference_of(host)
