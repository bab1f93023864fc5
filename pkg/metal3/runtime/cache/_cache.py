"""All informers of a program, and reading from them."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final, TypeVar, cast

from metal3.api.meta import v1 as metav1
from metal3.runtime.client import (
    ListerWatcher,
    NotFoundError,
    ObjectList,
    label_selector,
)
from metal3.runtime.types import NamespacedName

from ._informer import Informer
from ._options import CacheOptions
from ._store import Record

T = TypeVar("T", bound=metav1.Object)
Kind = type[metav1.Object]

_SLICE: Final = 0.01
"""Seconds of decoding before other tasks get a turn."""


class CacheSyncTimeoutError(TimeoutError):
    """The first list of some kinds did not come in time; the message names them."""


class Cache:
    """A Reader over informers; each kind is followed from the first time it is asked for.

    Informers may be taken, handlers and indexes added, before :meth:`run`. Reads wait for the
    first list of their kind, at most ``options.read_timeout``.
    """

    def __init__(self, client: ListerWatcher, options: CacheOptions | None = None) -> None:
        self._client = client
        self._options = options or CacheOptions()
        self._informers: dict[Kind | metav1.GroupVersionKind, Informer[Any]] = {}
        self._group: asyncio.TaskGroup | None = None

    async def run(self) -> None:
        """Follow the server until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                for informer in self._informers.values():
                    group.create_task(informer.run())
                await asyncio.Event().wait()
        finally:
            self._group = None

    async def get_informer(self, kind: type[T]) -> Informer[T]:
        """The informer of a kind, shared by everybody; it need not have synced yet."""
        return self._informer(kind)

    def _informer(self, kind: type[T]) -> Informer[T]:
        # Each Unstructured.of() is another class of the same kind: one informer for all.
        key = kind.gvk if issubclass(kind, metav1.Unstructured) else kind
        informer = self._informers.get(key)
        if informer is None:
            if not kind.gvk.kind:
                raise ValueError(f"{kind.__name__} does not say which kind it is")
            informer = self._informers[key] = Informer(self._client, kind, self._options)
            if self._group is not None:
                self._group.create_task(informer.run())
        return cast("Informer[T]", informer)

    def index_field(self, kind: type[T], name: str, extract: Callable[[T], list[str]]) -> None:
        """Let ``list(kind, fields={name: value})`` find the objects ``extract`` gives value for.

        Raises ValueError when the name is taken. ``extract`` must not keep or change the object.
        """
        self._informer(kind).store.add_index(name, extract)

    async def wait_for_cache_sync(self, timeout: timedelta | None = None) -> bool:  # noqa: ASYNC109  (a public parameter)
        """True when all kinds known by now have had their first list.

        Raises CacheSyncTimeoutError after ``timeout`` (none: never).
        """
        informers = list(self._informers.values())
        seconds = None if timeout is None else timeout.total_seconds()
        try:
            async with asyncio.timeout(seconds):
                for informer in informers:
                    await informer.wait_synced()
        except TimeoutError:
            missing = [i.kind.gvk.kind for i in informers if not i.has_synced]
            raise CacheSyncTimeoutError(self._why(missing, timeout)) from None
        return True

    def _why(self, missing: list[str], waited: timedelta | None) -> str:
        state = "" if self._group else "; the cache is not running"
        return f"not synced after {waited}: {', '.join(sorted(missing))}{state}"

    async def _synced(self, kind: type[T]) -> Informer[T]:
        informer = self._informer(kind)
        if not informer.has_synced:
            try:
                async with asyncio.timeout(self._options.read_timeout.total_seconds()):
                    await informer.wait_synced()
            except TimeoutError:
                why = self._why([kind.gvk.kind], self._options.read_timeout)
                raise CacheSyncTimeoutError(why) from None
        return informer

    async def get(self, kind: type[T], key: NamespacedName) -> T:
        """A copy; raises NotFoundError, CacheSyncTimeoutError, ValueError (not cached)."""
        informer = await self._synced(kind)
        _check_cached(informer, key.namespace)
        record = informer.store.get(key)
        if record is None:
            raise NotFoundError(f'{kind.gvk.kind} "{key}" not found')
        return record.decode()

    async def list(
        self,
        kind: type[T],
        *,
        namespace: str | None = None,
        labels: Mapping[str, str] | str | None = None,
        fields: Mapping[str, str] | None = None,
        limit: int | None = None,
        continue_token: str | None = None,
    ) -> ObjectList[T]:
        """Copies in order; ``fields`` names indexes. There are no further pages after ``limit``.

        Raises ValueError for an unknown index, a namespace that is not cached, or a token.
        """
        if continue_token:
            raise ValueError("a cache has no pages to continue from")
        informer = await self._synced(kind)
        if namespace:
            _check_cached(informer, namespace)
        chosen = label_selector(labels)
        found = informer.store.select(namespace or None, fields or {})
        if chosen.requirements:
            found = [record for record in found if chosen.matches(record.labels)]
        return ObjectList(items=await _decoded(found if limit is None else found[:limit]))


async def _decoded(records: list[Record[T]]) -> list[T]:
    """Decode without keeping the loop; records are immutable, so the state is that of one time."""
    loop = asyncio.get_running_loop()
    until = loop.time() + _SLICE
    items: list[T] = []
    for record in records:
        items.append(record.decode())
        if loop.time() > until:
            await asyncio.sleep(0)
            until = loop.time() + _SLICE
    return items


def _check_cached(informer: Informer[Any], namespace: str) -> None:
    if not informer.is_cached(namespace):
        raise ValueError(f"{informer.kind.gvk.kind}: namespace {namespace!r} is not cached")
