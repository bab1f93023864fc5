"""The interface of sources, and what of a cache they use."""

import asyncio
from typing import Any, Protocol

from metal3.api.meta import v1 as metav1
from metal3.runtime.handler import Queue


class Source(Protocol):
    """Feeds the queue of one controller."""

    async def start(self, queue: Queue, tasks: asyncio.TaskGroup) -> None:
        """Begin to feed ``queue``; what has to go on runs in ``tasks`` until it is cancelled."""
        ...

    async def wait_for_sync(self) -> None:
        """Return once everything that exists has been seen; the caller sets the deadline."""
        ...


class Informers(Protocol):
    """The part of a cache that sources need."""

    async def get_informer(self, kind: type[metav1.Object]) -> Any:
        """The informer of a kind, started if need be; it has ``add_event_handler``."""
        ...

    async def wait_for_cache_sync(self) -> Any:
        """Return once all started informers have seen what exists."""
        ...
