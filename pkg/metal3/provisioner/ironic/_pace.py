"""How long to wait before Ironic's nodes are looked at again.

Soon while something is under way, more rarely the longer it takes, seldom while all is at rest or
Ironic itself tells what happens; and never so often that the looks weigh on Ironic.
"""

import asyncio
from typing import Final

IDLE: Final = 60.0
"""Seconds between listings while nothing is under way."""

BUSY: Final = 0.2
"""Shortest pause between two looks that nobody asked for."""

LATE: Final = 0.1
"""How late the end of a step may be seen, as a share of what it took."""

SHARE: Final = 0.2
"""Of Ironic's time, what looks may take."""

PATIENT: Final = 10.0
"""Longest pause while something is under way; reached when it has not moved for long."""

SETTLE: Final = 0.2
"""How long Ironic may take to show that it began what it was asked for."""

HURRY: Final = 0.2
"""Shortest time between two looks when Ironic itself says that there is something to see."""

TRUST: Final = 120.0
"""Seconds for which a notification is proof that more of them would come."""


class Pace:
    """The waits of one informer; times are those of its event loop."""

    def __init__(self) -> None:
        self._wanted = asyncio.Event()
        self._is_urgent = False
        self._moved_at = self._heard_at = self._looked_at = float("-inf")
        self._took = 0.0

    @property
    def is_told(self) -> bool:
        """Whether Ironic tells what happens, so that nobody needs to look for it."""
        return now() - self._heard_at < TRUST

    def heard(self) -> None:
        """Ironic told something."""
        self._heard_at = now()

    def moves(self) -> None:
        """Something began or ended; more may follow soon."""
        self._moved_at = now()

    def want(self, *, is_urgent: bool = False) -> None:
        """Look soon, or at once if there is something to see already."""
        self._is_urgent |= is_urgent
        self._wanted.set()

    def looks(self) -> float:
        """A look begins and answers all who wanted one; gives its time."""
        self._wanted.clear()
        self._is_urgent = False
        self._looked_at = now()
        return self._looked_at

    def looked(self) -> None:
        """It has ended."""
        self._took = now() - self._looked_at

    async def pause(self, *, is_idle: bool) -> None:
        """Wait until the next look is due."""
        if await self._is_wanted_within(IDLE if is_idle else self._interval()):
            since = now() - self._looked_at
            rest = self._took / SHARE - since
            await asyncio.sleep(max(HURRY - since if self._is_urgent else SETTLE, rest, 0))

    def _interval(self) -> float:
        if self.is_told:
            return PATIENT
        quiet = now() - self._moved_at
        return max(BUSY, min(PATIENT, LATE * quiet), self._took / SHARE)

    async def _is_wanted_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._wanted.wait()
        except TimeoutError:
            return False
        return True


def now() -> float:
    """Seconds on the clock of the event loop."""
    return asyncio.get_running_loop().time()
