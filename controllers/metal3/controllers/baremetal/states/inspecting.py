"""Finding out what hardware a host has."""

from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers.baremetal.host.actions import Action, Complete, Continue
from metal3.controllers.baremetal.host.architecture import architecture
from metal3.controllers.baremetal.host.hardware import store_hardware
from metal3.controllers.baremetal.host.hostpass import HostPass
from metal3.controllers.baremetal.host.power import pending_reboots
from metal3.provisioner import InspectData

State = metal3api.ProvisioningState
Error = metal3api.ErrorType


async def inspecting(p: HostPass) -> Action:
    """Inspect and keep the result."""
    if metal3api.inspection_is_disabled(p.host):
        p.publish("InspectionSkipped", "Hardware inspection is disabled")
        return _done(p)
    refresh = metal3api.has_inspect_annotation(p.host)
    result, started, details = await p.provisioner.inspect_hardware(
        InspectData(
            boot_mode=p.status.provisioning.boot_mode or metal3api.boot_mode(p.host),
            cpu_architecture=architecture(p.host),
            inspection_mode=metal3api.inspection_mode(p.host),
        ),
        restart_on_failure=p.error_type == Error.INSPECTION_ERROR,
        refresh=refresh,
        force_reboot=bool(pending_reboots(p)),
    )
    if result.error_message:
        return p.fail(Error.INSPECTION_ERROR, result.error_message)
    if started:
        p.clear_error()
        await _consume_annotations(p, refresh=refresh)
    if result.dirty or details is None:
        return Continue(after=result.requeue_after)
    await store_hardware(p, details)
    return _done(p)


def _done(p: HostPass) -> Action:
    p.clear_error()
    p.status.error_count = 0
    return Complete(next_state=State.PREPARING)


async def _consume_annotations(p: HostPass, *, refresh: bool) -> None:
    """What asked for this inspection is granted by its start."""
    names = [metal3api.REBOOT_ANNOTATION]
    if refresh:
        names.append(metal3api.INSPECT_ANNOTATION)
    await p.writer.remove_annotations(p.host, *names)
