"""Applying RAID, firmware settings and firmware updates to a host without an instance."""

from dataclasses import replace

from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers.baremetal.host.actions import Action, Complete, Continue
from metal3.controllers.baremetal.host.firmware import (
    WAIT,
    FirmwareWish,
    firmware_wish,
    forget_flashing,
    note_flashing,
    signature,
)
from metal3.controllers.baremetal.host.hostpass import HostPass
from metal3.controllers.baremetal.host.raid import (
    clear_settings,
    is_dirty,
    store_settings,
    wanted_settings,
)
from metal3.provisioner import PrepareData, Result

State = metal3api.ProvisioningState
Error = metal3api.ErrorType


async def preparing(p: HostPass) -> Action:
    """Start what differs, wait for it, and note what was applied as soon as it was begun."""
    wish = await firmware_wish(p)
    if wish.waiting:
        return Continue(after=WAIT, why=wish.waiting)
    wanted = wanted_settings(p.host)
    retrying = p.error_type == Error.PREPARATION_ERROR
    # What was noted when the failed attempt began is not on the disks.
    disks_dirty = retrying or is_dirty(p.host, wanted)
    if _was_tried(p, wish) and not retrying:
        # The settings were applied in this very phase, so whatever still differs did not stick.
        wish = _without_settings(wish)
    result, started = await p.provisioner.prepare(
        _data(p, wish, wanted, retrying=retrying),
        unprepared=disks_dirty or wish.is_dirty,
        restart_on_failure=retrying,
    )
    if result.error_message:
        return await _failed(p, result.error_message, disks_dirty=disks_dirty)
    if started:
        p.clear_error()
        await note_flashing(p, wish)
        if wish.settings_dirty:
            p.env.firmware_attempts[p.key] = signature(wish)
    if disks_dirty and (started or not result.dirty):
        store_settings(p.host, wanted)
    return await _outcome(p, result, wish)


async def _outcome(p: HostPass, result: Result, wish: FirmwareWish) -> Action:
    if result.dirty:
        return Continue(after=result.requeue_after)
    refused = await _refused_settings(p, wish)
    p.env.firmware_attempts.pop(p.key, None)
    if refused:
        return p.fail(
            Error.PREPARATION_ERROR,
            "the firmware did not take the values of these settings: " + ", ".join(refused),
        )
    p.clear_error()
    p.status.error_count = 0
    return Complete(next_state=State.AVAILABLE)


async def _failed(p: HostPass, message: str, *, disks_dirty: bool) -> Action:
    if disks_dirty:
        clear_settings(p.host)
    p.env.firmware_attempts.pop(p.key, None)
    await forget_flashing(p)
    return p.fail(Error.PREPARATION_ERROR, message)


def _data(
    p: HostPass, wish: FirmwareWish, wanted: metal3api.ProvisionStatus, *, retrying: bool
) -> PrepareData:
    """After a failure nothing is taken for granted about the disks."""
    return PrepareData(
        target_raid=wanted.raid,
        actual_raid=None if retrying else p.status.provisioning.raid,
        root_device_hints=wanted.root_device_hints,
        target_firmware_settings=wish.settings if wish.settings_dirty else {},
        actual_firmware_settings=wish.current,
        target_firmware_components=wish.updates if wish.components_dirty else (),
    )


def _was_tried(p: HostPass, wish: FirmwareWish) -> bool:
    return p.env.firmware_attempts.get(p.key) == signature(wish)


def _without_settings(wish: FirmwareWish) -> FirmwareWish:
    """The same wish without settings: they are not applied twice in one phase."""
    return replace(wish, settings_dirty=False)


async def _refused_settings(p: HostPass, wish: FirmwareWish) -> list[str]:
    """Names of settings that were applied and still differ."""
    if not _was_tried(p, wish):
        return []
    current = (await p.provisioner.firmware_settings(include_schema=False)).settings
    return sorted(n for n, value in wish.settings.items() if str(value) != current.get(n))
