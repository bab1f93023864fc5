"""Lists that several writers share, of which a merge patch can only replace the whole."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeVar

Json = dict[str, Any]
T = TypeVar("T")


def merge_keyed(
    before: Sequence[T], after: Sequence[T], theirs: Sequence[T], key: Callable[[T], object]
) -> list[T]:
    """Our changes (from ``before`` to ``after``) made to ``theirs``.

    What we added, changed or removed is so in the result; everything else is as they have it.
    """
    old = {key(item): item for item in before}
    new = {key(item): item for item in after}
    changed = {k for k, item in new.items() if k not in old or old[k] != item}
    removed = old.keys() - new.keys()
    kept = {key(item): item for item in theirs if key(item) not in removed}
    return list((kept | {k: new[k] for k in new if k in changed}).values())


class KeyedList(NamedTuple):
    """A shared list: where it is, and what tells its items apart."""

    section: str
    field: str
    key: Callable[[Any], object]

    def of(self, obj: Mapping[str, Any]) -> list[Any]:
        """The list in an object as plain JSON; empty when it is missing."""
        return list((obj.get(self.section) or {}).get(self.field) or [])

    def put(self, obj: Json, items: list[Any]) -> Json:
        """A copy of the object with this list; an empty one that was missing stays missing."""
        section = obj.get(self.section) or {}
        if not items and self.field not in section:
            return obj
        return obj | {self.section: section | {self.field: items}}

    def differs(self, one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
        """Whether the two objects have different lists."""
        return self.of(one) != self.of(other)


def _by(name: str) -> Callable[[Any], object]:
    return lambda item: item.get(name)


def _itself(item: Any) -> object:
    return item


SHARED_LISTS: Final = (
    KeyedList("metadata", "finalizers", _itself),
    KeyedList("metadata", "ownerReferences", _by("uid")),
    KeyedList("status", "conditions", _by("type")),
)
"""Foreign finalizers, owners and conditions must survive our patches."""
