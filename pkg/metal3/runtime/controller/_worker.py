"""One reconciliation: deadline, isolation of what goes wrong, what comes next, one log line."""

import asyncio
import contextlib
import random
from datetime import timedelta
from typing import Final

from metal3.runtime.client import ApiError, ConflictError
from metal3.runtime.log import bound, get_logger
from metal3.runtime.metrics import ControllerMetrics, ReconcileOutcome
from metal3.runtime.reconcile import Reconciler, Request, Result, TerminalError
from metal3.runtime.workqueue import PriorityQueue

from ._options import ControllerOptions

log = get_logger(__name__)

_no_deadline: Final = contextlib.nullcontext()

MISTAKES: Final = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    ImportError,
    LookupError,
    MemoryError,
    NameError,
    NotImplementedError,
    RecursionError,
    TypeError,
)
"""Errors that tell of a mistake in the program; counted as panics are in Go."""


class StrayCancellationError(Exception):
    """Something the reconciler awaited was cancelled, but not the reconciler itself."""


class Worker:
    """Runs a reconciler for one request at a time; shared by all tasks of a controller."""

    def __init__(
        self,
        name: str,
        reconciler: Reconciler,
        queue: PriorityQueue[Request],
        options: ControllerOptions,
    ) -> None:
        self._name = name
        self._reconciler = reconciler
        self._queue = queue
        self._timeout = options.reconcile_timeout
        self._metrics = ControllerMetrics(name, max_concurrent=options.max_concurrent_reconciles)
        self._running = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def wait_idle(self, limit: timedelta) -> bool:
        """Wait until nothing is being reconciled; False when that takes too long."""
        try:
            async with asyncio.timeout(limit.total_seconds()):
                await self._idle.wait()
        except TimeoutError:
            return False
        return True

    async def handle(self, request: Request, priority: int) -> None:
        """Reconcile, and put the request back if need be. Raises only what stops the process."""
        self._running += 1
        self._idle.clear()
        try:
            with bound(
                controller=self._name,
                namespace=request.namespace,
                name=request.name,
                reconcileID=f"{random.getrandbits(128):032x}",
            ):
                await self._measured(request, priority)
        finally:
            self._running -= 1
            if not self._running:
                self._idle.set()

    async def _measured(self, request: Request, priority: int) -> None:
        clock = asyncio.get_running_loop().time
        start = clock()
        self._metrics.begin()
        try:
            result = await self._reconcile(request)
        except asyncio.CancelledError:
            self._metrics.cancelled()
            log.info("reconciliation cancelled", seconds=clock() - start)
            raise
        except Exception as error:  # noqa: BLE001 - one object must not stop the others
            self._metrics.end(ReconcileOutcome.ERROR, seconds=clock() - start)
            self._failed(request, priority, error)
        else:
            self._metrics.end(self._succeeded(request, priority, result), seconds=clock() - start)

    async def _reconcile(self, request: Request) -> Result:
        deadline = None if self._timeout is None else asyncio.timeout(self._timeout.total_seconds())
        try:
            async with deadline or _no_deadline:
                return _checked(await self._reconciler.reconcile(request))
        except TimeoutError as error:
            if deadline is not None and deadline.expired():
                raise TimeoutError(f"reconciliation took longer than {self._timeout}") from error
            raise
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise StrayCancellationError("an awaited operation was cancelled") from error

    def _succeeded(self, request: Request, priority: int, result: Result) -> ReconcileOutcome:
        self._queue.forget(request)
        after = result.requeue_after
        log.debug("reconciled", requeue_after=after)
        if after is None:
            return ReconcileOutcome.SUCCESS
        self._queue.add_after(request, after, priority=priority)
        return ReconcileOutcome.REQUEUE_AFTER

    def _failed(self, request: Request, priority: int, error: Exception) -> None:
        if isinstance(error, TerminalError):
            self._metrics.terminal()
            self._queue.forget(request)
            log.error("reconciliation failed for good", error=error, cause=error.__cause__)
            return
        if isinstance(error, (*MISTAKES, StrayCancellationError)):
            self._metrics.panic()
        self._queue.add_rate_limited(request, priority=priority)
        attempts = self._queue.num_requeues(request)
        if isinstance(error, ConflictError):
            log.info("reconciliation met a newer object", error=error, attempts=attempts)
        elif isinstance(error, (ApiError, TimeoutError)):
            log.error("reconciliation failed", error=error, attempts=attempts)
        else:
            log.error("reconciliation failed", error=error, attempts=attempts, exc_info=error)


def _checked(result: object) -> Result:
    if not isinstance(result, Result):
        raise TypeError(f"reconcile must return a Result, not {type(result).__name__}")
    return result
