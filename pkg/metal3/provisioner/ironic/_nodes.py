"""The backend's informer: one listing of all nodes at a time, instead of a request per host.

In: listings, and word of every write the backend makes. Out: nodes fresh enough to decide on, and
a wake-up for exactly those hosts whose node changed or went away.

A node counts as fresh when it was seen after the last write to it; a stale one is read again by
whoever needs it.
"""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any, Final

from metal3.provisioner import BackendError, NotReadyError, Wake
from metal3.runtime.log import get_logger
from metal3.runtime.types import NamespacedName

from ._client import Client
from ._node import Node, State
from ._pace import IDLE, SETTLE, Pace, now
from ._snapshot import (
    MOST,
    WATCHED,
    Newest,
    Snapshot,
    changed,
    list_newest,
    list_nodes,
    list_ports,
    signature,
)

FIRST_LOOK: Final = 10.0
"""How long hosts wait for the first listing before they are told that Ironic is not ready."""

STARTS: Final = ".start"
"""Ending of what Ironic tells before it does something."""

DELETED: Final = "baremetal.node.delete.end"
ALARMS: Final = ("maintenance", "fault")
"""What is news of a node while it is under way."""

MIN_BACKOFF: Final = 1.0
MAX_BACKOFF: Final = 30.0

log = get_logger(__name__)


