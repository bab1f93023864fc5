"""The node's network ports, by which Ironic recognises the machine's agent."""

from typing import Any, cast

from metal3.provisioner import ManagementAccessData

from ._errors import ConflictError, LockedError
from ._lookup import owners_of
from ._node import Node
from ._session import Session


async def ensure_ports(session: Session, node: Node, data: ManagementAccessData) -> str:
    """Create missing ports; gives the reason when an address belongs to another node."""
    wanted = _wanted(session, data)
    known = session.informer.ports(node.uuid)
    if not (session.informer.is_running and wanted.keys() <= known):
        if wanted and not session.is_new:
            known |= await _existing(session, node)
        for mac in wanted.keys() - known:
            if problem := await _create(session, node, mac, pxe=wanted[mac]):
                return problem
            known.add(mac)
    return ""


def _wanted(session: Session, data: ManagementAccessData) -> dict[str, bool]:
    """MAC addresses, and whether the machine may boot from them."""
    ports: dict[str, bool] = {}
    for nic in data.hardware.nics if data.hardware is not None else ():
        if nic.mac:
            mac = nic.mac.lower()
            ports[mac] = ports.get(mac, False) or bool(nic.pxe)
    if session.host.boot_mac_address:
        ports[session.host.boot_mac_address.lower()] = True
    return ports


async def _existing(session: Session, node: Node) -> set[str]:
    query = {"node_uuid": node.uuid, "fields": "uuid,address,node_uuid"}
    answer = await session.client.get("ports", query=query)
    ports = cast("list[dict[str, Any]]", answer.get("ports") or [])
    return {str(port["address"]).lower() for port in ports}


async def _create(session: Session, node: Node, mac: str, *, pxe: bool) -> str:
    body = {"node_uuid": node.uuid, "address": mac, "pxe_enabled": pxe}
    try:
        await session.client.post("ports", body=body)
    except LockedError:
        raise
    except ConflictError:
        owners = await owners_of(session, mac)
        if node.uuid in owners:
            return ""
        return f"MAC address {mac} already belongs to another node ({', '.join(owners)}) in Ironic"
    return ""
