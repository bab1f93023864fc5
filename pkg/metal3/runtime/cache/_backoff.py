"""Waiting longer and longer, with jitter, until things have been well for a while."""

import asyncio
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

_RANDOM: Final = secrets.SystemRandom()


@dataclass(slots=True, kw_only=True)
class Backoff:
    """From ``first`` doubling to ``longest``, each with up to as much again at random.

    Starts over when the last wait ended more than ``calm`` ago.
    """

    first: timedelta = timedelta(milliseconds=500)
    longest: timedelta = timedelta(seconds=30)
    calm: timedelta = timedelta(minutes=1)
    _failures: int = 0
    _ended: float = 0

    async def wait(self, at_least: timedelta | None = None) -> None:
        """Sleep after one more failure; ``at_least`` is what the server asked for."""
        loop = asyncio.get_running_loop()
        if loop.time() - self._ended > self.calm.total_seconds():
            self._failures = 0
        wait = min(self.first * 2 ** min(self._failures, 16), self.longest)
        seconds = wait.total_seconds() * _RANDOM.uniform(1, 2)
        self._failures += 1
        await asyncio.sleep(max(seconds, at_least.total_seconds() if at_least else 0))
        self._ended = loop.time()
