"""The backend's informer: one listing of all nodes at a time, instead of a request per host.

In: listings, and word of every write the backend makes. Out: nodes fresh enough to decide on, and
a wake-up for exactly those hosts whose node changed or went away.

It looks often while something is under way and rarely while nothing is. A node counts as fresh
when it was seen after the last write to it; a stale one is read again by whoever needs it.
"""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any, Final

from metal3.provisioner import BackendError, NotReadyError, Wake
from metal3.runtime.log import get_logger
from metal3.runtime.types import NamespacedName

from ._client import Client
from ._node import Node
from ._snapshot import WATCHED, Snapshot, changed, list_nodes, list_ports

IDLE: Final = 60.0
"""Seconds between listings while nothing is under way."""

BUSY: Final = 1.0
"""Shortest pause between two listings that nobody asked for."""

PATIENT: Final = 10.0
"""Longest pause while something is under way; reached when it has not moved for long."""

SETTLE: Final = 0.5
"""How long Ironic may take to show that it began what it was asked for."""

TRUST: Final = 120.0
"""Seconds for which a notification is proof that more of them would come."""

FIRST_LOOK: Final = 10.0
"""How long hosts wait for the first listing before they are told that Ironic is not ready."""

MIN_BACKOFF: Final = 1.0
MAX_BACKOFF: Final = 30.0

log = get_logger(__name__)


