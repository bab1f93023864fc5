"""Any objects a function names, also one that has to ask the API first."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, cast

from metal3.api.meta import v1 as metav1
from metal3.runtime.event import CreateEvent, DeleteEvent, Event, GenericEvent, UpdateEvent
from metal3.runtime.log import get_logger
from metal3.runtime.reconcile import Request
from metal3.runtime.types import NamespacedName, key_of
from metal3.runtime.workqueue import PriorityQueue, ShutDownError

from ._handler import EventHandler, Queue, priority_of
from ._requests import RequestsHandler

log = get_logger(__name__)

_SLICE: Final = 0.01  # seconds

Requests = Iterable[NamespacedName]
MapFunc = Callable[[Any], Requests] | Callable[[Any], Awaitable[Requests]]
"""From an object to the objects to reconcile; keys of any kind of name will do."""


def enqueue_requests_from_map_func(fn: MapFunc) -> EventHandler:
    """A handler that asks ``fn``, for the old and the new object of an update.

    ``fn`` may be async, to list what refers to the object. It is then called outside the stream
    of events, one object at a time, and again with backoff when it fails, so no wake-up is lost.
    """
    if _is_async(fn):
        return _AsyncMap(cast("Callable[[Any], Awaitable[Requests]]", fn))
    return _SyncMap(cast("Callable[[Any], Requests]", fn))


def _is_async(fn: object) -> bool:
    return inspect.iscoroutinefunction(fn) or inspect.iscoroutinefunction(
        getattr(fn, "__call__", None)  # noqa: B004 - an object whose call is async counts, too
    )


class _SyncMap(RequestsHandler):
    def __init__(self, fn: Callable[[Any], Requests]) -> None:
        self._fn = fn

    def requests_for(self, obj: metav1.Object) -> list[Request]:
        return [Request(*key) for key in self._fn(obj)]


@dataclass(slots=True)
class _Pending:
    """What is to be mapped for one key: events in between need no answer of their own."""

    objects: list[metav1.Object]
    priority: int


class _AsyncMap:
    """Bounded by the number of objects: of several events for one, first and last are kept."""

    def __init__(self, fn: Callable[[Any], Awaitable[Requests]]) -> None:
        self._fn = fn
        self._pending: dict[NamespacedName, _Pending] = {}
        self._keys: PriorityQueue[NamespacedName] = PriorityQueue()

    def start(self, queue: Queue, tasks: asyncio.TaskGroup) -> None:
        tasks.create_task(self._run(queue), name=f"map {self._fn!r}")

    def create(self, event: CreateEvent[Any], queue: Queue) -> None:
        self._remember(event, event.object)

    def update(self, event: UpdateEvent[Any], queue: Queue) -> None:
        self._remember(event, event.object_old, event.object_new)

    def delete(self, event: DeleteEvent[Any], queue: Queue) -> None:
        self._remember(event, event.object)

    def generic(self, event: GenericEvent[Any], queue: Queue) -> None:
        self._remember(event, event.object)

    def _remember(self, event: Event[Any], *objects: metav1.Object) -> None:
        key, priority = key_of(objects[-1]), priority_of(event)
        pending = self._pending.setdefault(key, _Pending([], priority))
        pending.objects = [*pending.objects, *objects]
        if len(pending.objects) > 2:  # noqa: PLR2004 - before and after
            pending.objects = [pending.objects[0], pending.objects[-1]]
        pending.priority = max(pending.priority, priority)
        self._keys.add(key, priority=priority)

    async def _run(self, queue: Queue) -> None:
        clock = asyncio.get_running_loop().time
        until = clock() + _SLICE
        while True:
            try:
                key = await self._keys.get()
            except ShutDownError:
                return
            await self._map(key, queue)
            self._keys.done(key)
            if clock() > until:
                await asyncio.sleep(0)  # a function that never waits must not keep the loop
                until = clock() + _SLICE

    async def _map(self, key: NamespacedName, queue: Queue) -> None:
        pending = self._pending.pop(key, None)
        if pending is None:
            return
        try:
            found = [request for obj in pending.objects for request in await self._fn(obj)]
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            self._again(key, pending, error)  # something the function awaited was cancelled
            return
        except Exception as error:  # noqa: BLE001 - whatever it is, the wake-up must not be lost
            self._again(key, pending, error)
            return
        self._keys.forget(key)
        for request in dict.fromkeys(found):
            queue.add(Request(*request), priority=pending.priority)

    def _again(self, key: NamespacedName, pending: _Pending, error: BaseException) -> None:
        log.warning("mapping an object to requests failed", key=key, error=error)
        newer = self._pending.get(key)
        if newer is not None:
            pending.objects = [pending.objects[0], newer.objects[-1]]
            pending.priority = max(pending.priority, newer.priority)
        self._pending[key] = pending
        self._keys.add_rate_limited(key, priority=pending.priority)
