"""Which failed requests are sent again, when, and for how long at most."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Final

_RANDOM: Final = secrets.SystemRandom()
_MAX_DIGITS: Final = 5
_UNAVAILABLE: Final = frozenset(
    {HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}
)
_READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """At most ``attempts`` requests, and no wait that would end after ``budget``.

    Without a Retry-After the wait doubles from ``first`` up to ``longest``, with up to half of it
    added at random.
    """

    attempts: int = 6
    budget: timedelta = timedelta(seconds=30)
    first: timedelta = timedelta(milliseconds=100)
    longest: timedelta = timedelta(seconds=5)

    def delay(self, attempt: int, retry_after: timedelta | None) -> timedelta:
        """How long to wait after the ``attempt``-th request (from 1) failed."""
        if retry_after is not None:
            return retry_after
        wait = min(self.first * 2 ** (attempt - 1), self.longest)
        return timedelta(seconds=wait.total_seconds() * _RANDOM.uniform(1, 1.5))


def may_repeat(method: str, code: int, *, retry_after: timedelta | None) -> bool:
    """Whether a refusal says the request had no effect, or it never has one.

    A server that names a time to come back did not take the request (API conventions, "HTTP
    Status codes"); 429 never does.
    """
    if code == HTTPStatus.TOO_MANY_REQUESTS:
        return True
    if code in _UNAVAILABLE:
        return retry_after is not None or method in _READS
    return code == HTTPStatus.INTERNAL_SERVER_ERROR and retry_after is not None


def is_read(method: str) -> bool:
    """Whether sending it twice cannot matter."""
    return method in _READS


def retry_after(headers: Mapping[str, str]) -> timedelta | None:
    """The header in seconds, as API servers send it; a date or nonsense counts as absent."""
    value = headers.get("Retry-After", "").strip()
    return (
        timedelta(seconds=int(value)) if value.isdecimal() and len(value) <= _MAX_DIGITS else None
    )
