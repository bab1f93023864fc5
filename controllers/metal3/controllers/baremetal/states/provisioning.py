"""Putting an image on a host, and keeping it there."""

from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers.baremetal.host.actions import IMMEDIATELY, Action, Complete, Continue
from metal3.controllers.baremetal.host.attempt import custom_deploy, is_outdated, note_attempt
from metal3.controllers.baremetal.host.hostconfig import HostConfigError, host_config
from metal3.controllers.baremetal.host.hostpass import HostPass
from metal3.controllers.baremetal.host.power import manage_power, pending_reboots
from metal3.controllers.baremetal.host.pullsecret import (
    MissingPullSecretError,
    PullSecretError,
    image_pull_secret,
)
from metal3.provisioner import HostConfig, ProvisionData

State = metal3api.ProvisioningState
Error = metal3api.ErrorType


async def provisioning(p: HostPass) -> Action:
    """Deploy; a failure or a change of mind leads back through deprovisioning."""
    if p.error_type:
        p.status.provisioning_fail_count += 1
        return Complete(next_state=State.DEPROVISIONING)
    if metal3api.is_provisioning_cancelled(p.host) or is_outdated(p.host):
        # The backend would come to an end with the old image, and nobody would know. (The Go
        # operator then shows the new one as provisioned.)
        return Complete(next_state=State.DEPROVISIONING)
    if note_attempt(p.host):
        return Continue(after=IMMEDIATELY)
    try:
        data = await _data(p)
    except (HostConfigError, MissingPullSecretError) as error:
        return Continue(after=p.resync, why=str(error))
    except PullSecretError as error:
        p.warn(error.reason, str(error))
        return p.fail(Error.PROVISIONING_ERROR, str(error))
    return await _deploy(p, data)


async def _deploy(p: HostPass, data: ProvisionData) -> Action:
    result = await p.provisioner.provision(data, force_reboot=bool(pending_reboots(p)))
    if result.error_message:
        return p.fail(Error.PROVISIONING_ERROR, result.error_message)
    if result.dirty:
        return Continue(after=result.requeue_after)
    return await _deployed(p)


async def _data(p: HostPass) -> ProvisionData:
    """All that is to be deployed; raises HostConfigError, PullSecretError."""
    spec, status = p.host.spec, p.status.provisioning
    image = spec.image.deep_copy() if spec.image and spec.image.url else None
    # A live ISO has no use for the data, so it does not wait for it either.
    needs_data = image is None or not metal3api.is_live_iso(image)
    return ProvisionData(
        image=image,
        host_config=await host_config(p) if needs_data else HostConfig(),
        boot_mode=status.boot_mode or metal3api.boot_mode(p.host),
        root_device_hints=status.root_device_hints,
        custom_deploy=custom_deploy(p.host),
        image_pull_secret=await image_pull_secret(p),
    )


async def _deployed(p: HostPass) -> Action:
    spec, status = p.host.spec, p.status.provisioning
    status.image = spec.image.deep_copy() if spec.image and spec.image.url else None
    status.custom_deploy = custom_deploy(p.host)
    power = await p.provisioner.update_hardware_state()
    if power.powered_on is not None:
        p.status.powered_on = power.powered_on
    p.clear_error()
    p.status.error_count = 0
    p.status.provisioning_fail_count = 0
    return Complete(next_state=State.PROVISIONED)


async def provisioned(p: HostPass) -> Action:
    """Keep the instance as it is, until it is no longer asked for."""
    if metal3api.is_provisioning_cancelled(p.host):
        return Complete(next_state=State.DEPROVISIONING)
    return await adopt(p) or await manage_power(p)


async def externally_provisioned(p: HostPass) -> Action:
    """Keep what somebody else put there; when the flag goes, it becomes ours."""
    if p.host.spec.externally_provisioned:
        return await adopt(p) or await manage_power(p)
    spec, status = p.host.spec, p.status.provisioning
    status.image = spec.image.deep_copy() if spec.image else None
    status.custom_deploy = custom_deploy(p.host)
    return Complete(next_state=State.PROVISIONED)


async def adopt(p: HostPass) -> Action | None:
    """Have the backend take over what runs; None when it has."""
    failed_before = p.error_type == Error.PROVISIONED_REGISTRATION_ERROR
    result = await p.provisioner.adopt(state=p.state, restart_on_failure=failed_before)
    if result.error_message:
        return p.fail(Error.PROVISIONED_REGISTRATION_ERROR, result.error_message)
    if result.dirty:
        return Continue(after=result.requeue_after)
    if failed_before:
        p.clear_error()
        p.status.error_count = 0
    return None
