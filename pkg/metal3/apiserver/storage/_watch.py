"""Fans changes out to watchers. A watcher that does not keep up is cut, it never grows."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

from ._records import Event, Record

BUFFER: Final = 1_000
Match = Callable[[Record], bool]


class Watcher:
    """One watch: a bounded buffer of events its client has not been sent yet.

    Buffers hold references to shared events, so many watchers of one change cost little.
    """

    def __init__(self, resource: str, match: Match, *, limit: int = BUFFER) -> None:
        self.resource = resource
        self.cut = False
        self._match = match
        self._limit = limit
        self._buffer: deque[tuple[str, Event]] = deque()
        self._wake = asyncio.Event()

    def offer(self, event: Event) -> None:
        """Take an event if this watch is about it; called by the hub, never blocks."""
        if self.cut:
            return
        kind = self._seen_as(event)
        if kind is None:
            return
        if len(self._buffer) >= self._limit:
            self.end()
            return
        self._buffer.append((kind, event))
        self._wake.set()

    def replay(self, events: Iterable[Event]) -> list[tuple[str, Event]]:
        """Return the part of a history this watch is about; history does not fill the buffer."""
        seen = ((self._seen_as(event), event) for event in events)
        return [(kind, event) for kind, event in seen if kind is not None]

    def end(self) -> None:
        """End the watch: what is buffered is dropped, its client has to start over."""
        self.cut = True
        self._buffer.clear()
        self._wake.set()

    async def take(self, seconds: float) -> list[tuple[str, Event]]:
        """Wait for events and return all there are; nothing after so many seconds."""
        if not self._buffer and not self.cut:
            try:
                async with asyncio.timeout(seconds):
                    await self._wake.wait()
            except TimeoutError:
                return []
        self._wake.clear()
        taken = list(self._buffer)
        self._buffer.clear()
        return taken

    def _seen_as(self, event: Event) -> str | None:
        """Translate: an object that stops matching a selector is DELETED for this watcher."""
        now = event.type != "DELETED" and self._match(event.record)
        before = event.previous is not None and self._match(event.previous)
        if now:
            return "MODIFIED" if before else "ADDED"
        return "DELETED" if before else None


class Hub:
    """All watchers, by resource."""

    def __init__(self) -> None:
        self._watchers: dict[str, set[Watcher]] = {}

    def add(self, watcher: Watcher) -> None:
        """Start to feed a watcher."""
        self._watchers.setdefault(watcher.resource, set()).add(watcher)

    def discard(self, watcher: Watcher) -> None:
        """Stop to feed a watcher."""
        self._watchers.get(watcher.resource, set()).discard(watcher)

    def dispatch(self, event: Event) -> None:
        """Offer an event to those who watch its resource."""
        for watcher in self._watchers.get(event.record.key.resource, ()):
            watcher.offer(event)

    def end(self, resource: str = "") -> None:
        """Cut the watches of one resource, or all of them."""
        for name, watchers in self._watchers.items():
            if resource in {"", name}:
                for watcher in watchers:
                    watcher.end()

    @property
    def size(self) -> int:
        """Count the watchers."""
        return sum(len(watchers) for watchers in self._watchers.values())
