"""Following one selection of one kind: list, watch, resume, and begin again when it must.

What was seen is handed to a sink. Nothing is lost: a stream is resumed from the last revision, and
where the server has forgotten that, a new list is compared with what the sink knows.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, Protocol

from metal3.api.meta import v1 as metav1
from metal3.runtime.client import (
    INITIAL_EVENTS_END,
    ApiError,
    BadRequestError,
    DecodeError,
    EventType,
    ExpiredError,
    InvalidError,
    ListerWatcher,
    RawEvent,
    Selection,
    ServerTimeoutError,
    StatusError,
)
from metal3.runtime.log import get_logger
from metal3.runtime.types import NamespacedName

from ._backoff import Backoff

Json = dict[str, Any]

SHORTEST_WATCH: Final = timedelta(minutes=5)
"""Streams are asked to last this long, up to twice, so that many do not end together."""

INITIAL_EVENTS_PATIENCE: Final = timedelta(seconds=10)
"""How long a streaming list may be silent: older servers ignore the wish and never end it."""

_NOT_RESUMABLE: Final = (BadRequestError, InvalidError, ServerTimeoutError, DecodeError)
"""Resuming would only fail again: an event that cannot be read, or a revision the server never had
(its storage was restored from an older backup)."""

_TOO_SHORT: Final = timedelta(seconds=1)
_BATCH: Final = 50
_RANDOM: Final = secrets.SystemRandom()

log = get_logger(__name__)


class Sink(Protocol):
    """What a reflector feeds."""

    def upsert(self, obj: Json) -> NamespacedName:
        """An object as it is now."""
        ...

    def delete(self, obj: Json) -> None:
        """The last state of an object that is gone."""
        ...

    def keep_only(self, selection: Selection, present: set[NamespacedName]) -> None:
        """A list is complete: what is not in it is gone."""
        ...

    async def has_room(self) -> None:
        """Wait for handlers that lag too far behind."""
        ...


@dataclass(slots=True)
class Reflector:
    """Follows until cancelled; trouble is logged, and tried again after a growing wait."""

    server: ListerWatcher
    kind: type[metav1.Object]
    selection: Selection
    sink: Sink
    page_size: int
    streaming_lists: bool
    backoff: Backoff = field(default_factory=Backoff)
    _version: str | None = None

    async def run(self) -> None:
        """Never returns."""
        while True:
            wait: timedelta | None = None
            try:
                if await self._round():
                    continue
            except ExpiredError:
                # Normal after a long absence; the wait keeps a confused server from a hot loop.
                self._version = None
            except ApiError as e:
                if isinstance(e, _NOT_RESUMABLE):
                    self._version = None
                wait = e.retry_after if isinstance(e, StatusError) else None
                log.warning("watch interrupted", **self._names(), error=str(e))
            except Exception:
                # A transform or index of the program's own: whatever it was, start from a list.
                self._version = None
                log.exception("watch failed", **self._names())
            await self.backoff.wait(wait)

    async def _round(self) -> bool:
        """One list if needed and one stream; True when it lasted as long as streams should."""
        started = asyncio.get_running_loop().time()
        if self._version is None and not await self._stream_list():
            self._version = await self._list()
        elif self._version is not None:
            await self._watch(self._version)
            return asyncio.get_running_loop().time() - started > _TOO_SHORT.total_seconds()
        return True

    def _names(self) -> dict[str, str]:
        return {"kind": self.kind.gvk.kind, "namespace": self.selection.namespace or ""}

    async def _list(self) -> str:
        present: set[NamespacedName] = set()
        token: str | None = None
        limit: int | None = self.page_size
        while True:
            try:
                page = await self.server.list_page(
                    self.kind, self.selection, limit=limit, continue_token=token
                )
            except ExpiredError:
                if token is None:
                    raise
                # The revision went away between two pages: take everything at once.
                token, limit = None, None
                present.clear()
                continue
            await self._upsert_all(page.items, present)
            token = page.continue_token
            if not token:
                self.sink.keep_only(self.selection, present)
                return page.resource_version

    async def _upsert_all(self, items: Iterable[Json], present: set[NamespacedName]) -> None:
        for number, item in enumerate(items):
            present.add(self.sink.upsert(item))
            if number % _BATCH == _BATCH - 1:
                await asyncio.sleep(0)
                await self.sink.has_room()

    async def _stream_list(self) -> bool:
        """List and watch in one stream; False when the server does not offer it."""
        if not self.streaming_lists:
            return False
        with suppress(InvalidError, BadRequestError, TimeoutError):
            async with self.server.stream(
                self.kind, self.selection, timeout=_length(), initial_events=True
            ) as events:
                self._version = await self._initial(events)
                await self._follow(events)
        self.streaming_lists = self._version is not None
        return self.streaming_lists

    async def _initial(self, events: AsyncIterator[RawEvent]) -> str:
        present: set[NamespacedName] = set()
        patience = INITIAL_EVENTS_PATIENCE.total_seconds()
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(patience) as silence:
            async for event in events:
                if event.type is EventType.BOOKMARK:
                    if _ends_initial_events(event.object):
                        self.sink.keep_only(self.selection, present)
                        return str(event.object["metadata"]["resourceVersion"])
                    continue
                present.add(self.sink.upsert(event.object))
                if len(present) % _BATCH == 0:
                    # A slow handler is not the server's silence.
                    silence.reschedule(None)
                    await asyncio.sleep(0)
                    await self.sink.has_room()
                silence.reschedule(loop.time() + patience)
        raise ExpiredError("the streaming list ended before it was complete")

    async def _watch(self, version: str) -> None:
        async with self.server.stream(
            self.kind, self.selection, resource_version=version, timeout=_length()
        ) as events:
            await self._follow(events)

    async def _follow(self, events: AsyncIterator[RawEvent]) -> None:
        async for event in events:
            if event.type is EventType.DELETED:
                self.sink.delete(event.object)
            elif event.type is not EventType.BOOKMARK:
                self.sink.upsert(event.object)
            self._version = event.object["metadata"]["resourceVersion"]
            await self.sink.has_room()


def _length() -> timedelta:
    return SHORTEST_WATCH * _RANDOM.uniform(1, 2)


def _ends_initial_events(bookmark: Json) -> bool:
    annotations = bookmark["metadata"].get("annotations") or {}
    return annotations.get(INITIAL_EVENTS_END) == "true"
