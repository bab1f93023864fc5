"""Images made for one host to boot the agent: asked for, watched, and used when they fit."""

from typing import Final

from metal3.api.core import v1 as corev1
from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.provisioner import PreprovisioningImage
from metal3.runtime.client import AlreadyExistsError, NotFoundError, Patch, PatchType
from metal3.runtime.types import NamespacedName

from .actions import Action, Failed
from .architecture import architecture
from .hostpass import HostPass
from .letting_go import let_go
from .secret_access import SecretNotFoundError, acquire_secret

State = metal3api.ProvisioningState
Kind = metal3api.PreprovisioningImage
Type = metal3api.PreprovisioningImageConditionType

_NO_AGENT: Final = frozenset({State.REGISTERING, State.DELETING, State.POWERING_OFF_BEFORE_DELETE})
_RUNNING: Final = frozenset({State.PROVISIONED, State.EXTERNALLY_PROVISIONED})
FINALIZER: Final = metal3api.PREPROVISIONING_IMAGE_HOST_FINALIZER


async def find_image(p: HostPass) -> tuple[PreprovisioningImage | None, Action | None]:
    """The image to boot, None when there is none (yet); or what to do instead of going on."""
    formats = await p.provisioner.preprovisioning_image_formats()
    if formats is None or not needs_agent(p):
        return None, None
    await _claim_network_data(p)
    image = await _ensure(p, tuple(formats))
    if image is None:
        return None, None
    error = metav1.find_condition(image.status.conditions, Type.ERROR)
    if error is not None and error.status == metav1.ConditionStatus.TRUE:
        message = error.message or "it could not be built"
        p.fail(
            metal3api.ErrorType.REGISTRATION_ERROR,
            f"the pre-provisioning image cannot be used: {message}",
        )
        # The machine was not tried: it is as soon as there is news of the image.
        return None, Failed(held=False)
    if not await _is_current(p, image, tuple(formats)):
        return None, None
    return _usable(image), None


def needs_agent(p: HostPass) -> bool:
    """Whether the state may boot the agent."""
    if p.state in _NO_AGENT:
        return False
    if p.state in _RUNNING:
        return p.status.operational_status == metal3api.OperationalStatus.SERVICING
    if p.state == State.DEPROVISIONING:
        mode = p.host.spec.automated_cleaning_mode
        return mode != metal3api.AutomatedCleaningMode.DISABLED
    if p.state == State.INSPECTING:
        return metal3api.inspection_mode(p.host) != metal3api.InspectionMode.FAST
    return True


async def _ensure(p: HostPass, formats: tuple[str, ...]) -> Kind | None:
    """Create or bring up to date what is asked for; None when it was just created."""
    wanted = _wanted(p, formats)
    try:
        image = await p.env.client.get(Kind, p.key)
    except NotFoundError:
        try:
            await p.env.client.create(wanted)
        except AlreadyExistsError:
            return None
        return None
    if image.metadata.deletion_timestamp is not None:
        # It stays usable as long as our finalizer holds it.
        return image if metav1.has_finalizer(image, FINALIZER) else None
    if image.spec.to_dict() == wanted.spec.to_dict():
        return image
    body = {
        "metadata": {"resourceVersion": image.metadata.resource_version},
        "spec": {"networkDataName": None, **wanted.spec.to_dict()},
    }
    return await p.env.client.patch(image, Patch(PatchType.MERGE, body))


def _wanted(p: HostPass, formats: tuple[str, ...]) -> Kind:
    image = Kind.named(p.key.name, p.key.namespace)
    image.metadata.labels = dict(p.host.metadata.labels)
    image.metadata.finalizers = [FINALIZER]
    image.metadata.owner_references = [metav1.owner_reference(p.host, controller=True)]
    if p.host.spec.preprovisioning_network_data_name:
        image.spec.network_data_name = p.host.spec.preprovisioning_network_data_name
    image.spec.architecture = architecture(p.host)
    image.spec.accept_formats = list(formats)
    return image


async def _is_current(p: HostPass, image: Kind, formats: tuple[str, ...]) -> bool:
    """Whether it was built from what is asked for now, and is ready."""
    ready = metav1.find_condition(image.status.conditions, Type.READY)
    if ready is None or ready.status != metav1.ConditionStatus.TRUE:
        return False
    if ready.observed_generation != image.metadata.generation:
        return False
    if (image.status.architecture or "") != (image.spec.architecture or ""):
        return False
    return image.status.format in formats and await _has_current_network_data(p, image)


async def _has_current_network_data(p: HostPass, image: Kind) -> bool:
    built = image.status.network_data
    name = p.host.spec.preprovisioning_network_data_name or ""
    if (built.name or "" if built else "") != name:
        return False
    if not name or built is None:
        return True
    secret = await _claim_network_data(p)
    return secret is not None and (built.version or "") == secret.metadata.resource_version


async def _claim_network_data(p: HostPass) -> corev1.Secret | None:
    """Mark the Secret as ours before the image is made: marking changes its version."""
    name = p.host.spec.preprovisioning_network_data_name
    if not name:
        return None
    key = NamespacedName(p.key.namespace, name)
    try:
        return await acquire_secret(
            p.env.client, p.env.live, key, owner=p.host, finalizer=not p.is_deleting
        )
    except SecretNotFoundError:
        return None


def _usable(image: Kind) -> PreprovisioningImage:
    status = image.status
    return PreprovisioningImage(
        image_url=status.image_url or "",
        format=status.format or "",
        kernel_url=status.kernel_url or "",
        extra_kernel_params=status.extra_kernel_params or "",
    )


async def release_image(p: HostPass) -> None:
    """Let the host's image go; not by the cache alone where images are made."""
    if not p.env.options.build_preprovisioning_images:
        try:
            await p.env.client.get(Kind, p.key)
        except NotFoundError:
            return
    await let_go(p.env, Kind, p.key, FINALIZER)
