"""Firmware changes on a host that runs an instance, while it is off for a moment."""

from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.provisioner import ServicingData
from metal3.runtime.client import NotFoundError

from .actions import IMMEDIATELY, Action, Continue
from .firmware import WAIT, FirmwareWish, firmware_wish, forget_flashing, note_flashing
from .hostpass import HostPass

Status = metal3api.OperationalStatus
Error = metal3api.ErrorType


def is_servicing(p: HostPass) -> bool:
    """Whether a change of firmware was begun and has not ended well yet."""
    status, error = p.status.operational_status, p.error_type
    return status == Status.SERVICING or error == Error.SERVICING_ERROR


async def service_if_needed(p: HostPass) -> Action | None:
    """Apply what the update policy allows on reboot; None when there is nothing (left) to do."""
    under_way = is_servicing(p)
    wish = _allowed(await firmware_wish(p), await _policy(p))
    if not under_way and not wish.is_dirty:
        return None
    if wish.waiting:
        return Continue(after=WAIT, why=wish.waiting)
    if not under_way:
        # Saved before anything is done, so that an image for the agent can be asked for.
        p.status.operational_status = Status.SERVICING
        return Continue(after=IMMEDIATELY)
    return await _service(p, wish)


async def _service(p: HostPass, wish: FirmwareWish) -> Action | None:
    result, started = await p.provisioner.service(
        ServicingData(
            target_firmware_settings=wish.settings if wish.settings_dirty else {},
            actual_firmware_settings=wish.current,
            target_firmware_components=wish.updates if wish.components_dirty else (),
            has_firmware_spec=wish.has_spec,
        ),
        unprepared=wish.is_dirty,
        restart_on_failure=p.error_type == Error.SERVICING_ERROR,
    )
    if result.error_message:
        await forget_flashing(p)
        return p.fail(Error.SERVICING_ERROR, result.error_message)
    if started:
        await note_flashing(p, wish)
        p.clear_error()
    if result.dirty:
        p.status.operational_status = Status.SERVICING
        return Continue(after=result.requeue_after)
    p.clear_error()
    return None


async def _policy(p: HostPass) -> metal3api.HostUpdatePolicy | None:
    try:
        return await p.env.client.get(metal3api.HostUpdatePolicy, p.key)
    except NotFoundError:
        return None


def _allowed(wish: FirmwareWish, policy: metal3api.HostUpdatePolicy | None) -> FirmwareWish:
    """What of the wish the policy lets happen on a running host."""
    settings = policy is not None and metal3api.updates_on_reboot(policy.spec.firmware_settings)
    updates = policy is not None and metal3api.updates_on_reboot(policy.spec.firmware_updates)
    return FirmwareWish(
        settings=wish.settings if settings else {},
        current=wish.current,
        updates=wish.updates if updates else (),
        settings_dirty=wish.settings_dirty and settings,
        components_dirty=wish.components_dirty and updates,
        waiting=wish.waiting if settings or updates else "",
        components=wish.components if updates else None,
    )
