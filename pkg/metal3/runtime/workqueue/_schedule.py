"""Which item is next: by priority among the ready ones, by time among the delayed.

Knows no event loop: the caller says what time it is.
"""

import heapq
import itertools
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

T = TypeVar("T", bound=Hashable)

_SLACK: Final = 64  # entries left behind that are not worth a clean-up


@dataclass(slots=True)
class Waiting:
    """One waiting item; ``ready_at`` is in seconds of the caller's clock."""

    priority: int
    ready_at: float
    ticket: int
    is_ready: bool = False


class Schedule(Generic[T]):
    """Waiting items, each once: the earlier time wins, and the higher priority.

    An item that was taken stays out of both lines until it is released, however often it is put.
    Heaps cannot be searched, so a change leaves the old entry behind; an entry counts only while
    its ticket is the item's current one.
    """

    def __init__(self) -> None:
        self._waiting: dict[T, Waiting] = {}
        self._taken: dict[T, float] = {}
        self._ready: list[tuple[float, int, T]] = []  # (-priority, ticket, item)
        self._delayed: list[tuple[float, int, T]] = []  # (ready_at, ticket, item)
        self._tickets = itertools.count()
        self._ready_count = 0

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def ready_count(self) -> int:
        """Items that :meth:`take` would give one after another."""
        return self._ready_count

    @property
    def taken(self) -> dict[T, float]:
        """Items somebody works on, with the time each was taken."""
        return self._taken

    def next_due(self) -> float | None:
        """When the next delayed item becomes ready; None when nothing is delayed."""
        while self._delayed:
            ready_at, ticket, item = self._delayed[0]
            entry = self._waiting.get(item)
            if entry is not None and entry.ticket == ticket and not entry.is_ready:
                return ready_at
            heapq.heappop(self._delayed)
        return None

    def put(self, item: T, *, priority: int, ready_at: float, now: float) -> bool:
        """Add, or bring forward; True when the item was not waiting."""
        entry = self._waiting.get(item)
        if entry is None:
            entry = self._waiting[item] = Waiting(priority, ready_at, next(self._tickets))
            self._line_up(item, entry, now)
            return True
        raised = priority > entry.priority
        sooner = ready_at < entry.ready_at and not entry.is_ready
        entry.priority = max(priority, entry.priority)
        entry.ready_at = min(ready_at, entry.ready_at)
        if sooner or (raised and entry.is_ready):
            entry.ticket = next(self._tickets)
            self._line_up(item, entry, now)
        return False

    def promote(self, now: float) -> None:
        """Move what has fallen due into the line of the ready ones."""
        while (due := self.next_due()) is not None and due <= now:
            item = heapq.heappop(self._delayed)[2]
            self._line_up(item, self._waiting[item], now)

    def take(self, now: float) -> tuple[T, Waiting] | None:
        """The most urgent ready item, the first of equal priority; it is taken from then on."""
        while self._ready:
            _, ticket, item = heapq.heappop(self._ready)
            entry = self._waiting.get(item)
            if entry is not None and entry.is_ready and entry.ticket == ticket:
                del self._waiting[item]
                self._ready_count -= 1
                self._taken[item] = now
                return item, entry
        return None

    def release(self, item: T, now: float) -> float | None:
        """Nobody works on it any longer; since when somebody did, None if nobody did."""
        since = self._taken.pop(item, None)
        entry = self._waiting.get(item)
        if since is not None and entry is not None:
            self._line_up(item, entry, now)
        return since

    def drop_delayed(self, now: float) -> None:
        """Forget what is to come later than ``now``."""
        self._waiting = {i: e for i, e in self._waiting.items() if e.ready_at <= now}
        self._delayed.clear()

    def _line_up(self, item: T, entry: Waiting, now: float) -> None:
        if item in self._taken:
            return
        if entry.ready_at > now:
            heapq.heappush(self._delayed, (entry.ready_at, entry.ticket, item))
            self._delayed = self._tidy(self._delayed)
            return
        self._ready_count += not entry.is_ready
        entry.is_ready = True
        heapq.heappush(self._ready, (-entry.priority, entry.ticket, item))
        self._ready = self._tidy(self._ready)

    def _tidy(self, heap: list[tuple[float, int, T]]) -> list[tuple[float, int, T]]:
        """Drop entries left behind once they are most of the heap."""
        if len(heap) <= 2 * len(self._waiting) + _SLACK:
            return heap
        kept = [e for e in heap if (w := self._waiting.get(e[2])) and w.ticket == e[1]]
        heapq.heapify(kept)
        return kept
