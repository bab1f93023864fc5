"""Waiting to lead, leading while the Lease is renewed, and stopping."""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from metal3.runtime.client import ApiError, Client
from metal3.runtime.log import get_logger
from metal3.runtime.metrics import LEADER

from ._lock import LeaseLock
from ._options import LeaderElectionOptions

log = get_logger(__name__)

_RELEASE_LIMIT: Final = timedelta(seconds=5)


class LeadershipLostError(Exception):
    """The Lease was not renewed in time, or another holds it: stop working at once."""


def _nothing() -> None:
    """Stands in where nobody wants to know."""


class LeaderElector:
    """One candidate. ``client`` must talk to the server: a cache would show an old Lease."""

    def __init__(
        self,
        client: Client,
        options: LeaderElectionOptions,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        random_unit: Callable[[], float] = random.random,  # noqa: S311 - spreads load, hides nothing
    ) -> None:
        self._options = options
        self._lock = LeaseLock(client, options, now)
        self._random = random_unit
        self._valid_until = float("-inf")
        self._gauge = LEADER.labels(options.name)
        self._gauge.set(0)

    @property
    def is_leader(self) -> bool:
        """True while this process may act; false as soon as the renewal is overdue."""
        return asyncio.get_running_loop().time() < self._valid_until

    @property
    def holder(self) -> str:
        """Identity of the last holder that was seen."""
        return self._lock.holder

    async def run(
        self, lead: Callable[[], Awaitable[None]], *, on_lost: Callable[[], None] = _nothing
    ) -> None:
        """Wait for the Lease, then await ``lead`` while renewing it.

        When the Lease is lost, ``on_lost`` is called, ``lead`` is cancelled, and
        LeadershipLostError is raised. The Lease is renewed for as long as ``lead`` takes to end,
        also after this call is cancelled, and given back afterwards.
        """
        await self._acquire()
        log.info("leading", lease=self._options.name, identity=self._options.identity)
        self._gauge.set(1)
        try:
            await self._lead(lead, on_lost)
        finally:
            self._gauge.set(0)
            await self._release()
            self._valid_until = float("-inf")

    async def _lead(self, lead: Callable[[], Awaitable[None]], on_lost: Callable[[], None]) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                renewal = tasks.create_task(self._renew(on_lost), name="renew lease")
                await lead()
                renewal.cancel()
        except BaseExceptionGroup as errors:
            if errors.subgroup(LeadershipLostError) is None:
                raise
            raise LeadershipLostError(f"lease {self._options.name!r} was not renewed") from None

    async def _acquire(self) -> None:
        while not await self._try():
            await self._pause()

    async def _renew(self, on_lost: Callable[[], None]) -> None:
        """Renew until the deadline passes without success."""
        try:
            while True:
                await self._pause_until_deadline()
                async with asyncio.timeout_at(self._valid_until):
                    while not await self._try():
                        await self._pause()
        except TimeoutError:
            self._valid_until = float("-inf")
        on_lost()
        log.error("leadership lost", lease=self._options.name, holder=self._lock.holder)
        raise LeadershipLostError(f"lease {self._options.name!r} was not renewed")

    async def _pause_until_deadline(self) -> None:
        async with asyncio.timeout_at(self._valid_until):
            await self._pause()

    async def _try(self) -> bool:
        """One attempt. The claim counts from before the request: a late answer shortens it."""
        loop = asyncio.get_running_loop()
        start = loop.time()
        limit = self._options.renew_deadline.total_seconds()
        try:
            async with asyncio.timeout(limit / 2):
                held = await self._lock.try_acquire_or_renew()
        except (ApiError, TimeoutError) as error:
            log.warning("the lease cannot be reached", lease=self._options.name, error=error)
            return False
        if held:
            self._valid_until = start + limit
        return held and self.is_leader

    async def _pause(self) -> None:
        period = self._options.retry_period.total_seconds()
        await asyncio.sleep(period * (1.0 + self._options.jitter * self._random()))

    async def _release(self) -> None:
        """Only what is still ours can be given back; failing that, it lapses by itself."""
        if not (self._options.release_on_stop and self.is_leader):
            return
        with contextlib.suppress(ApiError, TimeoutError):
            async with asyncio.timeout(_RELEASE_LIMIT.total_seconds()):
                await self._lock.release()
                log.info("lease released", lease=self._options.name)
