"""Turns for the long steps: first come, first served, woken when a slot is free.

How many hosts the backend can work on at once is the backend's answer; this queue decides who asks
next, so that a late host never overtakes one that has waited. Limits for each value of a label
(a rack, a switch) are counted here. Hosts compete only with those that need a slot of the same
kind: a full rack holds up nobody in another one.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from metal3.runtime.types import NamespacedName

EXPIRY: Final = timedelta(minutes=5)
"""Backstop: a waiting host that did not ask again for this long holds nobody up."""

Group = tuple[str, str]
"""Hosts that share a limit: the key and the value of a label."""

Groups = frozenset[Group]

BACKEND: Final[Group] = ("", "")
"""The group of all hosts that the backend's own limit counts."""


@dataclass(slots=True)
class _Place:
    """In the line; ``asked`` is None while the host cannot take its turn."""

    groups: Groups
    asked: datetime | None


@dataclass(slots=True, kw_only=True)
class CapacityQueue:
    """Who holds a slot and who waits for one; memory only, rebuilt as hosts ask.

    ``limits`` maps keys of labels to how many hosts with the same value may hold a slot.
    """

    wake: Callable[[NamespacedName], None]
    limits: Mapping[str, int] = field(default_factory=dict[str, int])
    _holders: dict[NamespacedName, Groups] = field(default_factory=dict[NamespacedName, Groups])
    _taken: Counter[Group] = field(default_factory=Counter[Group])
    _waiting: OrderedDict[NamespacedName, _Place] = field(
        default_factory=OrderedDict[NamespacedName, _Place]
    )
    is_restored: bool = False

    @property
    def waiting(self) -> tuple[NamespacedName, ...]:
        """Waiting hosts, the next one first."""
        return tuple(self._waiting)

    def groups_of(self, labels: Mapping[str, str], *, by_backend: bool) -> Groups:
        """What limits a host; nothing when the set is empty."""
        own = {(key, labels[key]) for key in self.limits if key in labels}
        return frozenset(own | {BACKEND}) if by_backend else frozenset(own)

    def full(self, groups: Groups) -> Group | None:
        """A label's group without a free slot, if one of these is."""
        return next((g for g in groups if g in self._taken and self._is_full(g)), None)

    def holds(self, key: NamespacedName) -> bool:
        """Whether the host has a slot."""
        return key in self._holders

    def may_ask(self, key: NamespacedName, groups: Groups, now: datetime) -> bool:
        """Whether it is this host's turn to ask the backend; those with a slot always may."""
        if key in self._holders:
            return True
        if self.full(groups) is not None:
            return False
        for other, place in self._waiting.items():
            if other == key:
                break
            if place.groups & groups and self._holds_up(place, now):
                return False
        return True

    def grant(self, key: NamespacedName, groups: Groups) -> None:
        """The host has its slot; the next in line may try as well."""
        self._hold(key, groups)
        self._drop(key)

    def wait(self, key: NamespacedName, groups: Groups, now: datetime) -> None:
        """Queue up, or say that one still waits; the place is kept."""
        self._release(key)
        self._waiting[key] = _Place(groups, now)

    def step_aside(self, key: NamespacedName) -> None:
        """A waiting host cannot be worked on just now: it keeps its place, and holds nobody up."""
        place = self._waiting.get(key)
        if place is not None and place.asked is not None:
            place.asked = None
            self._wake_next()

    def leave(self, key: NamespacedName) -> None:
        """The host needs no slot (any more)."""
        held = self._release(key)
        if not self._drop(key) and held:
            self._wake_next()

    def is_next(self, key: NamespacedName, now: datetime) -> bool:
        """Whether a waiting host only waits for the backend's own limit."""
        place = self._waiting.get(key)
        return place is not None and self.may_ask(key, place.groups, now)

    def restore(self, slots: Mapping[NamespacedName, Groups]) -> None:
        """Take note of slots that an earlier process gave, before the first is given here."""
        for key, groups in slots.items():
            if key not in self._holders:
                self._hold(key, groups)
        self.is_restored = True

    def _is_full(self, group: Group) -> bool:
        return group != BACKEND and self._taken[group] >= self.limits[group[0]]

    def _holds_up(self, place: _Place, now: datetime) -> bool:
        if place.asked is None or now - place.asked > EXPIRY:
            return False
        return self.full(place.groups) is None

    def _hold(self, key: NamespacedName, groups: Groups) -> None:
        self._release(key)
        self._holders[key] = groups
        self._taken.update(groups)

    def _release(self, key: NamespacedName) -> bool:
        groups = self._holders.pop(key, None)
        if groups is None:
            return False
        self._taken.subtract(groups)
        return True

    def _drop(self, key: NamespacedName) -> bool:
        """Take the host out of the line; when it held others up, their turn has come."""
        led = self._leads(key)
        if self._waiting.pop(key, None) is None:
            return False
        if led or self.limits:
            self._wake_next()
        return True

    def _leads(self, key: NamespacedName) -> bool:
        """Whether nobody before it in line could take a turn."""
        for other, place in self._waiting.items():
            if other == key:
                return True
            if place.asked is not None:
                return False
        return False

    def _wake_next(self) -> None:
        """Wake the first of each kind that could take a slot now."""
        claimed: set[Group] = set()
        for key, place in self._waiting.items():
            if place.asked is None or claimed & place.groups or self.full(place.groups):
                continue
            claimed |= place.groups
            self.wake(key)
            if not self.limits:
                return
