"""Handlers that are one function from an object to requests."""

import asyncio
from collections.abc import Iterable
from typing import Any

from metal3.api.meta import v1 as metav1
from metal3.runtime.event import CreateEvent, DeleteEvent, Event, GenericEvent, UpdateEvent
from metal3.runtime.reconcile import Request

from ._handler import Queue, priority_of


class RequestsHandler:
    """Adds what :meth:`requests_for` says; of an update, for the old and the new object."""

    def requests_for(self, obj: metav1.Object) -> Iterable[Request]:
        """The objects to reconcile because of ``obj``."""
        raise NotImplementedError

    def start(self, queue: Queue, tasks: asyncio.TaskGroup) -> None:
        """Nothing has to wait."""

    def create(self, event: CreateEvent[Any], queue: Queue) -> None:
        """Add what belongs to the new object."""
        self._add((event.object,), event, queue)

    def update(self, event: UpdateEvent[Any], queue: Queue) -> None:
        """Add what belonged to the object before, and what belongs to it now."""
        self._add((event.object_old, event.object_new), event, queue)

    def delete(self, event: DeleteEvent[Any], queue: Queue) -> None:
        """Add what belonged to the object."""
        self._add((event.object,), event, queue)

    def generic(self, event: GenericEvent[Any], queue: Queue) -> None:
        """Add what belongs to the object."""
        self._add((event.object,), event, queue)

    def _add(self, objects: Iterable[metav1.Object], event: Event[Any], queue: Queue) -> None:
        requests = dict.fromkeys(r for obj in objects for r in self.requests_for(obj))
        for request in requests:
            queue.add(request, priority=priority_of(event))
