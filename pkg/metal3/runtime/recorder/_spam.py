"""A bucket of tokens for each object, so that one that flaps does not fill the event store."""

from collections import OrderedDict
from collections.abc import Hashable
from datetime import timedelta
from typing import Final

_OBJECTS: Final = 4096


class SpamFilter:
    """``burst`` events at once, then one each ``refill``; the values are those of client-go."""

    def __init__(self, *, burst: int, refill: timedelta) -> None:
        self._burst = float(burst)
        self._rate = 1.0 / refill.total_seconds()
        self._tokens: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def allows(self, key: Hashable, now: float) -> bool:
        """Take a token of ``key``; False when there is none."""
        tokens, since = self._tokens.pop(key, (self._burst, now))
        tokens = min(self._burst, tokens + (now - since) * self._rate)
        allowed = tokens >= 1.0
        self._tokens[key] = (tokens - 1.0 if allowed else tokens, now)
        if len(self._tokens) > _OBJECTS:
            self._tokens.popitem(last=False)
        return allowed
