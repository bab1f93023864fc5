"""All nodes as Ironic showed them, and what differs between two looks.

A look reads only the nodes that changed last, down to what was seen before; a listing reads all,
which takes long where there are many, but shows what is gone.
"""

from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, cast

from ._client import DISABLE_POWER_OFF, HEALTH, Client
from ._node import FIELDS, IN_FLIGHT, Node

PAGE: Final = 1000
"""Nodes asked for at once; Ironic may give fewer."""

FEWEST: Final = 5
MOST: Final = 100
"""Nodes that one look reads: with all their fields, which costs Ironic twice what a listing does."""

SKEW: Final = timedelta(seconds=5)
"""How far the clocks of conductors may be apart: they write down when a node changed."""

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
    """Nodes by UUID and by name; ``started_at`` is the loop's time before the first page.

    Whatever changed in Ironic later than ``mark``, by Ironic's clock, is not in it.
    """

    started_at: float = float("-inf")
    nodes: Mapping[str, Node] = field(default_factory=dict)
    by_name: Mapping[str, Node] = field(default_factory=dict)
    mark: datetime | None = None

    @classmethod
    def of(cls, started_at: float, nodes: Mapping[str, Node], mark: datetime | None) -> "Snapshot":
        """With an index of their names."""
        return cls(started_at, nodes, {n.name: n for n in nodes.values() if n.name}, mark)

    def without(self, uuids: Collection[str]) -> "Snapshot":
        """The same, but for some nodes."""
        if not any(uuid in self.nodes for uuid in uuids):
            return self
        nodes = {k: v for k, v in self.nodes.items() if k not in uuids}
        return Snapshot.of(self.started_at, nodes, self.mark)


@dataclass(frozen=True, slots=True, kw_only=True)
class Newest:
    """The nodes that changed last, from when to when; or all that there are."""

    nodes: Mapping[str, Node]
    times: Sequence[datetime | None]
    is_all: bool

    @property
    def newest(self) -> datetime | None:
        """When a node changed last."""
        return self.times[0] if self.times else None

    def reach(self, mark: datetime | None) -> bool:
        """Whether nothing that changed since then is missing."""
        oldest = self.times[-1] if self.times else None
        if self.is_all or oldest is None:  # it never changed, and comes after all that did
            return True
        return mark is not None and oldest < mark - SKEW

    def next_limit(self) -> int:
        """How many to read next time: as many changed lately, and perhaps one or two more."""
        since = self.newest - SKEW if self.newest else None
        lately = sum(1 for time in self.times if since and time and time >= since)
        return min(max(lately + lately // 4 + 2, FEWEST), MOST)


async def list_nodes(client: Client, now: float, mark: datetime | None = None) -> Snapshot:
    """Read all nodes, a page after the other; what changes meanwhile is later than ``mark``."""
    nodes: dict[str, Node] = {}
    async for page in _pages(client, "nodes", node_fields(client)):
        nodes.update((entry["uuid"], Node(entry, now)) for entry in page)
    return Snapshot.of(now, nodes, mark)


async def list_newest(client: Client, now: float, limit: int) -> Newest:
    """Read the nodes that changed last; ones that never changed come after all others.

    The time of the change cannot be asked for as a field, only with all of them.
    """
    order = {"detail": "true", "sort_key": "updated_at", "sort_dir": "desc", "limit": str(limit)}
    answer = await client.get("nodes", query=order)
    entries = cast("list[dict[str, Any]]", answer.get("nodes") or [])
    fields = node_fields(client)
    nodes = {e["uuid"]: Node({name: e.get(name) for name in fields}, now) for e in entries}
    times = [_time(entry.get("updated_at")) for entry in entries]
    return Newest(nodes=nodes, times=times, is_all=not answer.get("next"))


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


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
        if before is node:  # it was not read again
            continue
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
