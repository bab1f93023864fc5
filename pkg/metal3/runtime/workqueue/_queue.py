"""The asyncio queue around a Schedule: waiting for work, one timer, shutting down, counting."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Hashable
from datetime import timedelta
from typing import Final, Generic, TypeVar

from metal3.runtime.metrics import QueueMetrics

from ._rate_limiter import ItemExponentialFailureRateLimiter, RateLimiter
from ._schedule import Schedule

T = TypeVar("T", bound=Hashable)

LOW_PRIORITY: Final = -100
"""For the initial list and for resyncs: changes go first (the value controller-runtime uses)."""


class ShutDownError(Exception):
    """The queue gives nothing out any more."""


class PriorityQueue(Generic[T]):
    """What to work on next; holds each item once, so it is bounded by the number of objects.

    All methods belong to one event loop; nothing but ``get`` and ``shut_down_with_drain`` waits.
    """

    def __init__(self, *, name: str = "", rate_limiter: RateLimiter[T] | None = None) -> None:
        self.name = name
        self._limiter: RateLimiter[T] = rate_limiter or ItemExponentialFailureRateLimiter()
        self._schedule: Schedule[T] = Schedule()
        self._getters: deque[asyncio.Future[None]] = deque()
        self._idle = asyncio.Event()
        self._idle.set()
        self._timer: asyncio.TimerHandle | None = None
        self._is_shut_down = False
        self._is_draining = False
        self._metrics = QueueMetrics(name, self) if name else None

    def __len__(self) -> int:
        """Items waiting, ready or delayed."""
        return len(self._schedule)

    def depth(self) -> int:
        """Items ready to be taken."""
        return self._schedule.ready_count

    def work_seconds(self) -> list[float]:
        """Time spent so far on each item in work."""
        if not self._schedule.taken:
            return []
        now = asyncio.get_running_loop().time()
        return [now - since for since in self._schedule.taken.values()]

    @property
    def is_shutting_down(self) -> bool:
        """True once nothing can be added any more."""
        return self._is_shut_down or self._is_draining

    def add(self, item: T, *, priority: int = 0) -> None:
        """Work on ``item`` as soon as its turn comes, also when it was to come later."""
        self._put(item, 0.0, priority)

    def add_after(self, item: T, delay: timedelta, *, priority: int = 0) -> None:
        """Work on ``item`` after ``delay``, unless it is added for an earlier time."""
        self._put(item, delay.total_seconds(), priority)

    def add_rate_limited(self, item: T, *, priority: int = 0) -> None:
        """Work on ``item`` after the delay its failures ask for."""
        if self.is_shutting_down:
            return
        if self._metrics:
            self._metrics.retried()
        self._put(item, self._limiter.when(item).total_seconds(), priority)

    def forget(self, item: T) -> None:
        """Its failures do not count any more; it stays in the queue if it is there."""
        self._limiter.forget(item)

    def num_requeues(self, item: T) -> int:
        """How often it failed since the last ``forget``."""
        return self._limiter.num_requeues(item)

    async def get(self) -> T:
        """Wait for the next item, and hold it until ``done``; raises ShutDownError at the end."""
        return (await self.get_with_priority())[0]

    async def get_with_priority(self) -> tuple[T, int]:
        """Like ``get``, with the priority under which the item was waiting."""
        while True:
            if self._is_shut_down:
                raise ShutDownError(f"queue {self.name!r} is shut down")
            now = self._now()
            self._schedule.promote(now)
            taken = self._schedule.take(now)
            if taken is not None:
                item, entry = taken
                if self._schedule.ready_count:
                    self._wake_one()  # promoting may have made more ready than was announced
                if self._metrics:
                    self._metrics.taken(now - entry.ready_at)
                return item, entry.priority
            await self._wait_for_work()

    def done(self, item: T) -> None:
        """The work on ``item`` is over; if it was added meanwhile, it is given out again."""
        now = self._now()
        since = self._schedule.release(item, now)
        if since is None:
            return
        if self._metrics:
            self._metrics.done(now - since)
        self._after_change()

    def shut_down(self) -> None:
        """Give nothing out any more, and take nothing in; who waits in ``get`` is told."""
        self._is_shut_down = True
        self._stop_timer()
        self._wake_all()

    async def shut_down_with_drain(self) -> None:
        """Take nothing in, hand out what is ready, wait until all of it is done; then shut down.

        What is delayed is dropped. Wait with a timeout, as somebody must call ``done``.
        """
        self._is_draining = True
        self._schedule.promote(self._now())
        self._schedule.drop_delayed(self._now())
        self._stop_timer()
        try:
            while self._schedule.taken or len(self._schedule):
                self._idle.clear()
                await self._idle.wait()
        finally:
            self.shut_down()

    def _put(self, item: T, delay: float, priority: int) -> None:
        if self.is_shutting_down:
            return
        now = self._now()
        is_new = self._schedule.put(
            item, priority=priority, ready_at=now + max(delay, 0.0), now=now
        )
        if is_new and self._metrics:
            self._metrics.added()
        self._after_change()

    def _after_change(self) -> None:
        if self._schedule.ready_count:
            self._wake_one()
        elif not self._schedule.taken:
            self._idle.set()
        self._set_timer()

    def _set_timer(self) -> None:
        """One timer for the next delayed item."""
        due = None if self.is_shutting_down else self._schedule.next_due()
        if self._timer is not None and (due is None or self._timer.when() != due):
            self._stop_timer()
        if due is not None and self._timer is None:
            self._timer = asyncio.get_running_loop().call_at(due, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        # The loop may call a little early, by its clock's resolution; then the timer is set again.
        self._schedule.promote(self._now())
        for _ in range(min(self._schedule.ready_count, len(self._getters))):
            self._wake_one()
        self._set_timer()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def _wait_for_work(self) -> None:
        getter = asyncio.get_running_loop().create_future()
        self._getters.append(getter)
        try:
            await getter
        except asyncio.CancelledError:
            if getter.done() and not getter.cancelled():
                self._wake_one()  # the wake-up is for somebody who is still there
            else:
                with contextlib.suppress(ValueError):
                    self._getters.remove(getter)
            raise

    def _wake_one(self) -> None:
        while self._getters:
            getter = self._getters.popleft()
            if not getter.done():
                getter.set_result(None)
                return

    def _wake_all(self) -> None:
        while self._getters:
            self._wake_one()

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
