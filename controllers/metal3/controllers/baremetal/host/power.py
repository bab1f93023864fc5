"""Keeping the power of a host at rest as its spec and annotations ask for."""

from datetime import timedelta
from typing import Final

from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers.baremetal.metrics import POWER_CHANGES
from metal3.provisioner import Result

from .actions import IMMEDIATELY, Action, Continue
from .dataimage import sync_data_image
from .hostpass import HostPass
from .servicing import is_servicing, service_if_needed

State = metal3api.ProvisioningState
Error = metal3api.ErrorType

POWER_POLL: Final = timedelta(seconds=10)
_ANY_REBOOT: Final = frozenset({State.PROVISIONED, State.EXTERNALLY_PROVISIONED})


def pending_reboots(p: HostPass) -> tuple[metal3api.RebootRequest, ...]:
    """Reboot requests that count in this state: elsewhere than on an instance only forced ones."""
    requests = metal3api.reboot_requests(p.host)
    if p.state in _ANY_REBOOT:
        return requests
    return tuple(request for request in requests if request.force)


async def manage_power(p: HostPass) -> Action:
    """One step towards the wanted power state."""
    state = await p.provisioner.update_hardware_state()
    if state.powered_on is not None and state.powered_on != p.status.powered_on:
        p.status.powered_on = state.powered_on
        if p.error_type == Error.POWER_MANAGEMENT_ERROR:
            p.clear_error()
    base = metal3api.REBOOT_ANNOTATION
    if not p.status.powered_on and base in p.host.metadata.annotations:
        # Seen off: the one reboot that was asked for has happened.
        await p.writer.remove_annotations(p.host, base)
    return await _towards(p)


async def _towards(p: HostPass) -> Action:
    reboots = pending_reboots(p)
    _warn_of_invalid(p, reboots)
    wanted = p.host.spec.online and not reboots
    if p.host.spec.online and not p.status.powered_on:
        before_boot = await _before_switching_on(p, wanted=wanted)
        if before_boot is not None:
            return before_boot
    elif is_servicing(p):
        servicing = await service_if_needed(p)
        if servicing is not None:
            return servicing
    if p.host.spec.disable_power_off and reboots:
        return await _reboot(p, reboots)
    if wanted == p.status.powered_on:
        return _settled(p)
    if p.host.spec.disable_power_off and not wanted:
        p.why = "ignoring spec.online: false: disablePowerOff is set"
        return _settled(p)
    return await _switch(p, reboots, on=wanted)


async def _before_switching_on(p: HostPass, *, wanted: bool) -> Action | None:
    """Things that are done while a running instance is off for a moment."""
    if p.state == State.PROVISIONED and wanted:
        data_image = await sync_data_image(p)
        if data_image is not None:
            return data_image
    return await service_if_needed(p) if p.state in _ANY_REBOOT else None


async def _switch(p: HostPass, reboots: tuple[metal3api.RebootRequest, ...], *, on: bool) -> Action:
    failed_before = p.error_type == Error.POWER_MANAGEMENT_ERROR
    if on:
        result = await p.provisioner.power_on(force=failed_before)
        return _outcome(p, result, on=on)
    mode = _mode(p, reboots)
    result = await _power_off(p, mode, force=failed_before)
    if result.error_message and mode == metal3api.RebootMode.SOFT:
        result = Result.failed(
            f"the operating system did not shut down, the power will be cut: {result.error_message}"
        )
    return _outcome(p, result, on=on)


def _mode(p: HostPass, reboots: tuple[metal3api.RebootRequest, ...]) -> metal3api.RebootMode:
    """Soft at first; hard after a failure or when it is asked for."""
    if p.status.error_count > 0:
        return metal3api.RebootMode.HARD
    return metal3api.combined_reboot_mode(reboots)


async def _power_off(p: HostPass, mode: metal3api.RebootMode, *, force: bool) -> Result:
    return await p.provisioner.power_off(
        mode, force=force, automated_cleaning_mode=p.host.spec.automated_cleaning_mode or ""
    )


async def _reboot(p: HostPass, reboots: tuple[metal3api.RebootRequest, ...]) -> Action:
    """A host that must not be off is restarted, once, when the plain annotation asks for it.

    Suffixed annotations want the host held off, which is not possible here: they are told so and
    ignored. (The Go operator restarts the host for ever.)
    """
    if all(request.holds_off for request in reboots):
        keys = ", ".join(request.key for request in reboots)
        p.why = f"ignoring {keys}: disablePowerOff is set, so the host cannot be held off"
        return _settled(p)
    result = await _power_off(
        p, _mode(p, reboots), force=p.error_type == Error.POWER_MANAGEMENT_ERROR
    )
    if result.error_message:
        return p.fail(Error.POWER_MANAGEMENT_ERROR, result.error_message)
    if result.dirty:
        # It could not be asked for yet, so it is still owed.
        return Continue(after=result.requeue_after or IMMEDIATELY)
    await p.writer.remove_annotations(p.host, metal3api.REBOOT_ANNOTATION)
    _count(p, on=False)
    return Continue(after=IMMEDIATELY)


def _outcome(p: HostPass, result: Result, *, on: bool) -> Action:
    if result.error_message:
        return p.fail(Error.POWER_MANAGEMENT_ERROR, result.error_message)
    if result.dirty:
        _count(p, on=on)
        return Continue(after=result.requeue_after or IMMEDIATELY)
    p.status.powered_on = on
    return _settled(p)


def _count(p: HostPass, *, on: bool) -> None:
    namespace, host = p.key
    counter = POWER_CHANGES.labels(namespace=namespace, host=host, on_off="on" if on else "off")
    p.after_save.append(counter.inc)


def _settled(p: HostPass) -> Action:
    """Power is as wanted."""
    if p.error_type == Error.POWER_MANAGEMENT_ERROR:
        p.clear_error()
    p.status.error_count = 0
    return Continue(after=p.resync)


def _warn_of_invalid(p: HostPass, reboots: tuple[metal3api.RebootRequest, ...]) -> None:
    if p.status.powered_on:
        for request in reboots:
            if not request.valid:
                p.warn(
                    "InvalidAnnotationValue",
                    f"The value of {request.key} is not understood; taken as a soft reboot",
                )
