"""What a manager runs, and in which order."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Protocol

from metal3.runtime.webhook import WebhookServer


class Runnable(Protocol):
    """Works until it is cancelled.

    May further have: ``needs_leader_election`` (bool, True if missing), ``started``
    (asyncio.Event: what starts later waits for it), ``wait_for_cache_sync``, ``warmup`` with
    ``needs_warmup``. To return early is fine; to raise stops the manager with that error.
    Cancelled a second time, a runnable must end at once.
    """

    async def run(self) -> None:
        """Work until cancelled."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnableFunc:
    """A Runnable out of an async function."""

    fn: Callable[[], Awaitable[None]]
    needs_leader_election: bool = True

    async def run(self) -> None:
        """Call the function."""
        await self.fn()


class Group(IntEnum):
    """Started in this order, each when the one before is up; stopped the other way round."""

    HTTP_SERVERS = 0
    """Health and metrics: they answer for as long as the process lives."""
    WEBHOOKS = 1
    """The API server may need them, to convert, before it can list."""
    CACHES = 2
    """Synced before anything reads."""
    OTHERS = 3
    """What needs no leadership."""
    WARMUP = 4
    """Controllers that fill their queue while another process leads."""
    LEADER_ELECTION = 5
    """What runs only while this process leads: controllers."""


def group_of(runnable: Any) -> Group:
    """Where a runnable belongs unless it is said explicitly."""
    if isinstance(runnable, WebhookServer):
        return Group.WEBHOOKS
    if hasattr(runnable, "wait_for_cache_sync"):
        return Group.CACHES
    if getattr(runnable, "needs_leader_election", True):
        return Group.LEADER_ELECTION
    return Group.OTHERS