class NodeInformer:
    """Shared by all hosts of a backend; everything happens in one event loop."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._snapshot = Snapshot()
        self._newer: dict[str, Node] = {}
        self._written: dict[str, float] = {}
        self._expected: dict[str, float] = {}
        self._keys: dict[str, NamespacedName] = {}
        self._ports: dict[str, set[str]] = {}
        self._turned_away: set[NamespacedName] = set()
        self._nudged = asyncio.Event()
        self._moved_at = self._heard_at = float("-inf")
        self._took = 0.0
        self._running = False
        self._ready = False
        self._looked = asyncio.Event()
        self._reason = "the first listing of Ironic's nodes is not done yet"

    @property
    def is_running(self) -> bool:
        """Whether somebody looks, so that a change wakes its host."""
        return self._running

    @property
    def is_ready(self) -> bool:
        """Whether the last listing succeeded."""
        return self._ready

    @property
    def snapshot(self) -> Snapshot:
        """The last listing."""
        return self._snapshot

    async def admit(self, key: NamespacedName) -> None:
        """Let a host in; raises NotReadyError, and then wakes it when Ironic is back.

        The first listing is waited for: else each start would be told on every host.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FIRST_LOOK):
                await self._looked.wait()
        if not self._ready:
            self._turned_away.add(key)
            raise NotReadyError(self._reason)

    def bind(self, uuid: str, key: NamespacedName) -> None:
        """Say which host a node belongs to, for nodes whose name does not tell."""
        self._keys[uuid] = key

    def fresh(self, uuid: str) -> Node | None:
        """The node, if it was seen after the last write to it and somebody is looking."""
        if not self._running:
            return None
        node = max(
            filter(None, (self._newer.get(uuid), self._snapshot.nodes.get(uuid))),
            key=lambda found: found.seen_at,
            default=None,
        )
        written = self._written.get(uuid, float("-inf"))
        return node if node is not None and node.seen_at > written else None

    def named(self, name: str) -> Node | None:
        """A fresh node of that name, if one is known."""
        node = self._snapshot.by_name.get(name)
        return self.fresh(node.uuid) if node is not None else None

    def saw(self, node: Node) -> None:
        """Take note of a node that was read by itself, or that a write gave back."""
        self._newer[node.uuid] = node
        if node.seen_at >= self._written.get(node.uuid, float("inf")):
            del self._written[node.uuid]

    def wrote(self, uuid: str, *, expect: bool) -> None:
        """A write was sent; with ``expect`` the node will move and its host wants to know."""
        now = self._now()
        self._written[uuid] = now
        if expect:
            self._expected[uuid] = self._moved_at = now
            self._nudged.set()

    def forget(self, uuid: str) -> None:
        """The node was deleted."""
        for known in (self._newer, self._written, self._expected, self._keys, self._ports):
            known.pop(uuid, None)
        # A listing that is under way may still have it.
        self._written[uuid] = self._now()
        nodes = {k: v for k, v in self._snapshot.nodes.items() if k != uuid}
        by_name = {k: v for k, v in self._snapshot.by_name.items() if v.uuid != uuid}
        self._snapshot = Snapshot(self._snapshot.started_at, nodes, by_name)

    def ports(self, uuid: str) -> set[str]:
        """MAC addresses known to belong to the node; callers add what they find."""
        return self._ports.setdefault(uuid, set())

    def heard(self, event: Mapping[str, Any]) -> None:
        """Ironic says something about a node: look again if it is news."""
        self._heard_at = self._now()
        node = self._snapshot.nodes.get(str(event.get("uuid")))
        if node is None or any(
            (event[name] or None) != (node.raw.get(name) or None)
            for name in WATCHED
            if name in event
        ):
            self._moved_at = self._heard_at
            self._nudged.set()

    def nudge(self) -> None:
        """Look again soon."""
        self._nudged.set()

    async def run(self, wake: Wake) -> None:
        """List, compare, wake; until cancelled."""
        self._running = True
        backoff = MIN_BACKOFF
        try:
            while True:
                try:
                    await self._tick(wake)
                except BackendError as error:
                    self._lost(str(error))
                except NotReadyError as error:
                    self._lost(str(error))
                else:
                    backoff = MIN_BACKOFF
                    await self._pause()
                    continue
                await asyncio.sleep(backoff)
                backoff = min(backoff * 2, MAX_BACKOFF)
        finally:
            self._running = self._ready = False

    async def _tick(self, wake: Wake) -> None:
        self._nudged.clear()
        if not self._ready:
            await self._client.negotiate()
            self._ports = await list_ports(self._client)
        started = self._now()
        new = await list_nodes(self._client, started)
        self._took = self._now() - started
        old, self._snapshot = self._snapshot, new
        self._prune(new)
        first = old.started_at == float("-inf")
        woken = set[NamespacedName]() if first else self._keys_of(old, new)
        woken |= self._settled_expectations(new)
        if not self._ready:
            woken |= self._back()
        self._keys = {u: k for u, k in self._keys.items() if u in new.nodes or u in self._newer}
        for key in woken:
            wake(key)

    def _keys_of(self, old: Snapshot, new: Snapshot) -> set[NamespacedName]:
        nodes = list(changed(old, new))
        if nodes:
            self._moved_at = new.started_at
        return {key for node in nodes if (key := self.key_of(node)) is not None}

    def _settled_expectations(self, new: Snapshot) -> set[NamespacedName]:
        """Hosts whose node rests after an action that may have left no trace in the listing."""
        keys: set[NamespacedName] = set()
        for uuid, asked_at in list(self._expected.items()):
            if new.started_at < asked_at + SETTLE:
                continue
            del self._expected[uuid]
            node = new.nodes.get(uuid)
            if node is not None and node.is_settled and (key := self.key_of(node)) is not None:
                keys.add(key)
        return keys

    def _back(self) -> set[NamespacedName]:
        """Ironic serves again: every host known here may have missed something."""
        self._ready = True
        self._looked.set()
        log.info("Ironic is ready", nodes=len(self._snapshot.nodes))
        woken = self._turned_away | set(self._keys.values())
        self._turned_away = set()
        return woken

    def _lost(self, reason: str) -> None:
        if self._ready or self._reason != reason:
            log.warning("Ironic is not ready", reason=reason)
        self._ready = False
        self._looked.set()
        self._reason = reason

    def _prune(self, new: Snapshot) -> None:
        """Drop notes that the listing makes superfluous."""
        self._newer = {u: n for u, n in self._newer.items() if n.seen_at > new.started_at}
        self._written = {u: t for u, t in self._written.items() if t >= new.started_at}
        for uuid in self._ports.keys() - new.nodes.keys() - self._newer.keys():
            del self._ports[uuid]

    async def _pause(self) -> None:
        """Wait for the next listing: soon after a write, never so often that it weighs on Ironic."""
        if await self._nudged_within(self._interval()):
            since = self._now() - self._snapshot.started_at
            await asyncio.sleep(max(SETTLE, 5 * self._took - since))

    async def _nudged_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._nudged.wait()
        except TimeoutError:
            return False
        return True

    def _interval(self) -> float:
        if not self._expected and all(node.is_settled for node in self._own_nodes()):
            return IDLE
        if self._now() - self._heard_at < TRUST:
            return PATIENT
        quiet = self._now() - self._moved_at
        return max(BUSY, min(PATIENT, quiet / 10), 5 * self._took)

    def _own_nodes(self) -> list[Node]:
        nodes = self._snapshot.nodes
        return [nodes[uuid] for uuid in self._keys if uuid in nodes]

    def key_of(self, node: Node) -> NamespacedName | None:
        """The host a node belongs to, if it is any operator's."""
        return self._keys.get(node.uuid) or node.host_key

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
