"""How many hosts may boot over the provisioning network at one time.

The count comes from the shared listing. A place that was promised counts until the listing shows
the host at work, so that hosts asking in the same second do not share one.
"""

import asyncio
from typing import Final

from metal3 import bmc
from metal3.runtime.types import NamespacedName

from ._node import Node, State
from ._session import Session
from ._snapshot import Snapshot, list_nodes

PROMISE: Final = 60.0
"""Seconds after which a promised place that was not taken is free again."""

BUSY: Final = frozenset({
    State.CLEANING, State.CLEAN_WAIT, State.INSPECTING, State.INSPECT_WAIT,
    State.DEPLOYING, State.DEPLOY_WAIT, State.DELETING,
})  # fmt: skip


def is_limited(session: Session) -> bool:
    """See the seam: machines that boot from an ISO image never wait."""
    try:
        return not bmc.parse(session.host.bmc_address).supports_iso_preprovisioning_image
    except bmc.BMCAddressError:
        return False


async def has_capacity(session: Session) -> bool:
    """See the seam."""
    if not is_limited(session):
        return True
    now = asyncio.get_running_loop().time()
    snapshot = session.informer.snapshot
    if not session.informer.is_running:
        snapshot = await list_nodes(session.client, now)
    taken = _taken(session, snapshot, now)
    me = session.host.key
    if me not in taken and len(taken) >= session.config.provisioning_limit:
        return False
    session.memory.slots[me] = now
    return True


def _taken(session: Session, snapshot: Snapshot, now: float) -> set[NamespacedName | str]:
    """Hosts, and nodes that belong to no host, that have a place."""
    slots = session.memory.slots
    key_of = session.informer.key_of
    busy = {key_of(node) or node.uuid for node in snapshot.nodes.values() if _counts(node)}
    for holder, since in list(slots.items()):
        if now - since > PROMISE or holder in busy:
            del slots[holder]
    return busy | slots.keys()


def _counts(node: Node) -> bool:
    """Machines that boot from an ISO image put no load on the provisioning network."""
    boot = node.text("boot_interface")
    return node.state in BUSY and "virtual-media" not in boot and boot != "redfish-https"