class NodeInformer:
    """Shared by all hosts of a backend; everything happens in one event loop."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._snapshot = Snapshot()
        self._listed_at = float("-inf")
        self._gone: dict[str, float] = {}
        self._newer: dict[str, Node] = {}
        self._written: dict[str, float] = {}
        self._expected: dict[str, float] = {}
        self._begun: dict[str, tuple[object, ...]] = {}
        self._keys: dict[str, NamespacedName] = {}
        self._ports: dict[str, set[str]] = {}
        self._turned_away: set[NamespacedName] = set()
        self._told: set[str] = set()
        self._wake: Wake = _nobody
        self._pace = Pace()
        self._limit = MOST
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
        node = self._latest(uuid)
        written = self._written.get(uuid, float("-inf"))
        return node if node is not None and node.seen_at > written else None

    def _latest(self, uuid: str) -> Node | None:
        return max(
            filter(None, (self._newer.get(uuid), self._snapshot.nodes.get(uuid))),
            key=lambda found: found.seen_at,
            default=None,
        )

    def uuid_of(self, name: str) -> str | None:
        """The node of that name, if one was seen."""
        node = self._snapshot.by_name.get(name)
        if node is not None:
            return node.uuid
        return next((uuid for uuid, new in self._newer.items() if new.name == name), None)

    def saw(self, node: Node) -> None:
        """Take note of a node that was read by itself, or that a write gave back."""
        self._newer[node.uuid] = node
        if node.seen_at >= self._written.get(node.uuid, float("inf")):
            del self._written[node.uuid]
            if node.uuid in self._told:  # its host reads what it was woken for
                self._told.discard(node.uuid)
                self._begun[node.uuid] = signature(node)

    def began(self, node: Node) -> None:
        """A write put the node into this state, as its host knows: seeing it is no news."""
        self.saw(node)
        self._begun[node.uuid] = signature(node)

    def wrote(self, uuid: str, *, expect: bool) -> None:
        """A write was sent; with ``expect`` the node will move and its host wants to know."""
        self._written[uuid] = now()
        if expect:
            self._expected[uuid] = self._written[uuid]
            self._pace.moves()
            if not self._pace.is_told:  # else the end of it will be
                self._pace.want()

    def forget(self, uuid: str) -> None:
        """The node was deleted."""
        known = (self._newer, self._written, self._expected, self._begun, self._keys, self._ports)
        for notes in known:
            notes.pop(uuid, None)
        self._told.discard(uuid)
        self._gone[uuid] = now()  # a look that is under way may still show it
        self._snapshot = self._snapshot.without({uuid})

    def ports(self, uuid: str) -> set[str]:
        """MAC addresses known to belong to the node; callers add what they find."""
        return self._ports.setdefault(uuid, set())

    def heard(self, event: Mapping[str, Any]) -> None:
        """Ironic says something about a node: if it is news, its host reads the node at once.

        Where the host is not known by the event, a look finds it.
        """
        self._pace.heard()
        told = Node(event, now())
        known = self._latest(told.uuid)
        if not self._is_news(told, known):
            return
        self._pace.moves()
        key = self.key_of(known) if known is not None else None
        is_deleted = told.text("event_type") == DELETED
        if is_deleted:
            self._listed_at = float("-inf")  # the newest would not show it
        if is_deleted or key is None:
            self._pace.want(is_urgent=True)
            return
        self._written[told.uuid] = now()  # what is known of it is old
        self._expected.pop(told.uuid, None)
        self._told.add(told.uuid)
        self._wake(key)

    def _is_news(self, event: Node, known: Node | None) -> bool:
        """What only begins is none: it was asked for, or its end will be heard."""
        kind = event.text("event_type")
        if kind.endswith(STARTS):
            return False
        if known is None:
            return kind != DELETED and event.state != State.ENROLL
        if kind == DELETED or (event.is_settled and event.uuid in self._expected):
            return True
        names = WATCHED if event.is_settled else ALARMS
        return any(
            (event.raw[name] or None) != (known.raw.get(name) or None)
            for name in names
            if name in event.raw
        )

    def nudge(self) -> None:
        """Look again soon."""
        self._pace.want()

    async def run(self, wake: Wake) -> None:
        """List, compare, wake; until cancelled."""
        self._running, self._wake = True, wake
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
                    await self._pace.pause(is_idle=self._is_idle)
                    continue
                await asyncio.sleep(backoff)
                backoff = min(backoff * 2, MAX_BACKOFF)
        finally:
            self._running = self._ready = False
            self._wake = _nobody

    async def _tick(self, wake: Wake) -> None:
        if not self._ready:
            await self._client.negotiate()
            self._ports = await list_ports(self._client)
        new = await self._look(self._pace.looks())
        self._pace.looked()
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

    async def _look(self, started: float) -> Snapshot:
        """All nodes; of those that did not change since the last look nothing is read."""
        newest = await self._newest(started)
        is_enough = not self._is_due(started) and newest.reach(self._snapshot.mark)
        if newest.is_all or is_enough:
            return self._with(newest, started).without(self._gone)
        listed = await list_nodes(self._client, started, newest.newest)
        self._listed_at = started
        return listed.without(self._gone)

    def _is_due(self, started: float) -> bool:
        """A listing that is nearly due is done now: the next look may be ten seconds off."""
        return not self._ready or started - self._listed_at > IDLE - 1

    async def _newest(self, started: float) -> Newest:
        """As few as reach back to what is known; more are not worth it where all are listed next."""
        newest = await list_newest(self._client, started, self._limit)
        is_enough = self._is_due(started) or newest.reach(self._snapshot.mark)
        if not is_enough and self._limit < MOST:
            newest = await list_newest(self._client, started, MOST)
        self._limit = newest.next_limit()
        return newest

    def _with(self, newest: Newest, started: float) -> Snapshot:
        others = {} if newest.is_all else {**self._snapshot.nodes, **self._newer}
        mark = newest.newest or self._snapshot.mark
        return Snapshot.of(started, {**others, **newest.nodes}, mark)

    def _keys_of(self, old: Snapshot, new: Snapshot) -> set[NamespacedName]:
        nodes = [node for node in changed(old, new) if not self._is_as_begun(node, new)]
        if nodes:
            self._pace.moves()
        return {key for node in nodes if (key := self.key_of(node)) is not None}

    def _is_as_begun(self, node: Node, new: Snapshot) -> bool:
        begun = self._begun.pop(node.uuid, None)
        return node.uuid in new.nodes and begun == signature(node)

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
        self._gone = {u: t for u, t in self._gone.items() if t >= new.started_at}
        self._told &= self._written.keys()
        for uuid in self._ports.keys() - new.nodes.keys() - self._newer.keys():
            del self._ports[uuid]

    @property
    def _is_idle(self) -> bool:
        return not self._expected and all(node.is_settled for node in self._own_nodes())

    def _own_nodes(self) -> list[Node]:
        nodes = self._snapshot.nodes
        return [nodes[uuid] for uuid in self._keys if uuid in nodes]

    def key_of(self, node: Node) -> NamespacedName | None:
        """The host a node belongs to, if it is any operator's."""
        return self._keys.get(node.uuid) or node.host_key


def _nobody(_: NamespacedName) -> None:
    """Nobody looks."""
