"""The interface of sources."""

import asyncio
from typing import Protocol

from metal3.runtime.handler import Queue


class Source(Protocol):
    """Feeds the queue of one controller."""

    async def start(self, queue: Queue, tasks: asyncio.TaskGroup) -> None:
        """Begin to feed ``queue``; what has to go on runs in ``tasks`` until it is cancelled."""
        ...

    async def wait_for_sync(self) -> None:
        """Return once everything that exists has been seen; the caller sets the deadline."""
        ...
