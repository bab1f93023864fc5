"""The interface of handlers, and how urgent an event is."""

import asyncio
from typing import Any, Protocol

from metal3.runtime.event import CreateEvent, DeleteEvent, Event, GenericEvent, UpdateEvent
from metal3.runtime.reconcile import Request
from metal3.runtime.workqueue import LOW_PRIORITY, PriorityQueue

Queue = PriorityQueue[Request]


class EventHandler(Protocol):
    """Adds requests to a queue. Called in the order of events; must be fast, cannot wait."""

    def start(self, queue: Queue, tasks: asyncio.TaskGroup) -> None:
        """Called once before the first event; work that has to wait goes into ``tasks``."""
        ...

    def create(self, event: CreateEvent[Any], queue: Queue) -> None:
        """An object is new."""
        ...

    def update(self, event: UpdateEvent[Any], queue: Queue) -> None:
        """An object changed; both old and new may point at objects to reconcile."""
        ...

    def delete(self, event: DeleteEvent[Any], queue: Queue) -> None:
        """An object is gone."""
        ...

    def generic(self, event: GenericEvent[Any], queue: Queue) -> None:
        """Something outside concerns an object."""
        ...


def handle(handler: EventHandler, event: Event[Any], queue: Queue) -> None:
    """Call the method that belongs to the event."""
    match event:
        case CreateEvent():
            handler.create(event, queue)
        case UpdateEvent():
            handler.update(event, queue)
        case DeleteEvent():
            handler.delete(event, queue)
        case GenericEvent():
            handler.generic(event, queue)


def priority_of(event: Event[Any]) -> int:
    """Low for what is shown only because the process or a resync asks, normal for changes."""
    match event:
        case CreateEvent(is_in_initial_list=True):
            return LOW_PRIORITY
        case UpdateEvent(is_resync=True):
            return LOW_PRIORITY
        case _:
            return 0
