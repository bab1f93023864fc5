"""A host at rest without an instance: where it goes next."""

from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers.baremetal.host.actions import Action, Complete, Continue
from metal3.controllers.baremetal.host.attempt import note_attempt
from metal3.controllers.baremetal.host.firmware import WAIT, firmware_wish
from metal3.controllers.baremetal.host.hostpass import HostPass
from metal3.controllers.baremetal.host.power import manage_power
from metal3.controllers.baremetal.host.raid import clear_settings, is_dirty, wanted_settings
from metal3.controllers.baremetal.host.retry import RETRY_ANNOTATION

State = metal3api.ProvisioningState
Error = metal3api.ErrorType


async def available(p: HostPass) -> Action:
    """Inspect, prepare or provision when it is asked for; else see to the power."""
    if p.host.spec.externally_provisioned:
        clear_settings(p.host)
        return Complete(next_state=State.EXTERNALLY_PROVISIONED)
    if _asks_for_inspection(p):
        return Complete(next_state=State.INSPECTING)
    if is_dirty(p.host, wanted_settings(p.host)):
        return Complete(next_state=State.PREPARING)
    wish = await firmware_wish(p)
    if wish.is_dirty and not wish.waiting:
        return Complete(next_state=State.PREPARING)
    if wish.waiting and metal3api.needs_provisioning(p.host):
        # Else an image would be written before settings that were asked for at the same time.
        return Continue(after=WAIT, why=wish.waiting)
    return await _provision_or_rest(p)


def is_wanted_at_once(p: HostPass) -> bool:
    """Whether an image waits for the host; then it does not come to rest here."""
    return metal3api.needs_provisioning(p.host)


async def _provision_or_rest(p: HostPass) -> Action:
    _count_anew(p)
    if metal3api.needs_provisioning(p.host):
        limit = p.env.options.max_provisioning_retries
        if limit and p.status.provisioning_fail_count >= limit:
            return p.fail(Error.PROVISIONING_ERROR, _gave_up(limit))
        p.clear_error()
        note_attempt(p.host)
        return Complete(next_state=State.PROVISIONING)
    if p.error_type == Error.PROVISIONING_ERROR:
        p.clear_error()
    return await manage_power(p)


def _asks_for_inspection(p: HostPass) -> bool:
    """An annotation on a host that must not be inspected is ignored, and the user told so.

    (With the Go operator such a host goes round through inspecting and preparing for ever.)
    """
    if not metal3api.has_inspect_annotation(p.host):
        return False
    if metal3api.inspection_is_disabled(p.host):
        p.why = (
            f"ignoring the annotation {metal3api.INSPECT_ANNOTATION}: "
            "spec.inspectionMode is disabled"
        )
        return False
    return True


def _count_anew(p: HostPass) -> None:
    """Another image, or none, starts with no failures."""
    image, last = p.host.spec.image, p.status.last_attempted_image
    wants = bool(image and image.url) or p.host.spec.custom_deploy is not None
    same = last is None or (image is not None and image.to_dict() == last.to_dict())
    if not wants or not same:
        p.status.provisioning_fail_count = 0
        p.status.last_attempted_image = None


def _gave_up(limit: int) -> str:
    return (
        f"provisioning failed {limit} times and is not tried again: change spec.image, or set the "
        f"annotation {RETRY_ANNOTATION} to start over"
    )
