"""From the ledger to the queues of the controllers."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta

from metal3.runtime.handler import Queue
from metal3.runtime.reconcile import Request
from metal3.runtime.types import NamespacedName

from .records import ClaimKey, ClaimKind


async def _nothing() -> None:
    """There is nothing to wait for."""


@dataclass(kw_only=True)
class Gate:
    """A Source of one controller: what it is asked for before the controller runs is remembered.

    ``ready`` is waited for before the controller begins. A request may be put off by ``delay``;
    asking again meanwhile does not put it off further.
    """

    ready: Callable[[], Awaitable[None]] = _nothing
    _queue: Queue | None = field(default=None, init=False)
    _early: dict[Request, timedelta] = field(default_factory=dict[Request, timedelta], init=False)

    def wake(self, key: NamespacedName, delay: timedelta = timedelta()) -> None:
        """Have the object of this name reconciled."""
        request = Request(*key)
        if self._queue is None:
            self._early[request] = delay
        elif delay:
            self._queue.add_after(request, delay)
        else:
            self._queue.add(request)

    async def start(self, queue: Queue, tasks: asyncio.TaskGroup) -> None:
        """Feed ``queue`` from now on, beginning with what is remembered."""
        self._queue = queue
        early, self._early = self._early, {}
        for request, delay in early.items():
            self.wake(request, delay)

    async def wait_for_sync(self) -> None:
        """Wait until the controller may begin."""
        await self.ready()


@dataclass(kw_only=True)
class Gates:
    """The controllers the ledger can wake.

    A pool's status may be late by ``pool_delay``, so that many changes make one write.
    """

    pools: Gate
    addresses: Gate
    claims: dict[ClaimKind, Gate]
    pool_delay: timedelta

    def wake_claim(self, claim: ClaimKey) -> None:
        """Look at a claim now."""
        gate = self.claims.get(claim.kind)
        if gate is not None:
            gate.wake(claim.object_key)

    def wake_pool(self, pool: NamespacedName, *, at_once: bool = False) -> None:
        """Look at a pool, soon or now."""
        self.pools.wake(pool, timedelta() if at_once else self.pool_delay)

    def wake_address(self, address: NamespacedName) -> None:
        """Look at an address now."""
        self.addresses.wake(address)
