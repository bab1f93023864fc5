"""The interface, and how predicates are put together."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from metal3.api.meta import v1 as metav1
from metal3.runtime.event import CreateEvent, DeleteEvent, Event, GenericEvent, UpdateEvent


class Predicate(Protocol):
    """Answers whether an event goes on to the handler; must be fast and must not wait."""

    def create(self, event: CreateEvent[Any]) -> bool:
        """Whether this creation matters."""
        ...

    def update(self, event: UpdateEvent[Any]) -> bool:
        """Whether this change matters."""
        ...

    def delete(self, event: DeleteEvent[Any]) -> bool:
        """Whether this deletion matters."""
        ...

    def generic(self, event: GenericEvent[Any]) -> bool:
        """Whether this outside event matters."""
        ...


def passes(predicate: Predicate, event: Event[Any]) -> bool:
    """Ask the method that belongs to the event."""
    match event:
        case CreateEvent():
            return predicate.create(event)
        case UpdateEvent():
            return predicate.update(event)
        case DeleteEvent():
            return predicate.delete(event)
        case GenericEvent():
            return predicate.generic(event)


def _always(_event: object) -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Funcs:
    """A predicate from functions; events without one pass."""

    create: Callable[[CreateEvent[Any]], bool] = _always
    update: Callable[[UpdateEvent[Any]], bool] = _always
    delete: Callable[[DeleteEvent[Any]], bool] = _always
    generic: Callable[[GenericEvent[Any]], bool] = _always


def new_predicate_funcs(matches: Callable[[Any], bool]) -> Predicate:
    """Pass the events whose object matches; of an update, the new object."""
    return _OfEvent(lambda event: matches(object_of(event)))


def or_(*predicates: Predicate) -> Predicate:
    """Passes what any of them passes."""
    return _OfEvent(lambda event: any(passes(p, event) for p in predicates))


def and_(*predicates: Predicate) -> Predicate:
    """Passes what all of them pass."""
    return _OfEvent(lambda event: all(passes(p, event) for p in predicates))


def not_(predicate: Predicate) -> Predicate:
    """Passes what the other does not."""
    return _OfEvent(lambda event: not passes(predicate, event))


def object_of(event: Event[Any]) -> metav1.Object:
    """The object as it is now, or was last."""
    found: metav1.Object = event.object_new if isinstance(event, UpdateEvent) else event.object
    return found


@dataclass(frozen=True, slots=True)
class _OfEvent:
    decide: Callable[[Event[Any]], bool]

    def create(self, event: CreateEvent[Any]) -> bool:
        return self.decide(event)

    def update(self, event: UpdateEvent[Any]) -> bool:
        return self.decide(event)

    def delete(self, event: DeleteEvent[Any]) -> bool:
        return self.decide(event)

    def generic(self, event: GenericEvent[Any]) -> bool:
        return self.decide(event)
