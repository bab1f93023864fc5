"""Making a host known to the backend, on every look, and what follows from it."""

import hashlib
from datetime import timedelta
from functools import partial
from typing import Final

from metal3.api.core import v1 as corev1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers.baremetal.metrics import (
    CREDENTIALS_UPDATED,
    NO_MANAGEMENT_ACCESS,
    REGISTRATION_REQUIRED,
    WAITING_FOR_PREPROVISIONING_IMAGE,
)
from metal3.provisioner import (
    ManagementAccessData,
    NeedsPreprovisioningImageError,
    PreprovisioningImage,
    ProvisionerError,
)

from .actions import Action, Continue
from .architecture import architecture
from .companions import ensure_companions
from .credentials import report_missing
from .hostconfig import HostConfigError, preprovisioning_network_data
from .hostpass import HostPass
from .preprovisioning import find_image
from .profiles import DEFAULT_PROFILE, UnknownProfileError, choose_profile, root_device_hints
from .raid import clear_settings

State = metal3api.ProvisioningState
Error = metal3api.ErrorType

IMAGE_POLL: Final = timedelta(minutes=5)
"""Backstop only: the image's readiness wakes the host."""


async def ensure_registered(p: HostPass) -> Action | None:
    """Register, or look whether the registration still holds; None when the host can be worked on.

    The backend's ID, and which credentials were tried, are written once these are known to work
    or not. After a kill in between they are sent again, and the backend finds the host by its
    name, so that saves a write for every host.
    """
    changed = _are_new_credentials(p)
    image, wait = await find_image(p)
    if wait is not None:
        return wait
    try:
        data = await _access_data(p, image)
    except HostConfigError as error:
        return report_missing(p, str(error))
    try:
        result, host_id = await p.provisioner.register(
            data,
            credentials_changed=changed,
            restart_on_failure=p.error_type == Error.REGISTRATION_ERROR,
        )
    except NeedsPreprovisioningImageError:
        return _missing_image(p, image)
    except ProvisionerError:
        NO_MANAGEMENT_ACCESS.inc()
        raise
    if p.login.secret is not None:
        p.env.sent_credentials[p.key] = _digest(p)
    # Registered anew: the ID is saved before anything is asked under it.
    anew = bool(p.status.provisioning.id) and _note_id(p, host_id)
    if anew or result.dirty:
        return Continue(after=result.requeue_after)
    _note_id(p, host_id)
    if result.error_message:
        _note_tried_credentials(p)
        return p.fail(Error.REGISTRATION_ERROR, result.error_message)
    return await _registered(p)


async def _registered(p: HostPass) -> Action | None:
    """What a registered host gets before its state is looked at."""
    try:
        profile = choose_profile(p.host)
    except UnknownProfileError as error:
        return p.fail(Error.REGISTRATION_ERROR, str(error))
    if p.status.hardware_profile != profile:
        p.status.hardware_profile = profile
        if profile != DEFAULT_PROFILE:
            p.publish("ProfileSet", f"Hardware profile set: {profile}")
    if p.status.provisioning.root_device_hints is None:
        # Only a change of hints is worth a trip through preparing.
        p.status.provisioning.root_device_hints = root_device_hints(p.host)
    _note_proven_login(p)
    if p.error_type == Error.REGISTRATION_ERROR:
        p.clear_error()
    await ensure_companions(p)
    return None


def _are_new_credentials(p: HostPass) -> bool:
    """Whether the login has yet to be sent to the backend.

    A Secret that changed otherwise, a label say, holds the login that was sent.
    """
    secret = p.login.secret
    if secret is None or metal3api.credentials_match(p.status.tried_credentials, secret):
        return False
    return p.env.sent_credentials.get(p.key) != _digest(p)


def _note_proven_login(p: HostPass) -> None:
    """The login works. If the Secret changed otherwise, that is worth no write and no event."""
    secret = p.login.secret
    if secret is None:
        return
    proven, digest = p.env.proven_credentials, _digest(p)
    if p.status.good_credentials is not None and proven.get(p.key) == digest:
        p.along.append(partial(_note_revision, p, secret))
        return
    _note_tried_credentials(p)
    _note_good_credentials(p, secret)
    p.after_save.append(partial(proven.__setitem__, p.key, digest))


def _note_tried_credentials(p: HostPass) -> None:
    secret = p.login.secret
    if secret is None or metal3api.credentials_match(p.status.tried_credentials, secret):
        return
    if p.status.tried_credentials is not None:
        p.after_save.append(CREDENTIALS_UPDATED.inc)
    p.status.tried_credentials = _reference(secret)


def _digest(p: HostPass) -> str:
    login = p.login.credentials
    return hashlib.sha256(f"{login.username}\0{login.password}".encode()).hexdigest()


def _note_good_credentials(p: HostPass, secret: corev1.Secret) -> None:
    if metal3api.credentials_match(p.status.good_credentials, secret):
        return
    p.status.good_credentials = _reference(secret)
    p.publish("BMCAccessValidated", "Verified access to BMC")


def _note_revision(p: HostPass, secret: corev1.Secret) -> None:
    p.status.tried_credentials = p.status.good_credentials = _reference(secret)


def _reference(secret: corev1.Secret) -> metal3api.CredentialsStatus:
    return metal3api.CredentialsStatus(
        credentials=metal3api.SecretReference(
            name=secret.metadata.name, namespace=secret.metadata.namespace
        ),
        credentials_version=secret.metadata.resource_version,
    )


def _note_id(p: HostPass, host_id: str) -> bool:
    """A new ID means that the backend had never heard of the host, or lost its database."""
    provisioning = p.status.provisioning
    if not host_id or provisioning.id == host_id:
        return False
    if provisioning.id:
        p.after_save.append(REGISTRATION_REQUIRED.inc)
    provisioning.id = host_id
    if p.state == State.PREPARING:
        clear_settings(p.host)
    return True


def _missing_image(p: HostPass, image: PreprovisioningImage | None) -> Action:
    if image is not None:
        return p.fail(
            Error.REGISTRATION_ERROR,
            "the pre-provisioning image is in no format that this host can boot",
        )
    WAITING_FOR_PREPROVISIONING_IMAGE.inc()
    return Continue(after=IMAGE_POLL, why="waiting for the pre-provisioning image to be ready")


async def _access_data(p: HostPass, image: PreprovisioningImage | None) -> ManagementAccessData:
    spec, status = p.host.spec, p.status
    return ManagementAccessData(
        boot_mode=status.provisioning.boot_mode or metal3api.boot_mode(p.host),
        automated_cleaning_mode=spec.automated_cleaning_mode or "",
        state=p.state,
        operational_status=status.operational_status,
        current_image=status.provisioning.image or spec.image,
        preprovisioning_image=image,
        preprovisioning_network_data=await preprovisioning_network_data(p),
        has_custom_deploy=bool(spec.custom_deploy and spec.custom_deploy.method),
        disable_power_off=bool(spec.disable_power_off),
        cpu_architecture=architecture(p.host),
        hardware=status.hardware,
        inspection_mode=metal3api.inspection_mode(p.host),
    )
