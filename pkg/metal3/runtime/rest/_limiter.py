"""A token bucket, for those who must limit a client although the server could."""

import asyncio
from dataclasses import dataclass


@dataclass(slots=True)
class Limiter:
    """``burst`` requests at once, ``qps`` a second on average; callers are served in order."""

    qps: float
    burst: int
    _next: float = 0

    async def wait(self) -> None:
        """Return when the next request may be sent."""
        now = asyncio.get_running_loop().time()
        # The time at which the bucket would be full again; each request moves it on.
        self._next = max(self._next, now) + 1 / self.qps
        delay = self._next - now - self.burst / self.qps
        if delay > 0:
            await asyncio.sleep(delay)
