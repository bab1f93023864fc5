"""All nodes as one listing showed them, and what differs between two listings."""

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

from ._client import DISABLE_POWER_OFF, HEALTH, Client
from ._node import FIELDS, IN_FLIGHT, Node

PAGE: Final = 1000
"""Nodes asked for at once; Ironic may give fewer."""

WATCHED: Final = (
    "provision_state",
    "target_provision_state",
    "power_state",
    "target_power_state",
    "maintenance",
    "fault",
    "last_error",
    "instance_uuid",
    "name",
    "health",
)
"""A change of these is news for a host; the rest is written by the operator itself."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Nodes by UUID and by name; ``started_at`` is the loop's time before the first page."""

    started_at: float = float("-inf")
    nodes: Mapping[str, Node] = field(default_factory=dict)
    by_name: Mapping[str, Node] = field(default_factory=dict)


async def list_nodes(client: Client, now: float) -> Snapshot:
    """Read all nodes, a page after the other."""
    nodes: dict[str, Node] = {}
    async for page in _pages(client, "nodes", node_fields(client)):
        nodes.update((entry["uuid"], Node(entry, now)) for entry in page)
    by_name = {node.name: node for node in nodes.values() if node.name}
    return Snapshot(now, nodes, by_name)


async def list_ports(client: Client) -> dict[str, set[str]]:
    """MAC addresses of all ports by node."""
    ports: dict[str, set[str]] = {}
    async for page in _pages(client, "ports", ("uuid", "address", "node_uuid")):
        for entry in page:
            ports.setdefault(str(entry["node_uuid"]), set()).add(str(entry["address"]).lower())
    return ports


def node_fields(client: Client) -> tuple[str, ...]:
    """Fields to ask for at the agreed API version."""
    optional = (("disable_power_off", DISABLE_POWER_OFF), ("health", HEALTH))
    return FIELDS + tuple(name for name, minor in optional if client.supports(minor))


def changed(old: Snapshot, new: Snapshot) -> Iterator[Node]:
    """Nodes that are new, differ in what is watched, or are gone (as they were)."""
    for uuid, node in new.nodes.items():
        before = old.nodes.get(uuid)
        if before is None or signature(before) != signature(node):
            yield node
    for uuid, node in old.nodes.items():
        if uuid not in new.nodes:
            yield node


def signature(node: Node) -> tuple[object, ...]:
    """What is compared; of a resting node also when it came to rest.

    An agent's heartbeat moves that time while the node waits for it, so it says nothing then.
    """
    resting = None if node.state in IN_FLIGHT else node.raw.get("provision_updated_at")
    return (*(node.raw.get(name) for name in WATCHED), resting)


async def _pages(
    client: Client, resource: str, fields: tuple[str, ...]
) -> AsyncIterator[list[dict[str, Any]]]:
    """Follow the pages by the last UUID: Ironic's own links may name a host unknown here."""
    query = {"fields": ",".join(fields), "limit": str(PAGE)}
    while True:
        answer = await client.get(resource, query=query)
        page = cast("list[dict[str, Any]]", answer.get(resource) or [])
        yield page
        if not page or not answer.get("next"):
            return
        query = query | {"marker": str(page[-1]["uuid"])}
