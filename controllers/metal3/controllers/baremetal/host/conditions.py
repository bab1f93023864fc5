"""Conditions of a host: what programs wait for, and in their messages what people need to know."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Final

from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api

from .hostpass import HostPass

State = metal3api.ProvisioningState
Type = metal3api.HostConditionType
Reason = metal3api.HostConditionReason
Status = metal3api.OperationalStatus

TRUE, FALSE = metav1.ConditionStatus.TRUE, metav1.ConditionStatus.FALSE
UNKNOWN = metav1.ConditionStatus.UNKNOWN

_UNMANAGED: Final = frozenset({State.NONE, State.UNMANAGED})
_RUNNING: Final = frozenset({State.PROVISIONED, State.EXTERNALLY_PROVISIONED})
_FREE: Final = frozenset({State.AVAILABLE, State.READY})
_NO_POWER_NEWS: Final = _UNMANAGED | {State.REGISTERING, State.DELETING}
_PROGRESS: Final = {
    State.REGISTERING: (Reason.REGISTERING, "making the host known to the backend"),
    State.INSPECTING: (Reason.INSPECTING, "looking at the hardware"),
    State.MATCH_PROFILE: (Reason.INSPECTING, "looking at the hardware"),
    State.PREPARING: (Reason.PREPARING, "applying RAID and firmware settings"),
    State.PROVISIONING: (Reason.PROVISIONING, "cleaning the disks and writing the image"),
    State.DEPROVISIONING: (Reason.DEPROVISIONING, "taking the image off and cleaning"),
    State.POWERING_OFF_BEFORE_DELETE: (
        Reason.POWERING_OFF_BEFORE_DELETE,
        "switching off before the host is deleted",
    ),
    State.DELETING: (Reason.DELETING, "removing the host from the backend"),
}
_HEALTH: Final = {
    "OK": (TRUE, Reason.HEALTHY, "the BMC reports that the hardware is healthy"),
    "Warning": (FALSE, Reason.WARNING, "the BMC reports a hardware warning: see its event log"),
    "Critical": (
        FALSE,
        Reason.CRITICAL_ERROR,
        "the BMC reports a critical hardware error: see its event log",
    ),
}


@dataclass(frozen=True, slots=True)
class _Verdict:
    status: str
    reason: str
    message: str = ""


async def update_conditions(p: HostPass) -> None:
    """Bring all conditions in line with the state, the error and what the backend knows."""
    for kind, verdict in [*_verdicts(p), *[v async for v in _hardware_verdicts(p)]]:
        new = metav1.Condition(
            type=kind,
            status=verdict.status,
            reason=verdict.reason,
            message=verdict.message,
            observed_generation=p.host.metadata.generation,
        )
        metav1.set_condition(p.status.conditions, new, now=p.now)
    p.status.conditions.sort(key=lambda c: (c.type != Type.READY, c.type))


def _verdicts(p: HostPass) -> Iterator[tuple[Type, _Verdict]]:
    yield Type.MANAGEABLE, _manageable(p)
    yield Type.AVAILABLE_FOR_PROVISIONING, _available(p)
    yield Type.PROVISIONED, _provisioned(p)
    yield Type.READY, _ready(p)
    yield Type.PROGRESSING, _progressing(p)


async def _hardware_verdicts(p: HostPass) -> AsyncIterator[tuple[Type, _Verdict]]:
    """Power control and health, as far as the backend can be asked."""
    askable = p.access is not None and p.state not in _NO_POWER_NEWS and not _is_detached(p)
    if askable and await p.provisioner.has_power_failure():
        yield (
            Type.MANAGEABLE,
            _Verdict(
                FALSE,
                Reason.POWER_FAILURE,
                "power cannot be controlled: check that the BMC is reachable, has power and "
                "still takes the login",
            ),
        )
    health = await p.provisioner.health() if askable else ""
    known = metav1.find_condition(p.status.conditions, Type.HEALTHY)
    if health in _HEALTH:
        yield Type.HEALTHY, _Verdict(*_HEALTH[health])
    elif health or known is None:
        message = f"the backend reports {health!r}" if health else "not reported yet"
        yield Type.HEALTHY, _Verdict(UNKNOWN, Reason.UNKNOWN, message)


def _manageable(p: HostPass) -> _Verdict:
    if p.state in _UNMANAGED:
        return _Verdict(
            FALSE, Reason.NOT_MANAGED, "set spec.bmc to say how the host's BMC is reached"
        )
    if p.state == State.REGISTERING:
        if _is_in_error(p):
            return _Verdict(FALSE, Reason.REGISTRATION_FAILED, p.status.error_message)
        return _Verdict(FALSE, Reason.REGISTERING, p.why or "checking access to the BMC")
    return _Verdict(TRUE, Reason.MANAGEABLE)


def _available(p: HostPass) -> _Verdict:
    if p.state in _FREE:
        return _Verdict(TRUE, Reason.AVAILABLE)
    return _Verdict(FALSE, Reason.NOT_AVAILABLE, f"the host is {p.state or 'new'}")


def _provisioned(p: HostPass) -> _Verdict:
    if p.state in _RUNNING:
        return _Verdict(TRUE, Reason.PROVISIONED)
    return _Verdict(FALSE, Reason.NOT_PROVISIONED, _why_not_provisioned(p))


def _why_not_provisioned(p: HostPass) -> str:
    if p.state not in _FREE:
        return f"the host is {p.state or 'new'}"
    wants = p.host.spec.image is not None or p.host.spec.custom_deploy is not None
    if not wants:
        return "set spec.image to provision the host"
    return "" if p.host.spec.online else "set spec.online to true: only then an image is written"


def _ready(p: HostPass) -> _Verdict:
    if _is_in_error(p):
        return _Verdict(FALSE, Reason.ERROR, p.status.error_message)
    if p.status.operational_status == Status.SERVICING:
        return _Verdict(FALSE, Reason.SERVICING, "firmware is being changed")
    if _is_detached(p):
        return _Verdict(
            FALSE, Reason.DETACHED, f"remove the annotation {metal3api.DETACHED_ANNOTATION}"
        )
    return _provisioned(p)


def _progressing(p: HostPass) -> _Verdict:
    if _is_detached(p):
        return _Verdict(FALSE, Reason.DETACHED, "")
    if p.state not in _PROGRESS:
        return _Verdict(FALSE, Reason.NOT_PROGRESSING, p.why)
    reason, message = _PROGRESS[State(p.state)]
    if p.status.operational_status == Status.DELAYED:
        message = "waiting for a free slot: too many hosts are being worked on"
    return _Verdict(TRUE, reason, p.why or message)


def _is_in_error(p: HostPass) -> bool:
    return p.status.operational_status == Status.ERROR


def _is_detached(p: HostPass) -> bool:
    return p.status.operational_status == Status.DETACHED
