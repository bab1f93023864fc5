"""Taking an image off a host."""

from typing import Final

from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers.baremetal.host.actions import Action, Complete, Continue, Failed
from metal3.controllers.baremetal.host.hostpass import HostPass
from metal3.controllers.baremetal.host.raid import clear_settings
from metal3.controllers.baremetal.metrics import DELETE_WITHOUT_DEPROVISIONING
from metal3.provisioner import NeedsRegistrationError

from .provisioning import adopt

State = metal3api.ProvisioningState
Error = metal3api.ErrorType

GIVE_UP_AFTER: Final = 3
"""A deletion goes on without a step that failed more often than this."""


async def deprovisioning(p: HostPass) -> Action:
    """Clean; a host that is to be deleted goes on even when that fails again and again."""
    try:
        action = await _deprovision(p)
    except NeedsRegistrationError:
        if not p.is_deleting or p.login.is_usable:
            raise
        return Complete(next_state=State.DELETING)
    if isinstance(action, Failed) and p.is_deleting and p.status.error_count > GIVE_UP_AFTER:
        p.after_save.append(DELETE_WITHOUT_DEPROVISIONING.inc)
        return Complete(next_state=State.POWERING_OFF_BEFORE_DELETE)
    return action


async def _deprovision(p: HostPass) -> Action:
    if metal3api.was_provisioned(p.host):
        adopting = await adopt(p)
        if adopting is not None:
            return adopting
    result = await p.provisioner.deprovision(
        restart_on_failure=p.error_type == Error.PROVISIONING_ERROR,
        automated_cleaning_mode=p.host.spec.automated_cleaning_mode or "",
    )
    if result.error_message:
        return p.fail(Error.PROVISIONING_ERROR, result.error_message)
    if result.dirty:
        p.clear_error()
        return Continue(after=result.requeue_after)
    p.status.provisioning.image = None
    p.status.provisioning.custom_deploy = None
    clear_settings(p.host)
    await p.writer.remove_annotations(p.host, metal3api.REBOOT_ANNOTATION)
    p.clear_error()
    p.status.error_count = 0
    after = State.POWERING_OFF_BEFORE_DELETE if p.is_deleting else State.AVAILABLE
    return Complete(next_state=after)
