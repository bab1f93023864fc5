"""Which objects a list or watch means, and which events a watch makes of a change."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from metal3.api.meta import v1 as metav1
from metal3.runtime.client import EventType, LabelSelector, RawEvent, Selection, label_selector

from ._tracker import Change

Json = dict[str, Any]
IndexFunc = Callable[[Any], list[str]]


@dataclass(frozen=True, slots=True)
class Filter:
    """A selection, ready to be asked about plain JSON objects of one kind."""

    kind: type[metav1.Object]
    namespace: str | None
    labels: LabelSelector
    fields: Mapping[str, str]
    indexes: Mapping[str, IndexFunc]

    def matches(self, obj: Json) -> bool:
        """Whether the object is meant."""
        meta = obj["metadata"]
        return (
            (not self.namespace or meta.get("namespace", "") == self.namespace)
            and self.labels.matches(meta.get("labels") or {})
            and all(self._has(obj, name, value) for name, value in self.fields.items())
        )

    def _has(self, obj: Json, name: str, value: str) -> bool:
        index = self.indexes.get(name)
        if index is not None:
            return value in index(self.kind.from_dict(obj))
        return field_value(obj, name) == value

    def event(self, change: Change) -> RawEvent | None:
        """What a watcher is told: leaving a selection looks like a deletion, entering like news."""
        before, after = self._side(change.before), self._side(change.after)
        if after is not None:
            return RawEvent(EventType.MODIFIED if before else EventType.ADDED, after)
        if before is None:
            return None
        # The last state, with the revision at which the object left.
        gone = json.loads(change.after) if change.after else before
        gone["metadata"]["resourceVersion"] = str(change.revision)
        return RawEvent(EventType.DELETED, gone)

    def _side(self, stored: bytes | None) -> Json | None:
        obj: Json | None = json.loads(stored) if stored else None
        return obj if obj is not None and self.matches(obj) else None


def filter_for(
    kind: type[metav1.Object], selection: Selection, indexes: Mapping[str, IndexFunc]
) -> Filter:
    """Raises ValueError for a malformed label selector or an unknown index."""
    fields = dict(selection.fields or {})
    for name in fields:
        if name not in indexes and "." not in name:
            raise ValueError(f"{kind.__name__} has no index {name!r}")
    return Filter(kind, selection.namespace, label_selector(selection.labels), fields, indexes)


def field_value(obj: Json, path: str) -> str:
    """A field as selectors compare it: text, empty when absent."""
    value: Any = obj
    for name in path.split("."):
        value = cast("Json", value).get(name) if isinstance(value, dict) else None
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)
