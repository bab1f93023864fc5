"""The line for slots under whatever hosts do: nobody gets too much, and nobody is forgotten."""

from datetime import UTC, datetime

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from metal3.controllers.baremetal.host.capacity import BACKEND, CapacityQueue
from metal3.runtime.types import NamespacedName

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ROOM = 2
"""Hosts the backend takes at once."""
LIMITS = {"rack": 1, "switch": 2}
KEYS = [NamespacedName("metal3", f"host-{i}") for i in range(7)]
LABELS = {
    key: {"rack": str(i % 3)} | ({"switch": "s"} if i % 2 else {}) for i, key in enumerate(KEYS)
}


class Line(RuleBasedStateMachine):
    """Hosts ask, leave and step aside in any order; every second one boots from virtual media."""

    def __init__(self):
        super().__init__()
        self.woken: set[NamespacedName] = set()
        self.asides: set[NamespacedName] = set()
        self.queue = CapacityQueue(wake=self.woken.add, limits=LIMITS)

    def groups(self, key):
        """What limits a host."""
        return self.queue.groups_of(LABELS[key], by_backend=KEYS.index(key) % 2 == 0)

    def has_room(self, key):
        """Whether the backend would take one more host of this kind."""
        holders = [k for k in KEYS if self.queue.holds(k) and BACKEND in self.groups(k)]
        return BACKEND not in self.groups(key) or len(holders) < ROOM

    @rule(key=st.sampled_from(KEYS))
    def ask(self, key):
        """What a reconcile does on the way into a limited state."""
        self.woken.discard(key)
        self.asides.discard(key)
        groups = self.groups(key)
        if self.queue.may_ask(key, groups, NOW) and (self.queue.holds(key) or self.has_room(key)):
            if not self.queue.holds(key):
                self.queue.grant(key, groups)
        else:
            self.queue.wait(key, groups, NOW)

    @rule(key=st.sampled_from(KEYS))
    def leave(self, key):
        """Done, deleted, paused, changed its mind."""
        self.asides.discard(key)
        self.queue.leave(key)

    @precondition(lambda self: self.queue.waiting)
    @rule(data=st.data())
    def step_aside(self, data):
        """In trouble."""
        key = data.draw(st.sampled_from(self.queue.waiting))
        self.asides.add(key)
        self.woken.discard(key)
        self.queue.step_aside(key)

    @invariant()
    def limits_hold(self):
        """For each value of each label, and for the backend."""
        taken = [group for key in KEYS if self.queue.holds(key) for group in self.groups(key)]
        for label, limit in LIMITS.items():
            for value in {v for k, v in taken if k == label}:
                assert taken.count((label, value)) <= limit
        assert taken.count(BACKEND) <= ROOM

    @invariant()
    def whoever_could_go_was_woken(self):
        """Else a slot would stay idle until somebody's timer."""
        for key in self.queue.waiting:
            can_go = self.queue.may_ask(key, self.groups(key), NOW) and self.has_room(key)
            assert not can_go or key in self.woken or key in self.asides


TestLine = Line.TestCase
TestLine.settings = settings(max_examples=100, stateful_step_count=40)
