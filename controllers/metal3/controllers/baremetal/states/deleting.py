"""The end of a host."""

import contextlib
from datetime import timedelta
from typing import Final

from metal3.api.core import v1 as corev1
from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers.baremetal.host.actions import Action, Complete, Continue, Failed, Stop
from metal3.controllers.baremetal.host.hostpass import HostPass
from metal3.controllers.baremetal.host.letting_go import let_go
from metal3.controllers.baremetal.host.preprovisioning import release_image
from metal3.controllers.baremetal.metrics import DELETE_WITHOUT_POWERING_OFF
from metal3.provisioner import NeedsRegistrationError, RebootMode
from metal3.runtime.client import NotFoundError
from metal3.runtime.types import NamespacedName

from .deprovisioning import GIVE_UP_AFTER

State = metal3api.ProvisioningState
Error = metal3api.ErrorType

DELETE_RETRY: Final = timedelta(minutes=1)


async def powering_off_before_delete(p: HostPass) -> Action:
    """Leave no machine running that nobody looks after; not for ever, though."""
    if p.host.spec.disable_power_off:
        return _off(p)
    try:
        action = await _power_off(p)
    except NeedsRegistrationError:
        if p.login.is_usable:
            raise
        return Complete(next_state=State.DELETING)
    if isinstance(action, Failed) and p.status.error_count > GIVE_UP_AFTER:
        p.after_save.append(DELETE_WITHOUT_POWERING_OFF.inc)
        return Complete(next_state=State.DELETING)
    return action


async def _power_off(p: HostPass) -> Action:
    result = await p.provisioner.power_off(
        RebootMode.HARD,
        force=p.error_type == Error.POWER_MANAGEMENT_ERROR,
        automated_cleaning_mode=p.host.spec.automated_cleaning_mode or "",
    )
    if result.error_message:
        return p.fail(Error.POWER_MANAGEMENT_ERROR, result.error_message)
    if result.dirty:
        return Continue(after=result.requeue_after)
    p.status.powered_on = False
    return _off(p)


def _off(p: HostPass) -> Action:
    p.clear_error()
    p.status.error_count = 0
    return Complete(next_state=State.DELETING)


async def deleting(p: HostPass) -> Action:
    """Have the backend forget the host, then let go of all that was held for it."""
    result = await p.provisioner.delete()
    if result.error_message:
        p.why = f"the backend does not let the host go: {result.error_message}"
        return Continue(after=DELETE_RETRY)
    if result.dirty:
        return Continue(after=result.requeue_after)
    return await release(p)


async def release(p: HostPass) -> Action:
    """Take all finalizers away, the host's own last."""
    spec = p.host.spec
    names = [spec.bmc.credentials_name if spec.bmc else "", spec.preprovisioning_network_data_name]
    for name in filter(None, names):
        key = NamespacedName(p.key.namespace, name)
        await let_go(p.env, corev1.Secret, key, metal3api.SECRET_FINALIZER)
    await release_image(p)
    # Not by the cache alone: what was made a moment ago would be held for ever.
    await let_go(p.env, metal3api.HardwareData, p.key, metal3api.HARDWARE_DATA_FINALIZER)
    left = [f for f in p.host.metadata.finalizers if f != metal3api.HOST_FINALIZER]
    if metav1.has_finalizer(p.host, metal3api.HOST_FINALIZER):
        with contextlib.suppress(NotFoundError):
            await p.writer.set_finalizers(p.host, left)
    return Stop()
