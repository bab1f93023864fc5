"""PriorityQueue against a model that is too simple to be wrong."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

import looptime
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from metal3.runtime.workqueue import PriorityQueue

ITEMS = st.sampled_from("abcde")
PRIORITIES = st.sampled_from([-100, 0, 0, 7])
DELAYS = st.sampled_from([0.0, 0.5, 1.0, 3.0, 60.0])


@dataclass
class Waiting:
    """The model of one item."""

    ready_at: float
    priority: int


class QueueMachine(RuleBasedStateMachine):
    """Adds, takes, finishes and lets time pass in any order."""

    def __init__(self):
        super().__init__()
        self.loop = looptime.new_event_loop(start=0)
        self.queue = PriorityQueue[str]()
        self.waiting: dict[str, Waiting] = {}
        self.taken: set[str] = set()
        self.failures: dict[str, int] = {}

    def teardown(self):
        """Whatever is in the queue comes out in the end."""
        try:
            for item in sorted(self.taken):
                self._call(self.queue.done, item)
            self.taken.clear()
            self._sleep(2000)
            out = set()
            while (taken := self._try_get()) is not None:
                out.add(taken[0])
            assert out == set(self.waiting)
        finally:
            self.loop.close()

    @property
    def _now(self):
        return self.loop.time()

    def _call(self, function, *args, **kwargs):
        async def inside():
            return function(*args, **kwargs)

        return self.loop.run_until_complete(inside())

    def _sleep(self, duration):
        self.loop.run_until_complete(asyncio.sleep(duration))

    def _try_get(self):
        async def inside():
            try:
                async with asyncio.timeout(0):
                    return await self.queue.get_with_priority()
            except TimeoutError:
                return None

        return self.loop.run_until_complete(inside())

    def _ready(self):
        return {
            item: entry
            for item, entry in self.waiting.items()
            if entry.ready_at <= self._now and item not in self.taken
        }

    def _expect(self, item, delay, priority):
        entry = self.waiting.setdefault(item, Waiting(self._now + delay, priority))
        entry.ready_at = min(entry.ready_at, self._now + delay)
        entry.priority = max(entry.priority, priority)

    @rule(item=ITEMS, priority=PRIORITIES)
    def add(self, item, priority):
        """Add at once."""
        self._expect(item, 0, priority)
        self._call(self.queue.add, item, priority=priority)

    @rule(item=ITEMS, delay=DELAYS, priority=PRIORITIES)
    def add_after(self, item, delay, priority):
        """Add for later."""
        self._expect(item, delay, priority)
        self._call(self.queue.add_after, item, timedelta(seconds=delay), priority=priority)

    @rule(item=ITEMS)
    def add_rate_limited(self, item):
        """Add after a failure."""
        failures = self.failures.get(item, 0)
        self.failures[item] = failures + 1
        self._expect(item, min(0.005 * 2**failures, 1000), 0)
        self._call(self.queue.add_rate_limited, item)

    @rule(item=ITEMS)
    def forget(self, item):
        """Start over with the backoff."""
        self.failures.pop(item, None)
        self._call(self.queue.forget, item)

    @rule()
    def take(self):
        """Take the most urgent item, if there is one."""
        ready = self._ready()
        taken = self._try_get()
        if taken is None:
            assert not ready
            return
        item, priority = taken
        assert item in ready, "not there, not due yet, or in work already"
        assert priority == ready[item].priority
        assert priority == max(entry.priority for entry in ready.values())
        del self.waiting[item]
        self.taken.add(item)

    @precondition(lambda self: self.taken)
    @rule(data=st.data())
    def done(self, data):
        """Finish one."""
        item = data.draw(st.sampled_from(sorted(self.taken)))
        self.taken.discard(item)
        self._call(self.queue.done, item)

    @rule(item=ITEMS)
    def done_without_having_taken(self, item):
        """A needless done changes nothing."""
        if item not in self.taken:
            self._call(self.queue.done, item)

    @rule(duration=st.sampled_from([0.001, 0.5, 1.0, 30.0]))
    def let_time_pass(self, duration):
        """Wait."""
        self._sleep(duration)

    @invariant()
    def everything_is_accounted_for(self):
        """Nothing is lost, and nothing is there twice."""
        assert len(self.queue) == len(self.waiting)
        assert self.queue.depth() <= len(self._ready())


QueueMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestQueue = QueueMachine.TestCase
