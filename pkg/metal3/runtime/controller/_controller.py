"""The life of a controller: sources, sync, workers, and an orderly end."""

import asyncio
import contextlib
from typing import Final

from metal3.runtime.log import get_logger
from metal3.runtime.reconcile import Reconciler, Request
from metal3.runtime.source import Source
from metal3.runtime.workqueue import PriorityQueue, ShutDownError

from ._options import ControllerOptions
from ._worker import Worker

log = get_logger(__name__)

_SLICE: Final = 0.01  # seconds
_FIRST_PAUSE: Final = 0.01
_LAST_PAUSE: Final = 1.0


class Controller:
    """Feeds a reconciler; a Runnable of the manager.

    Cancelling :meth:`run` once ends it gracefully: nothing new is taken, and what runs may finish
    within ``graceful_shutdown_timeout``. Cancelling it again cancels what still runs.
    """

    def __init__(
        self, name: str, reconciler: Reconciler, options: ControllerOptions | None = None
    ) -> None:
        self.name = name
        self.options = options or ControllerOptions()
        self.queue: PriorityQueue[Request] = PriorityQueue(
            name=name, rate_limiter=self.options.rate_limiter()
        )
        self._sources: list[Source] = []
        self._worker = Worker(name, reconciler, self.queue, self.options)
        self._is_feeding = False
        self._fed = asyncio.Event()
        self._is_running = False

    def __repr__(self) -> str:
        return f"Controller({self.name!r})"

    @property
    def needs_leader_election(self) -> bool:
        """As the options say."""
        return self.options.needs_leader_election

    @property
    def needs_warmup(self) -> bool:
        """As the options say."""
        return self.options.enable_warmup

    def watch(self, source: Source) -> None:
        """Take requests from ``source``, too; raises RuntimeError once the controller runs."""
        if self._is_feeding:
            raise RuntimeError(f"controller {self.name!r} runs already")
        self._sources.append(source)

    async def warmup(self) -> None:
        """Fill the queue and keep filling it until cancelled; ``run`` then finds it full."""
        async with asyncio.TaskGroup() as tasks:
            await self._feed(tasks)
            await asyncio.Event().wait()

    async def run(self) -> None:
        """Reconcile until cancelled; a group of errors is raised when sources fail or do not sync."""
        if self._is_running:
            raise RuntimeError(f"controller {self.name!r} runs already")
        self._is_running = True
        async with asyncio.TaskGroup() as tasks:
            await self._feed(tasks)
            await self._wait_for_sync()
            log.info("controller works", controller=self.name, workers=self._workers)
            await self._work(tasks)

    @property
    def _workers(self) -> int:
        return self.options.max_concurrent_reconciles

    async def _feed(self, tasks: asyncio.TaskGroup) -> None:
        if self._is_feeding:
            await self._fed.wait()
            return
        self._is_feeding = True
        for source in self._sources:
            await source.start(self.queue, tasks)
        self._fed.set()

    async def _wait_for_sync(self) -> None:
        limit = self.options.cache_sync_timeout
        for source in self._sources:
            try:
                async with asyncio.timeout(limit.total_seconds()):
                    await source.wait_for_sync()
            except TimeoutError as error:
                message = f"controller {self.name!r}: {source!r} has not synced within {limit}"
                raise TimeoutError(message) from error

    async def _work(self, tasks: asyncio.TaskGroup) -> None:
        workers = [
            tasks.create_task(self._take_requests(), name=f"{self.name} worker {number}")
            for number in range(self._workers)
        ]
        try:
            await asyncio.Event().wait()
        finally:
            try:
                await self._finish()
            finally:
                await _cancel(workers)

    async def _finish(self) -> None:
        """Let what runs end by itself, for a while."""
        self.queue.shut_down()
        if await self._worker.wait_idle(self.options.graceful_shutdown_timeout):
            log.debug("controller stopped", controller=self.name)
        else:
            log.warning("controller stopped while reconciling", controller=self.name)

    async def _take_requests(self) -> None:
        clock = asyncio.get_running_loop().time
        until = clock() + _SLICE
        while True:
            try:
                request, priority = await self.queue.get_with_priority()
            except ShutDownError:
                return
            try:
                await self._worker.handle(request, priority)
            finally:
                self.queue.done(request)
            if clock() > until:
                # Reconcilers that find nothing to do never wait; lease and watches need a turn.
                await asyncio.sleep(0)
                until = clock() + _SLICE


async def _cancel(workers: "list[asyncio.Task[None]]") -> None:
    """Cancel until they end: a reconciler may catch a cancellation, but not for ever."""
    pause = _FIRST_PAUSE
    while not all(worker.done() for worker in workers):
        for worker in workers:
            worker.cancel()
        with contextlib.suppress(asyncio.CancelledError):  # we are being cancelled already
            await asyncio.wait(workers, timeout=pause)
        pause = min(2 * pause, _LAST_PAUSE)
