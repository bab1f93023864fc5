"""What happened to an object, as sources tell handlers and predicates are asked."""

from ._event import CreateEvent, DeleteEvent, Event, GenericEvent, UpdateEvent

__all__ = ["CreateEvent", "DeleteEvent", "Event", "GenericEvent", "UpdateEvent"]
