"""How long a failed host waits before it is tried again."""

import random
from collections.abc import Hashable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from metal3.runtime.types import NamespacedName

MAX_EXPONENT: Final = 9


def backoff(failures: int, rng: random.Random) -> timedelta:
    """Between half of 2^n minutes and all of it, n being the failures so far, up to 9.

    The numbers are the Go operator's, which users have in their runbooks.
    """
    longest = timedelta(minutes=2 ** min(max(failures, 0), MAX_EXPONENT))
    return longest - longest * rng.random() * 0.5


@dataclass(slots=True)
class Retries:
    """Keeps failed hosts from being tried again early.

    A host is woken by many things. Only a change of what the user controls (``fingerprint``) ends
    its waiting early. This is memory only: after a restart every host is tried once, at once.
    """

    _waiting: dict[NamespacedName, tuple[datetime, Hashable]] = field(
        default_factory=dict[NamespacedName, tuple[datetime, Hashable]]
    )

    def hold(self, key: NamespacedName, until: datetime, fingerprint: Hashable) -> None:
        """Do not try before ``until`` unless the fingerprint changes."""
        self._waiting[key] = (until, fingerprint)

    def release(self, key: NamespacedName) -> None:
        """Try whenever there is a reason to."""
        self._waiting.pop(key, None)

    def left(self, key: NamespacedName, now: datetime, fingerprint: Hashable) -> timedelta:
        """How long the host still waits; zero when it may be tried."""
        until, seen = self._waiting.get(key, (now, fingerprint))
        if seen != fingerprint or until <= now:
            self.release(key)
            return timedelta(0)
        return until - now
