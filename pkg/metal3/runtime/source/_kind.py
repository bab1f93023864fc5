"""Events of one kind, out of the cache."""

import asyncio
from collections.abc import Sequence
from typing import Any

from metal3.api.meta import v1 as metav1
from metal3.runtime import cache
from metal3.runtime.event import CreateEvent, DeleteEvent, Event, UpdateEvent
from metal3.runtime.handler import EventHandler, Queue, handle
from metal3.runtime.log import get_logger
from metal3.runtime.predicate import Predicate, passes

log = get_logger(__name__)


class Delivery:
    """Filters events and hands them on; what an informer calls."""

    def __init__(
        self, handler: EventHandler, predicates: Sequence[Predicate], queue: Queue
    ) -> None:
        self._handler = handler
        self._predicates = tuple(predicates)
        self._queue = queue

    def on_add(self, obj: metav1.Object, *, is_in_initial_list: bool) -> None:
        """Newly seen."""
        self.deliver(CreateEvent(object=obj, is_in_initial_list=is_in_initial_list))

    def on_update(self, old: metav1.Object, new: metav1.Object) -> None:
        """Changed, or shown again."""
        self.deliver(UpdateEvent(object_old=old, object_new=new))

    def on_delete(self, obj: metav1.Object, *, final_state_unknown: bool) -> None:
        """Gone."""
        self.deliver(DeleteEvent(object=obj, delete_state_unknown=final_state_unknown))

    def deliver(self, event: Event[Any]) -> None:
        """Hand on what all predicates pass; a broken handler costs its event, not the stream."""
        try:
            if all(self._passes(predicate, event) for predicate in self._predicates):
                handle(self._handler, event, self._queue)
        except Exception:
            log.exception("handling an event failed", controller=self._queue.name)

    def _passes(self, predicate: Predicate, event: Event[Any]) -> bool:
        try:
            return passes(predicate, event)
        except Exception:
            # Looking once too often costs little; a lost wake-up leaves an object stuck.
            log.exception("a predicate failed, the event passes", controller=self._queue.name)
            return True


class Informer:
    """Events of an informer one already has."""

    def __init__(
        self,
        informer: cache.Informer[Any],
        handler: EventHandler,
        predicates: Sequence[Predicate] = (),
    ) -> None:
        self._informer = informer
        self._handler = handler
        self._predicates = predicates

    def __repr__(self) -> str:
        return f"Informer({self._informer.kind.gvk.kind})"

    async def start(self, queue: Queue, tasks: asyncio.TaskGroup) -> None:
        """Begin to feed ``queue``: first what exists, with low priority."""
        self._handler.start(queue, tasks)
        self._informer.add_event_handler(Delivery(self._handler, self._predicates, queue))

    async def wait_for_sync(self) -> None:
        """Wait until the informer holds what exists."""
        await self._informer.wait_synced()


class Kind:
    """Events of all objects of a kind that the cache holds."""

    def __init__(
        self,
        cache: cache.Cache,
        kind: type[metav1.Object],
        handler: EventHandler,
        predicates: Sequence[Predicate] = (),
    ) -> None:
        self._cache = cache
        self._kind = kind
        self._handler = handler
        self._predicates = predicates

    def __repr__(self) -> str:
        return f"Kind({self._kind.gvk.kind})"

    async def start(self, queue: Queue, tasks: asyncio.TaskGroup) -> None:
        """Start the informer if need be, and feed ``queue`` with its events."""
        informer = await self._cache.get_informer(self._kind)
        await Informer(informer, self._handler, self._predicates).start(queue, tasks)

    async def wait_for_sync(self) -> None:
        """Wait until the cache holds what exists."""
        await (await self._cache.get_informer(self._kind)).wait_synced()
