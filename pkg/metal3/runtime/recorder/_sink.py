"""Where events are written. The recorder stands below the client, so it says what it needs.

::

    SinkUnavailableError   try again later
    SinkGoneError          the event to be counted up is not there any more
    SinkRefusedError       do not try again
"""

from typing import Protocol

from metal3.api.events_k8s_io import v1 as eventsv1


class SinkUnavailableError(Exception):
    """The server cannot take the event now."""


class SinkGoneError(Exception):
    """There is no such event (any more): it has to be created anew."""


class SinkRefusedError(Exception):
    """The server will never take this event."""


class EventSink(Protocol):
    """Writes events; raises the three errors of this module."""

    async def create(self, event: eventsv1.Event) -> None:
        """Store a new event."""
        ...

    async def update_series(self, event: eventsv1.Event) -> None:
        """Store the ``series`` of an event that was created before."""
        ...
