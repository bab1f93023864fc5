"""Wake-ups from outside the API, such as a backend that saw a machine change."""

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

from metal3.api.meta import v1 as metav1
from metal3.runtime.event import GenericEvent
from metal3.runtime.handler import EnqueueRequestForObject, EventHandler, Queue
from metal3.runtime.predicate import Predicate
from metal3.runtime.reconcile import Request
from metal3.runtime.types import NamespacedName

from ._kind import Delivery


class Channel:
    """Something to call when an object should be looked at.

    ``wake`` takes a key and may be called from any thread, at any time: before the controller
    starts it is remembered, after it stops it is ignored. ``send`` takes an object and goes
    through the predicates and the handler, as events of the API do. One channel feeds one
    controller.
    """

    def __init__(
        self, handler: EventHandler | None = None, predicates: Sequence[Predicate] = ()
    ) -> None:
        self._handler = handler or EnqueueRequestForObject()
        self._predicates = predicates
        self._lock = threading.Lock()
        self._early: dict[Request, int] = {}
        self._unsent: dict[tuple[str, NamespacedName], GenericEvent[Any]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._queue: Queue | None = None
        self._delivery: Delivery | None = None

    def wake(self, key: NamespacedName, *, priority: int = 0) -> None:
        """Reconcile the object ``key`` soon."""
        request = Request(*key)
        with self._lock:
            loop, queue = self._loop, self._queue
            if loop is None or queue is None:
                self._early[request] = max(priority, self._early.get(request, priority))
                return
        if _is_running(loop):
            queue.add(request, priority=priority)
        elif not loop.is_closed():
            loop.call_soon_threadsafe(lambda: queue.add(request, priority=priority))

    def send(self, obj: metav1.Object) -> None:
        """Tell the handler that something concerns ``obj``; to be called in the event loop."""
        event: GenericEvent[Any] = GenericEvent(object=obj)
        if self._delivery is not None:
            self._delivery.deliver(event)
            return
        key = NamespacedName(obj.metadata.namespace, obj.metadata.name)
        self._unsent[obj.kind, key] = event

    async def start(self, queue: Queue, tasks: asyncio.TaskGroup) -> None:
        """Feed ``queue`` from now on, beginning with what is remembered."""
        if self._queue is not None:
            raise RuntimeError("a channel feeds one controller")
        self._handler.start(queue, tasks)
        self._delivery = Delivery(self._handler, self._predicates, queue)
        with self._lock:
            self._loop, self._queue = asyncio.get_running_loop(), queue
            early, self._early = self._early, {}
        for request, priority in early.items():
            queue.add(request, priority=priority)
        unsent, self._unsent = self._unsent, {}
        for event in unsent.values():
            self._delivery.deliver(event)

    async def wait_for_sync(self) -> None:
        """There is nothing to wait for."""


def _is_running(loop: asyncio.AbstractEventLoop) -> bool:
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False
