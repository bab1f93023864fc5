"""Which changes of a pool matter to its own controller; its status does not."""

from typing import Any, cast

from metal3.runtime.event import UpdateEvent
from metal3.runtime.predicate import Funcs, Predicate


def pool_matters() -> Predicate:
    """Everything but what we write into the status ourselves."""
    return cast("Predicate", Funcs(update=_is_news))  # its fields have no parameter names


def _is_news(event: UpdateEvent[Any]) -> bool:
    was, is_now = event.object_old.metadata, event.object_new.metadata
    return (
        event.is_resync
        or was.uid != is_now.uid
        or was.generation != is_now.generation
        or was.deletion_timestamp != is_now.deletion_timestamp
        or was.annotations != is_now.annotations
        or was.labels != is_now.labels
        or was.finalizers != is_now.finalizers
        or was.owner_references != is_now.owner_references
        or (bool(event.object_old.status.conditions) and not event.object_new.status.conditions)
    )
