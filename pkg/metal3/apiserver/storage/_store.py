"""The store: every object in memory as bytes, every change on disk before it is seen.

A write is checked against the *pending* state and gets its revision at once (nothing is awaited
between check and staging, so no lock is needed); it becomes *visible*, to readers and watchers and
to its own writer, when the batch it went in is on disk.
"""

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from metal3.apiserver import errors
from metal3.apiserver.jsonvalue import Obj

from ._records import Event, Key, Record, record_of, restamped
from ._sqlite import Database


class StaleError(Exception):
    """The object is no longer what the writer had read."""


@dataclass(slots=True, kw_only=True)
class _Staged:
    event: Event
    done: asyncio.Future[Record]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much history is kept for watches, and how many writes may wait."""

    events: int = 20_000
    event_bytes: int = 64 << 20
    waiting_writes: int = 4_096


class Store:
    """Objects by key, with a revision that only grows, across restarts too."""

    def __init__(self, path: Path, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._path = path
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="apiserver-sqlite")
        self._database: Database | None = None
        self._tables: dict[str, dict[Key, Record]] = {}
        self._order: dict[str, list[Key]] = {}
        self._pending: dict[Key, Event] = {}
        self._waiting: list[_Staged] = []
        self._committing: list[_Staged] = []
        self._wake = asyncio.Event()
        self._window: deque[Event] = deque()
        self._window_bytes = 0
        self._closed = False
        self._staged_revision = 0
        self.revision = 0
        self.compacted = 0
        self.on_event: list[Callable[[Event], None]] = []

    async def open(self) -> None:
        """Load the file; raises DatabaseError when another server has it."""
        loop = asyncio.get_running_loop()
        self._database = database = await loop.run_in_executor(self._thread, Database, self._path)
        loaded = await loop.run_in_executor(self._thread, database.load)
        self.revision = self._staged_revision = max(loaded.revision, 1)
        self.compacted = loaded.compacted
        for record in loaded.records:
            self._tables.setdefault(record.key.resource, {})[record.key] = record
        self._window.extend(loaded.events)
        self._window_bytes = sum(event.size for event in loaded.events)

    async def run(self) -> None:
        """Write batches until closed; runs as a task beside the server."""
        while not self._closed or self._waiting:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                self._committing, self._waiting = self._waiting, []
                await self._commit(self._committing)
                self._committing = []

    def stop(self) -> None:
        """Accept no more writes; ``run`` returns when those accepted are on disk."""
        self._closed = True
        self._wake.set()

    async def close(self) -> None:
        """Close the file."""
        if self._database:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._thread, self._database.close)
        self._thread.shutdown(wait=False)

    # -- reading ---------------------------------------------------------------------------

    def get(self, key: Key) -> Record | None:
        """Return what readers see."""
        return self._tables.get(key.resource, {}).get(key)

    def latest(self, key: Key) -> Record | None:
        """Return what writers build on: includes what is on its way to the disk."""
        event = self._pending.get(key)
        if event is None:
            return self.get(key)
        return None if event.type == "DELETED" else event.record

    def pending(self, key: Key) -> asyncio.Future[Record] | None:
        """Return the future of a write to this key that is on its way to the disk."""
        event = self._pending.get(key)
        waiting = [*self._committing, *self._waiting] if event else []
        return next((staged.done for staged in waiting if staged.event is event), None)

    def records(self, resource: str, namespace: str = "") -> list[Record]:
        """Return all objects of a resource in the order of namespace and name."""
        table = self._tables.get(resource, {})
        keys = self._sorted_keys(resource)
        if namespace:
            return [table[key] for key in keys if key.namespace == namespace]
        return [table[key] for key in keys]

    def records_at(self, resource: str, revision: int, namespace: str = "") -> list[Record]:
        """Return the objects as they were at a past revision; raises 410 when that is forgotten."""
        if revision >= self.revision:
            return self.records(resource, namespace)
        if revision < self.compacted:
            raise errors.expired(
                "The provided continue parameter is too old to display a consistent list result."
            )
        table = dict(self._tables.get(resource, {}))
        for event in self._newest_first(revision):
            key = event.record.key
            if key.resource != resource:
                continue
            if event.previous is None:
                table.pop(key, None)
            else:
                table[key] = event.previous
        return [table[key] for key in sorted(table) if namespace in {"", key.namespace}]

    def events_since(self, revision: int, resource: str) -> list[Event]:
        """Return what happened after a revision; raises 410 when that is forgotten."""
        if revision < self.compacted:
            raise errors.expired(f"too old resource version: {revision} ({self.compacted})")
        events = [e for e in self._newest_first(revision) if e.record.key.resource == resource]
        events.reverse()
        return events

    def all_records(self) -> Iterator[Record]:
        """Go through everything; the caller must not await in between."""
        for table in self._tables.values():
            yield from table.values()

    def count(self, resource: str) -> int:
        """Count the objects of a resource."""
        return len(self._tables.get(resource, {}))

    # -- writing ---------------------------------------------------------------------------

    def put(self, key: Key, obj: Obj, expected: Record | None) -> asyncio.Future[Record]:
        """Stage an object and return the future of its being on disk.

        ``expected`` is what the writer had read (None: nothing was there). Raises StaleError
        when something else is there by now, and 429 when too many writes wait.
        """
        previous = self._check(key, expected)
        record = record_of(key, self._staged_revision + 1, obj)
        kind = "MODIFIED" if previous else "ADDED"
        return self._stage(
            Event(type=kind, revision=record.revision, record=record, previous=previous)
        )

    def remove(self, key: Key, expected: Record) -> asyncio.Future[Record]:
        """Stage a deletion; the future gives the last state under the revision of its end."""
        previous = self._check(key, expected)
        gone = restamped(expected, self._staged_revision + 1)
        return self._stage(
            Event(type="DELETED", revision=gone.revision, record=gone, previous=previous)
        )

    def _check(self, key: Key, expected: Record | None) -> Record | None:
        if self._closed:
            raise errors.unavailable("the server is shutting down")
        if len(self._waiting) >= self._limits.waiting_writes:
            raise errors.too_many_requests()
        latest = self.latest(key)
        if latest is not expected:
            raise StaleError
        return latest

    def _stage(self, event: Event) -> asyncio.Future[Record]:
        self._staged_revision = event.revision
        self._pending[event.record.key] = event
        done: asyncio.Future[Record] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Staged(event=event, done=done))
        self._wake.set()
        return done

    async def _commit(self, batch: list[_Staged]) -> None:
        if self._database is None:
            raise RuntimeError("the store is not open")
        events = [staged.event for staged in batch]
        loop = asyncio.get_running_loop()
        floor = self._floor_after(events)
        try:
            await loop.run_in_executor(self._thread, self._database.commit, events, floor)
        except sqlite3.Error as e:
            self._refuse(batch, e)
            return
        self._publish(batch)
        self._forget(floor)

    def _refuse(self, batch: list[_Staged], error: sqlite3.Error) -> None:
        """Fail the batch and all that was staged upon it; revisions are not used again."""
        failed, self._waiting = [*batch, *self._waiting], []
        self._pending.clear()
        for staged in failed:
            if not staged.done.done():
                staged.done.set_exception(errors.internal(f"cannot write to the disk: {error}"))
                # The writer may be gone: then nobody asks for this exception, and that is well.
                staged.done.exception()

    def _publish(self, batch: list[_Staged]) -> None:
        for staged in batch:
            event = staged.event
            self._show(event)
            if self._pending.get(event.record.key) is event:
                del self._pending[event.record.key]
            if not staged.done.done():
                staged.done.set_result(event.record)
            for listener in self.on_event:
                listener(event)

    def _show(self, event: Event) -> None:
        key = event.record.key
        table = self._tables.setdefault(key.resource, {})
        if event.type == "DELETED":
            table.pop(key, None)
        else:
            table[key] = event.record
        if event.type != "MODIFIED":
            self._order.pop(key.resource, None)
        self.revision = event.revision
        self._window.append(event)
        self._window_bytes += event.size

    # -- the window ------------------------------------------------------------------------

    def _sorted_keys(self, resource: str) -> list[Key]:
        order = self._order.get(resource)
        if order is None:
            order = self._order[resource] = sorted(self._tables.get(resource, ()))
        return order

    def _newest_first(self, after: int) -> Iterable[Event]:
        for event in reversed(self._window):
            if event.revision <= after:
                return
            yield event

    def _floor_after(self, events: list[Event]) -> int:
        """Say up to which revision history goes once these are in; 0 when nothing goes."""
        count = len(self._window) + len(events)
        size = self._window_bytes + sum(event.size for event in events)
        if count <= self._limits.events and size <= self._limits.event_bytes:
            return 0
        # A tenth at a time, so that not every batch has rows to delete.
        keep, room = self._limits.events * 9 // 10, self._limits.event_bytes * 9 // 10
        floor = 0
        for event in islice(self._window, len(self._window)):
            if count <= keep and size <= room:
                break
            floor, count, size = event.revision, count - 1, size - event.size
        return floor

    def _forget(self, floor: int) -> None:
        while self._window and self._window[0].revision <= floor:
            self._window_bytes -= self._window.popleft().size
        self.compacted = max(self.compacted, floor)

    def tables(self) -> Mapping[str, Mapping[Key, Record]]:
        """Return everything by resource, not to be changed."""
        return self._tables
