"""How long a failed item waits before it is tried again."""

import asyncio
import random
from collections.abc import Callable, Hashable
from datetime import timedelta
from typing import Final, Generic, Protocol, TypeVar

T = TypeVar("T", bound=Hashable)
T_contra = TypeVar("T_contra", bound=Hashable, contravariant=True)

# The defaults of client-go's controllers.
BASE_DELAY: Final = timedelta(milliseconds=5)
MAX_DELAY: Final = timedelta(seconds=1000)
_MAX_DOUBLINGS: Final = 62  # beyond, the power would overflow a float's exponent in the end


class RateLimiter(Protocol[T_contra]):
    """Remembers failures of items."""

    def when(self, item: T_contra) -> timedelta:
        """Count one more failure, and say how long to wait."""
        ...

    def forget(self, item: T_contra) -> None:
        """The item is well, or gone: start from the beginning next time."""
        ...

    def num_requeues(self, item: T_contra) -> int:
        """Failures since the last ``forget``."""
        ...


class ItemExponentialFailureRateLimiter(Generic[T]):
    """``base * 2^failures`` per item, up to ``maximum``.

    ``jitter`` takes off up to that share of the delay at random (0 to 1), so that items that
    failed together do not all come back together.
    """

    def __init__(
        self,
        *,
        base: timedelta = BASE_DELAY,
        maximum: timedelta = MAX_DELAY,
        jitter: float = 0.0,
        random_unit: Callable[[], float] = random.random,  # noqa: S311 - spreads load, hides nothing
    ) -> None:
        if not 0.0 <= jitter <= 1.0:
            raise ValueError(f"jitter must be from 0 to 1, not {jitter}")
        self._base = base.total_seconds()
        self._maximum = maximum.total_seconds()
        self._jitter = jitter
        self._random = random_unit
        self._failures: dict[T, int] = {}

    def when(self, item: T) -> timedelta:
        """Count one more failure, and say how long to wait."""
        failures = self._failures.get(item, 0)
        self._failures[item] = failures + 1
        delay = min(self._base * 2.0 ** min(failures, _MAX_DOUBLINGS), self._maximum)
        return timedelta(seconds=delay * (1.0 - self._jitter * self._random()))

    def forget(self, item: T) -> None:
        """Start from ``base`` next time."""
        self._failures.pop(item, None)

    def num_requeues(self, item: T) -> int:
        """Failures since the last ``forget``."""
        return self._failures.get(item, 0)


class BucketRateLimiter(Generic[T]):
    """All items together: ``qps`` a second, ``burst`` at once. Waits are handed out in turn."""

    def __init__(
        self, *, qps: float = 10.0, burst: int = 100, clock: Callable[[], float] | None = None
    ) -> None:
        self._gap = 1.0 / qps
        self._burst = burst
        self._clock = clock
        self._full_at = float("-inf")

    def when(self, item: T) -> timedelta:
        """Take a token, perhaps one of the future."""
        now = self._now()
        self._full_at = max(self._full_at, now) + self._gap
        return timedelta(seconds=max(0.0, self._full_at - now - self._burst * self._gap))

    def forget(self, item: T) -> None:
        """Tokens are not given back."""

    def num_requeues(self, item: T) -> int:
        """Always zero: failures are not counted per item."""
        return 0

    def _now(self) -> float:
        return self._clock() if self._clock else asyncio.get_running_loop().time()


class MaxOfRateLimiter(Generic[T]):
    """The longest wait of several limiters."""

    def __init__(self, *limiters: RateLimiter[T]) -> None:
        if not limiters:
            raise ValueError("at least one limiter is needed")
        self._limiters = limiters

    def when(self, item: T) -> timedelta:
        """Every limiter counts; the longest wait holds."""
        return max(limiter.when(item) for limiter in self._limiters)

    def forget(self, item: T) -> None:
        """Tell every limiter."""
        for limiter in self._limiters:
            limiter.forget(item)

    def num_requeues(self, item: T) -> int:
        """The highest count."""
        return max(limiter.num_requeues(item) for limiter in self._limiters)
