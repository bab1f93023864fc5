"""Who owns whom, by uid."""

from collections.abc import Set as AbstractSet

from metal3.apiserver.storage import Event, Key, Record


class Graph:
    """Follows the events of the store."""

    def __init__(self) -> None:
        """Start empty."""
        self._keys: dict[str, Key] = {}
        self._dependents: dict[str, set[Key]] = {}

    def add(self, record: Record) -> None:
        """Note an object and its owners."""
        self._keys[record.uid] = record.key
        for owner in record.owners:
            self._dependents.setdefault(owner.uid, set()).add(record.key)

    def _remove(self, record: Record) -> None:
        if self._keys.get(record.uid) == record.key:
            del self._keys[record.uid]
        for owner in record.owners:
            keys = self._dependents.get(owner.uid)
            if keys:
                keys.discard(record.key)
                if not keys:
                    del self._dependents[owner.uid]

    def follow(self, event: Event) -> None:
        """Take a change over."""
        if event.previous:
            self._remove(event.previous)
        if event.type != "DELETED":
            self.add(event.record)

    def key(self, uid: str) -> Key | None:
        """Return where an object is, None when there is none."""
        return self._keys.get(uid)

    def dependents(self, uid: str) -> AbstractSet[Key]:
        """Return the objects that name this one as an owner."""
        return self._dependents.get(uid, frozenset())
