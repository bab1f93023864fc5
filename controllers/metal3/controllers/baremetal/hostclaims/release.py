"""Taking a claim's host out of its hands.

The order makes it safe to be killed at any point: the host is told to forget the image, and only
when it has none any more the Secrets go, then the bond, then the claim. Until the bond is cut the
next look finds the host again and goes on.
"""

from datetime import timedelta
from typing import Any, Final

from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.client import ForbiddenError, InvalidError, NotFoundError, Patch, PatchType
from metal3.runtime.patch import drop_finalizer
from metal3.runtime.reconcile import Result
from metal3.runtime.types import NamespacedName, key_of

from .association import find_bound, noted_host
from .claimpass import ClaimPass
from .data_secrets import remove_copies
from .syncing import COPIED, REBOOT_PREFIX, paused_by

State = metal3api.ProvisioningState
Type = metal3api.HostClaimConditionType
Reason = metal3api.HostClaimConditionReason
FALSE = metav1.ConditionStatus.FALSE

STUCK_RETRY: Final = timedelta(minutes=1)
"""How often a host that cannot be released is looked at, besides being woken by it."""
_OCCUPIED: Final = frozenset({State.PROVISIONING, State.PROVISIONED, State.DEPROVISIONING})


async def release(p: ClaimPass) -> Result:
    """One step towards a claim without host, and without finalizer; raises ConflictError."""
    if not metav1.has_finalizer(p.claim, metal3api.HOST_CLAIM_FINALIZER):
        return Result()
    host = await find_bound(p.env, p.claim)
    if host is not None:
        waits_for = await _let_go(p, host)
        if waits_for:
            return await _tell(p, waits_for)
    elif (noted := noted_host(p.claim)) is not None:
        await _remove_copies(p, noted)
    await drop_finalizer(p.env.client, p.claim, metal3api.HOST_CLAIM_FINALIZER)
    return Result()


async def _let_go(p: ClaimPass, host: metal3api.BareMetalHost) -> str:
    """Free the host; what has to be waited for, empty once it is done."""
    if metal3api.PAUSED_ANNOTATION in p.claim.metadata.annotations:
        return f"paused: remove the claim's annotation {metal3api.PAUSED_ANNOTATION}"
    if paused_by(host):
        return f"host {key_of(host)} is paused by {paused_by(host)}"
    try:
        host = await _clear(p, host)
    except (InvalidError, ForbiddenError) as error:
        return f"host {key_of(host)} cannot be changed: {error}"[:1024]
    except NotFoundError:
        return ""
    if _is_occupied(host):
        return _why(host)
    await _remove_copies(p, key_of(host))
    await _cut(p, host)
    message = f"gave host {key_of(host)} back"
    p.env.recorder.normal(p.claim, "BareMetalHostReleased", message, related=host)
    return ""


def _is_occupied(host: metal3api.BareMetalHost) -> bool:
    """Whether something of the claim's may be on the disks; a host that is to go cleans itself."""
    if host.metadata.deletion_timestamp is not None:
        return False
    return host.status.provisioning.state in _OCCUPIED or metal3api.was_provisioned(host)


def _why(host: metal3api.BareMetalHost) -> str:
    status = host.status
    text = f"host {key_of(host)} is {status.provisioning.state}"
    if metal3api.is_detached(host):
        return f"{text} and detached: attach it, so that it can be cleaned"
    return f"{text}: {status.error_message}" if status.error_message else text


async def _clear(p: ClaimPass, host: metal3api.BareMetalHost) -> metal3api.BareMetalHost:
    """Ask for nothing any more, and for an idle host that is off, unless it must never be."""
    now, online = host.spec.to_dict(), bool(host.spec.disable_power_off)
    spec: dict[str, Any] = {key: None for key in COPIED if key in now and key != "online"}
    ours = [key for key in host.metadata.annotations if _is_ours(host, key)]
    if not spec and not ours and host.spec.online == online:
        return host
    body: dict[str, Any] = {
        "metadata": {
            "resourceVersion": host.metadata.resource_version,
            "annotations": dict.fromkeys(ours),
        },
        "spec": {**spec, "online": online},
    }
    return await p.env.client.patch(host, Patch(PatchType.MERGE, body))


def _is_ours(host: metal3api.BareMetalHost, key: str) -> bool:
    if key == metal3api.PAUSED_ANNOTATION:
        return host.metadata.annotations[key] == metal3api.PAUSED_BY_HOST_CLAIM
    return key.startswith(REBOOT_PREFIX)


async def _remove_copies(p: ClaimPass, host: NamespacedName) -> None:
    await remove_copies(p.env, p.claim, host.namespace, keep=frozenset())


async def _cut(p: ClaimPass, host: metal3api.BareMetalHost) -> None:
    body = {
        "metadata": {"resourceVersion": host.metadata.resource_version},
        "spec": {"consumerRef": None},
    }
    try:
        await p.env.client.patch(host, Patch(PatchType.MERGE, body))
    except NotFoundError:
        return


async def _tell(p: ClaimPass, message: str) -> Result:
    paused = "paused" in message.partition(":")[0]
    reason = Reason.HOST_PAUSED if paused else Reason.DELETING
    for kind in (Type.READY, Type.PROVISIONED, Type.SYNCHRONIZED):
        p.condition(kind, FALSE, reason, message)
    await p.save()
    return Result(requeue_after=STUCK_RETRY)
