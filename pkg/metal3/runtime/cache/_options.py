"""What is cached, and how."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from metal3.api.meta import v1 as metav1
from metal3.runtime.client import Selection

Json = dict[str, Any]
Kind = type[metav1.Object]
Transform = Callable[[Json], Json]
"""Changes an object, as plain JSON, before it is stored; may change it in place."""


def drop_managed_fields(obj: Json) -> Json:
    """Forget who set which field: half of many objects, and of no use to a reconciler."""
    obj["metadata"].pop("managedFields", None)
    return obj


@dataclass(frozen=True, slots=True, kw_only=True)
class ByObject:
    """Narrows one kind. None for ``namespaces`` means those of the options; empty means all."""

    namespaces: Sequence[str] | None = None
    labels: Mapping[str, str] | str | None = None
    fields: Mapping[str, str] | None = None
    transform: Transform | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheOptions:
    """No ``namespaces`` means all of them.

    ``resync`` tells handlers of every object again that often. ``read_timeout`` bounds how long a
    read waits for the first list. ``page_size`` is the size of its pages; with ``streaming_lists``
    they are replaced by a stream where the server offers that. ``max_pending`` is how many events
    a slow handler may lag behind before the stream waits for it.
    """

    namespaces: Sequence[str] = ()
    by_object: Mapping[Kind, ByObject] = field(default_factory=dict[Kind, ByObject])
    default_transform: Transform = drop_managed_fields
    resync: timedelta | None = None
    read_timeout: timedelta = timedelta(minutes=1)
    page_size: int = 500
    streaming_lists: bool = True
    max_pending: int = 10_000

    def selections(self, kind: Kind) -> list[Selection]:
        """What to watch of a kind: one selection, or one for each namespace."""
        mine = self.by_object.get(kind, ByObject())
        spaces = self.namespaces if mine.namespaces is None else mine.namespaces
        chosen: list[str | None] = [*dict.fromkeys(spaces)] if kind.namespaced else []
        return [
            Selection(namespace=space, labels=mine.labels, fields=mine.fields)
            for space in chosen or [None]
        ]

    def transform(self, kind: Kind) -> Transform:
        """How objects of a kind are changed before they are stored."""
        mine = self.by_object.get(kind)
        return (mine.transform if mine else None) or self.default_transform
