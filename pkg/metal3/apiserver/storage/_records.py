"""What the store holds: records (objects as bytes) and events (how they changed)."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from metal3.apiserver.jsonvalue import Obj, dumps, load_object, map_at, maps_at, text_at


class Key(NamedTuple):
    """Where an object is kept; ``resource`` is ``group/plural``, ``namespace`` may be empty."""

    resource: str
    namespace: str
    name: str


class Owner(NamedTuple):
    """An ownerReference as far as the garbage collector needs it."""

    uid: str
    kind: str
    api_version: str
    name: str
    blocks: bool


@dataclass(slots=True, kw_only=True, eq=False)
class Record:
    """One version of one object.

    ``data`` is the JSON in the storage version, resourceVersion included. What selectors and the
    garbage collector ask for is kept beside it, so that nothing is parsed to answer them.
    ``views`` caches the JSON as other versions show it, for the schema object that made it;
    ``making`` holds those that are on their way, so that many readers ask for one conversion.
    """

    key: Key
    revision: int
    data: bytes
    uid: str = ""
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    owners: tuple[Owner, ...] = ()
    finalizers: tuple[str, ...] = ()
    deleting: bool = False
    views: dict[str, tuple[object, bytes]] = field(default_factory=dict[str, tuple[object, bytes]])
    making: dict[str, asyncio.Future[None]] = field(default_factory=dict[str, asyncio.Future[None]])

    def load(self) -> Obj:
        """Decode a fresh copy."""
        return load_object(self.data)


@dataclass(slots=True, kw_only=True, eq=False)
class Event:
    """One change. ``record`` is what is there now or, once deleted, what was there last.

    ``lines`` caches the encoded watch lines, so that many watchers share one encoding.
    """

    type: str
    revision: int
    record: Record
    previous: Record | None
    lines: dict[str, bytes] = field(default_factory=dict[str, bytes])

    @property
    def size(self) -> int:
        """Bytes this event holds on to beyond what is current."""
        return len(self.previous.data) if self.previous else 0


def _owner(reference: Obj) -> Owner:
    return Owner(
        text_at(reference, "uid"),
        text_at(reference, "kind"),
        text_at(reference, "apiVersion"),
        text_at(reference, "name"),
        reference.get("blockOwnerDeletion") is True,
    )


def describe(key: Key, revision: int, data: bytes, obj: Obj) -> Record:
    """Build the record of an object that is already encoded."""
    metadata = map_at(obj, "metadata")
    return Record(
        key=key,
        revision=revision,
        data=data,
        uid=text_at(metadata, "uid"),
        labels={name: str(value) for name, value in map_at(metadata, "labels").items()},
        owners=tuple(_owner(item) for item in maps_at(metadata, "ownerReferences")),
        finalizers=tuple(str(item) for item in metadata.get("finalizers") or ()),
        deleting="deletionTimestamp" in metadata,
    )


def record_of(key: Key, revision: int, obj: Obj) -> Record:
    """Stamp the revision into the object and encode it; the object is changed in place."""
    obj["metadata"]["resourceVersion"] = str(revision)
    return describe(key, revision, dumps(obj), obj)


def restamped(record: Record, revision: int) -> Record:
    """Return the same object with another resourceVersion, as the end of its life is announced."""
    return record_of(record.key, revision, record.load())
