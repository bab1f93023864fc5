"""Finding the node of a host: by ID, by name, or by the MAC address it boots from."""

from typing import Any, cast

from metal3.provisioner import ProvisionerError

from ._errors import NotFoundError
from ._node import SEPARATOR, Node, node_name
from ._session import Session


class TakenError(ProvisionerError):
    """The host's MAC address belongs to a node of another name; the message is for the user."""


async def find(session: Session) -> Node | None:
    """The node if there is one; raises TakenError.

    The order is upstream's: the stored ID, the full name, the bare name older versions gave, and
    at last the node that owns a port with the boot MAC address.
    """
    host = session.host
    node = None
    if host.provisioner_id:
        node = session.informer.fresh(host.provisioner_id) or await session.read(
            host.provisioner_id
        )
    node = node or await _named(session, node_name(host.key))
    if node is None and SEPARATOR not in host.key.name:
        node = await _legacy(session)
    if node is None and host.boot_mac_address:
        node = await _by_mac(session, host.boot_mac_address)
    return session.use(node) if node is not None else None


async def _named(session: Session, name: str) -> Node | None:
    informer = session.informer
    uuid = informer.uuid_of(name)
    if informer.is_running and uuid is None:
        # Not in the listing. If somebody made it since, creating it again is refused.
        return None
    return (informer.fresh(uuid) if uuid is not None else None) or await session.read(uuid or name)


async def _legacy(session: Session) -> Node | None:
    name = session.host.key.name
    if session.informer.is_running and session.informer.uuid_of(name) is None:
        return None
    return await session.read(name)


async def _by_mac(session: Session, mac: str) -> Node | None:
    for owner in await owners_of(session, mac):
        node = await session.read(owner)
        if node is None:
            continue
        if node.name and node.name != node_name(session.host.key):
            raise TakenError(
                f"MAC address {mac} is already used by node {node.name!r} in Ironic: correct "
                "bootMACAddress, or delete that node"
            )
        return node
    return None


async def owners_of(session: Session, mac: str) -> list[str]:
    """UUIDs of nodes that have a port with this MAC address: none or one."""
    query = {"address": mac.lower(), "fields": "uuid,address,node_uuid"}
    try:
        answer = await session.client.get("ports", query=query)
    except NotFoundError:
        return []
    ports = cast("list[dict[str, Any]]", answer.get("ports") or [])
    return [str(port["node_uuid"]) for port in ports]
