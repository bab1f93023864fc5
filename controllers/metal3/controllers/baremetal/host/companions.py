"""Objects that go with a host under its own name: firmware settings, components, update policy."""

from typing import TypeVar

from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.client import AlreadyExistsError, NotFoundError, Patch, PatchType

from .hostpass import HostPass

T = TypeVar("T", bound=metav1.Object)


async def ensure_companions(p: HostPass) -> None:
    """See that they exist and belong to the host, so that they go when it goes."""
    if p.is_deleting:
        return
    if not await _adopt(p, metal3api.HostFirmwareSettings):
        await _create(p, _settings(p))
    if not await _adopt(p, metal3api.HostFirmwareComponents):
        await _create_components(p)
    await _adopt(p, metal3api.HostUpdatePolicy)
    await _adopt(p, metal3api.DataImage)


async def _create_components(p: HostPass) -> None:
    """Only for hosts that have components; the backend is asked once for each registration.

    A host that is past registering was asked for by the process before this one.
    """
    host_id = p.status.provisioning.id
    if p.state != metal3api.ProvisioningState.REGISTERING:
        p.env.components_checked.setdefault(p.key, host_id)
    if p.env.components_checked.get(p.key) == host_id:
        return
    if await p.provisioner.firmware_components():
        await _create(p, _components(p))
    p.env.components_checked[p.key] = host_id


def _settings(p: HostPass) -> metal3api.HostFirmwareSettings:
    settings = metal3api.HostFirmwareSettings.named(p.key.name, p.key.namespace)
    settings.spec.settings = {}
    return settings


def _components(p: HostPass) -> metal3api.HostFirmwareComponents:
    components = metal3api.HostFirmwareComponents.named(p.key.name, p.key.namespace)
    components.spec.updates = []
    return components


async def _create(p: HostPass, obj: metav1.Object) -> None:
    obj.metadata.owner_references = [metav1.owner_reference(p.host)]
    try:
        await p.env.client.create(obj)
    except AlreadyExistsError:
        # The cache is behind, or somebody was faster: adopted on the next look.
        return


async def _adopt(p: HostPass, kind: type[T]) -> bool:
    """Whether it exists; one that nobody owns yet gets the host as its owner."""
    try:
        obj = await p.env.client.get(kind, p.key)
    except NotFoundError:
        return False
    if metav1.set_owner_reference(obj, metav1.owner_reference(p.host)):
        meta = obj.metadata.to_dict()
        body = {
            "metadata": {
                "ownerReferences": meta["ownerReferences"],
                "resourceVersion": obj.metadata.resource_version,
            }
        }
        await p.env.client.patch(obj, Patch(PatchType.MERGE, body))
    return True
