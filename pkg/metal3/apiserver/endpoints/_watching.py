"""Watches: a stream of JSON lines from a revision on."""

import asyncio
import random
from collections.abc import AsyncGenerator, Mapping
from typing import Final

from metal3.apiserver import errors
from metal3.apiserver.jsonvalue import Obj, dumps, load_object
from metal3.apiserver.present import partial, table_of
from metal3.apiserver.storage import Event, Hub, Record, Store, Watcher

from . import _views
from ._negotiate import Form
from ._reader import parse_revision, selection
from ._request import Target

BOOKMARK_SECONDS: Final = 30.0
_INITIAL_EVENTS_END: Final = "k8s.io/initial-events-end"
_SHORTEST, _LONGEST = 1800, 3600
_BATCH: Final = 500


class Watch:
    """One watch request. ``lines`` may be iterated once; the server writes what it yields."""

    def __init__(
        self, store: Store, hub: Hub, target: Target, form: Form, query: Mapping[str, str]
    ) -> None:
        """Read the query; raises 400 or 410 before anything is sent."""
        self._store, self._hub, self._target, self._form = store, hub, target, form
        self._selection = selection(target, query)
        self._bookmarks = query.get("allowWatchBookmarks") in {"true", "1"}
        self._initial = _wants_initial(query)
        self._timeout = _timeout(query)
        text = query.get("resourceVersion", "")
        asked = parse_revision(text)
        if asked > store.revision:
            # A client that has seen more than there is: the data directory was replaced.
            raise errors.expired(f"too large resource version: {asked}")
        self._snapshot = self._initial or (not asked and query.get("sendInitialEvents") != "false")
        self._revision = store.revision if self._snapshot or not asked else asked
        self.watcher = Watcher(target.resource.id, self._selection.matches)
        self._headers = True
        # Taken and joined in one go: nothing is missed in between, and nothing seen twice.
        self._records: list[Record] = []
        self._history: list[tuple[str, Event]] = []
        if self._snapshot:
            self._records = self._chosen()
        else:
            events = store.events_since(self._revision, target.resource.id)
            self._history = self.watcher.replay(events)
        hub.add(self.watcher)

    def close(self) -> None:
        """Leave; must be called whether or not the lines were read."""
        self._hub.discard(self.watcher)

    def _chosen(self) -> list[Record]:
        records = self._store.records(self._target.resource.id, self._target.namespace)
        return [record for record in records if self._selection.matches(record)]

    async def lines(self) -> AsyncGenerator[bytes]:
        """Yield encoded events until the time is up or the watcher is cut.

        Empty lines are yielded now and then, for the caller to see whether its client is there.
        """
        for start in range(0, len(self._records), _BATCH):
            chunk = self._records[start : start + _BATCH]
            yield b"".join([await self._added(record) for record in chunk])
        self._records = []
        if self._initial:
            yield self._bookmark({_INITIAL_EVENTS_END: "true"})
        for kind, event in self._history:
            yield await self._line(kind, event)
        self._history = []
        async for line in self._live():
            yield line

    async def _live(self) -> AsyncGenerator[bytes]:
        loop = asyncio.get_running_loop()
        end = loop.time() + self._timeout
        while (left := end - loop.time()) > 0:
            taken = await self.watcher.take(min(left, BOOKMARK_SECONDS))
            if self.watcher.cut:
                return
            if taken:
                yield b"".join([await self._line(kind, event) for kind, event in taken])
            elif self._bookmarks:
                # Nothing is waiting for this client: it has seen all there is.
                self._revision = self._store.revision
                yield self._bookmark({})
            else:
                yield b""

    async def _added(self, record: Record) -> bytes:
        data = await _views.view(record, self._target.resource, self._target.version)
        return _encode("ADDED", self._shown(data))

    async def _line(self, kind: str, event: Event) -> bytes:
        self._revision = event.revision
        if self._form.kind == "Table":
            return await self._encoded(kind, event)
        tag = f"{kind} {self._target.api_version} {self._form.tag}"
        line = event.lines.get(tag)
        if line is None:
            line = event.lines[tag] = await self._encoded(kind, event)
        return line

    async def _encoded(self, kind: str, event: Event) -> bytes:
        data = await _views.view(event.record, self._target.resource, self._target.version)
        if kind == "DELETED" and event.type != "DELETED" and event.previous is not None:
            # It no longer matches: shown as it was when it did, under the revision of the change.
            data = await _views.view(event.previous, self._target.resource, self._target.version)
            obj = load_object(data)
            obj["metadata"]["resourceVersion"] = str(event.revision)
            data = dumps(obj)
        return _encode(kind, self._shown(data))

    def _shown(self, data: bytes) -> bytes:
        if not self._form.kind:
            return data
        obj = load_object(data)
        if self._form.kind != "Table":
            return dumps(partial(obj))
        metadata = {"resourceVersion": obj["metadata"].get("resourceVersion", "")}
        headers, self._headers = self._headers, False
        columns = self._target.version.columns
        return dumps(
            table_of([obj], columns, metadata, include=self._form.include, headers=headers)
        )

    def _bookmark(self, annotations: Obj) -> bytes:
        metadata: Obj = {"resourceVersion": str(self._revision), "creationTimestamp": None}
        if annotations:
            metadata["annotations"] = annotations
        obj: Obj = {
            "kind": self._target.resource.kind,
            "apiVersion": self._target.api_version,
            "metadata": metadata,
        }
        if self._form.kind == "Table":
            obj = table_of([obj], self._target.version.columns, metadata, headers=False)
        elif self._form.kind:
            obj = partial(obj)
        return _encode("BOOKMARK", dumps(obj))


def _encode(kind: str, data: bytes) -> bytes:
    return b"".join((b'{"type":"', kind.encode(), b'","object":', data, b"}\n"))


def _wants_initial(query: Mapping[str, str]) -> bool:
    if query.get("sendInitialEvents") != "true":
        return False
    if query.get("resourceVersionMatch") != "NotOlderThan":
        raise errors.bad_request(
            "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
        )
    return True


def _timeout(query: Mapping[str, str]) -> float:
    text = query.get("timeoutSeconds", "")
    if text and not text.isdecimal():
        raise errors.bad_request(f'Invalid value: "{text}": timeoutSeconds: must be a number')
    if text and int(text):
        return float(min(int(text), _LONGEST))
    # Spread, so that not all watchers come back at one moment.
    return random.uniform(_SHORTEST, _LONGEST)  # noqa: S311 - no secret
