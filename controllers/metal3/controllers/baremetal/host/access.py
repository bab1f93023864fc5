"""For the controllers beside the host's own: the host of an object, and its machine."""

from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.provisioner import HostData, Provisioner
from metal3.runtime.client import NotFoundError
from metal3.runtime.types import NamespacedName, key_of

from .environment import Environment

State = metal3api.ProvisioningState

_UNREACHABLE = frozenset({State.NONE, State.UNMANAGED, State.DELETING})


async def find_host(env: Environment, key: NamespacedName) -> metal3api.BareMetalHost | None:
    """The host, or None."""
    try:
        return await env.client.get(metal3api.BareMetalHost, key)
    except NotFoundError:
        return None


def is_reachable(host: metal3api.BareMetalHost) -> bool:
    """Whether the backend knows the host and nobody asked to leave it alone."""
    if metal3api.is_paused(host) or metal3api.is_detached(host):
        return False
    return bool(host.status.provisioning.id) and host.status.provisioning.state not in _UNREACHABLE


async def machine_of(env: Environment, host: metal3api.BareMetalHost) -> Provisioner:
    """The backend's side of the host, without its login; raises NotReadyError."""
    data = HostData(
        key=key_of(host),
        uid=host.metadata.uid,
        provisioner_id=host.status.provisioning.id,
        boot_mac_address=host.spec.boot_mac_address or "",
    )
    return await env.backend.provisioner(data, _ignore)


def _ignore(_reason: str, _message: str) -> None:
    """Events of the backend are told by the host's own controller."""
