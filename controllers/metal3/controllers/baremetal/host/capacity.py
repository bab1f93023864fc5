"""Turns for the long steps: first come, first served, woken when a slot is free.

How many hosts may be worked on at once is the backend's answer; this queue only decides who asks
next, so that a late host never overtakes one that has waited.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from metal3.runtime.types import NamespacedName

EXPIRY: Final = timedelta(minutes=5)
"""A waiting host that did not ask again for this long is forgotten: it was paused or is gone."""


@dataclass(slots=True, kw_only=True)
class CapacityQueue:
    """Who holds a slot and who waits for one; memory only, rebuilt as hosts ask."""

    wake: Callable[[NamespacedName], None]
    holders: set[NamespacedName] = field(default_factory=set[NamespacedName])
    _waiting: OrderedDict[NamespacedName, datetime] = field(
        default_factory=OrderedDict[NamespacedName, datetime]
    )

    @property
    def waiting(self) -> tuple[NamespacedName, ...]:
        """Waiting hosts, the next one first."""
        return tuple(self._waiting)

    def may_ask(self, key: NamespacedName, now: datetime) -> bool:
        """Whether it is this host's turn to ask the backend; those with a slot always may."""
        self._expire(now)
        return key in self.holders or next(iter(self._waiting), key) == key

    def grant(self, key: NamespacedName) -> None:
        """The backend said yes; the next in line may try as well."""
        self.holders.add(key)
        self._drop(key)

    def wait(self, key: NamespacedName, now: datetime) -> None:
        """Queue up, or say that one still waits; the place is kept."""
        self.holders.discard(key)
        self._waiting[key] = now

    def leave(self, key: NamespacedName) -> None:
        """The host needs no slot (any more)."""
        held = key in self.holders
        self.holders.discard(key)
        if self._drop(key) or not held:
            return
        self._wake_next()

    def _drop(self, key: NamespacedName) -> bool:
        """Take the host out of the line; when it was first, the next one's turn has come."""
        was_first = next(iter(self._waiting), None) == key
        if self._waiting.pop(key, None) is None:
            return False
        if was_first:
            self._wake_next()
        return True

    def _wake_next(self) -> None:
        first = next(iter(self._waiting), None)
        if first is not None:
            self.wake(first)

    def _expire(self, now: datetime) -> None:
        for key in [k for k, asked in self._waiting.items() if now - asked > EXPIRY]:
            self._drop(key)
