"""Letting go of a host without touching the machine, and taking it back."""

from datetime import timedelta
from typing import Final

from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers.baremetal.metrics import DELETE_DELAYED_FOR_DETACHED

from .actions import Action, Continue
from .hostpass import HostPass

State = metal3api.ProvisioningState
Status = metal3api.OperationalStatus
Error = metal3api.ErrorType

POLL: Final = timedelta(minutes=10)
PUT_OFF: Final = (
    f"the deletion waits until the annotation {metal3api.DETACHED_ANNOTATION} is taken away, or "
    "says that a detached host may be deleted"
)
AT_REST: Final = frozenset(
    {State.PROVISIONED, State.EXTERNALLY_PROVISIONED, State.READY, State.AVAILABLE}
)


def is_deletion_put_off(p: HostPass) -> bool:
    """Whether a detached host must be attached again before it may go."""
    wish = metal3api.detached_annotation(p.host)
    if wish is None:
        put_off = p.status.operational_status == Status.DETACHED
    else:
        put_off = wish.delete_action == metal3api.DeleteAction.DELAY
    if put_off:
        DELETE_DELAYED_FOR_DETACHED.inc()
    return put_off


async def check_detached(p: HostPass) -> Action | None:
    """Detach, stay detached or attach; None when the host is to be worked on."""
    if p.state == State.DELETING:
        return None
    wish = metal3api.detached_annotation(p.host)
    if wish is not None and (p.state in AT_REST or wish.force):
        return await _detach(p, force=wish.force)
    if p.error_type == Error.DETACH_ERROR:
        p.clear_error()
        p.status.error_count = 0
    if p.status.operational_status == Status.DETACHED:
        p.status.operational_status = Status.ERROR if p.error_type else Status.OK
    return None


async def _detach(p: HostPass, *, force: bool) -> Action:
    if p.status.operational_status == Status.DETACHED:
        return Continue(after=POLL)
    result = await p.provisioner.detach(force=force)
    if result.error_message:
        return p.fail(Error.DETACH_ERROR, result.error_message)
    if result.dirty:
        return Continue(after=result.requeue_after)
    if p.error_type == Error.DETACH_ERROR:
        p.clear_error()
    p.status.error_count = 0
    p.status.operational_status = Status.DETACHED
    return Continue(after=POLL)
