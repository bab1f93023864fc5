"""The fake's server half: objects as JSON text, revisions, and the history watches read."""

import asyncio
import json
import uuid
from collections.abc import AsyncGenerator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from metal3.api.meta import v1 as metav1
from metal3.runtime.rest import ExpiredError
from metal3.runtime.types import NamespacedName

Json = dict[str, Any]
Matches = Callable[[Json], bool]


class Resource(NamedTuple):
    """Versions of one kind share their objects, as they do in a server."""

    group: str
    kind: str

    @property
    def is_built_in(self) -> bool:
        """Whether the server knows its Go type."""
        return "." not in self.group or self.group.endswith(".k8s.io")


@dataclass(frozen=True, slots=True)
class Change:
    """One revision: the object before and after; None where it did not exist."""

    revision: int
    resource: Resource
    before: bytes | None
    after: bytes | None


@dataclass(slots=True)
class Tracker:
    """Stores objects and tells watchers; knows nothing of requests or permissions."""

    clock: Callable[[], datetime]
    revision: int = 0
    oldest: int = 0
    _objects: dict[Resource, dict[NamespacedName, bytes]] = field(
        default_factory=dict[Resource, dict[NamespacedName, bytes]]
    )
    _history: list[Change] = field(default_factory=list[Change])
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _epoch: int = 0

    def find(self, resource: Resource, key: NamespacedName) -> Json | None:
        """A copy of the object, or None."""
        stored = self._objects.get(resource, {}).get(key)
        return None if stored is None else json.loads(stored)

    def all(self, resource: Resource) -> Iterator[Json]:
        """Copies of all objects, in the order a server lists them."""
        for _, stored in sorted(self._objects.get(resource, {}).items()):
            yield json.loads(stored)

    def add(self, resource: Resource, key: NamespacedName, obj: Json) -> Json:
        """Store a new object; identity that is missing is filled in."""
        return self.put(resource, key, self.fill(obj))

    def fill(self, obj: Json) -> Json:
        """Give a new object its identity, without storing it."""
        meta = obj["metadata"]
        meta["uid"] = meta.get("uid") or str(uuid.uuid5(uuid.NAMESPACE_OID, str(self.revision + 1)))
        meta.setdefault("creationTimestamp", metav1.format_time(self.clock()))
        meta.setdefault("generation", 1)
        return obj

    def put(self, resource: Resource, key: NamespacedName, obj: Json) -> Json:
        """Store a new revision; returns the object with its resourceVersion."""
        before = self._objects.get(resource, {}).get(key)
        obj["metadata"]["resourceVersion"] = str(self.revision + 1)
        after = json.dumps(obj).encode()
        self._objects.setdefault(resource, {})[key] = after
        self._record(resource, before, after)
        return obj

    def remove(self, resource: Resource, key: NamespacedName, last: Json) -> None:
        """Forget the object; watchers see its last state with the revision of its going."""
        self._objects[resource].pop(key)
        last["metadata"]["resourceVersion"] = str(self.revision + 1)
        self._record(resource, json.dumps(last).encode(), None)

    def _record(self, resource: Resource, before: bytes | None, after: bytes | None) -> None:
        self.revision += 1
        self._history.append(Change(self.revision, resource, before, after))
        self._wake()

    def compact(self) -> None:
        """Forget history: a watch from an older revision is refused with ExpiredError."""
        self.oldest = self.revision
        self._history.clear()

    def cut_watches(self) -> None:
        """End all open streams, as a server does when it is restarted or bored."""
        self._epoch += 1
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def follow(self, resource: Resource, since: int) -> AsyncGenerator[Change, None]:
        """Changes after ``since``; ends when the streams are cut."""
        epoch = self._epoch
        while epoch == self._epoch:
            if since < self.oldest:
                raise ExpiredError(f"too old resource version: {since} ({self.oldest})")
            changed = self._changed
            for change in self._history[max(0, since - self.oldest) :]:
                since = change.revision
                if change.resource == resource:
                    yield change
            if since >= self.revision and epoch == self._epoch:
                await changed.wait()
