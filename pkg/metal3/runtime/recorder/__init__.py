"""Telling users what happened, in Events of the object it happened to.

Controllers hold an ``EventRecorder``; the manager runs the ``Broadcaster`` that writes what they
say. Recording never waits and never fails: an event that cannot be written is dropped.
"""

from ._broadcaster import Broadcaster, BroadcasterOptions
from ._event import EventType
from ._fake import FakeRecorder, RecordedEvent
from ._recorder import EventRecorder
from ._sink import EventSink, SinkGoneError, SinkRefusedError, SinkUnavailableError

__all__ = [
    "Broadcaster",
    "BroadcasterOptions",
    "EventRecorder",
    "EventSink",
    "EventType",
    "FakeRecorder",
    "RecordedEvent",
    "SinkGoneError",
    "SinkRefusedError",
    "SinkUnavailableError",
]
