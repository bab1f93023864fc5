"""First looks after a start, one after the other, so that a start does not fall upon the backend.

A settled object is looked at again because its last look may be long past, not because anything
happened: that can wait for its turn. What was looked at once in this process needs no turn.
"""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from metal3.runtime.types import NamespacedName

TURNS_A_SECOND: Final = 8
"""For two kinds of objects that is 16 requests a second; with listings it stays below 20."""


@dataclass(slots=True)
class Pace:
    """Who had a turn, and when the next turn is free; memory only."""

    _turns: dict[NamespacedName, float] = field(default_factory=dict[NamespacedName, float])
    _free_at: float = float("-inf")

    def left(self, key: NamespacedName) -> timedelta:
        """How long until the object's turn; nothing from then on."""
        now = asyncio.get_running_loop().time()
        turn = self._turns.get(key)
        if turn is None:
            turn = self._turns[key] = max(now, self._free_at)
            self._free_at = turn + 1 / TURNS_A_SECOND
        return timedelta(seconds=max(turn - now, 0))

    def skip(self, key: NamespacedName) -> None:
        """It is looked at now, and needs no turn any more."""
        self._turns[key] = float("-inf")

    def forget(self, key: NamespacedName) -> None:
        """The object is gone."""
        self._turns.pop(key, None)
