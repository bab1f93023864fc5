"""Reads from the cache, writes to the server."""

from collections.abc import Collection, Mapping
from typing import TypeVar

from metal3.api.meta import v1 as metav1
from metal3.runtime.client import (
    Client,
    ObjectList,
    Patch,
    Preconditions,
    Propagation,
    Reader,
    SubResourceWriter,
)
from metal3.runtime.types import NamespacedName

from ._cache import Cache

T = TypeVar("T", bound=metav1.Object)
Kind = type[metav1.Object]


class CachedClient:
    """What reconcilers are given.

    Typed kinds are read from the cache; those in ``uncached``, and Unstructured ones unless
    ``cache_unstructured``, from the server. A read may lag behind a write of one's own: writes
    are guarded by resourceVersion, and the change will wake the reconciler.
    """

    def __init__(
        self,
        cache: Cache,
        live: Client,
        *,
        uncached: Collection[Kind] = (),
        cache_unstructured: bool = False,
    ) -> None:
        self._cache = cache
        self._live = live
        self._uncached = frozenset(uncached)
        self._cache_unstructured = cache_unstructured

    def _reader(self, kind: Kind) -> Reader:
        if kind in self._uncached:
            return self._live
        if issubclass(kind, metav1.Unstructured) and not self._cache_unstructured:
            return self._live
        return self._cache

    async def get(self, kind: type[T], key: NamespacedName) -> T:
        """One object; raises NotFoundError."""
        return await self._reader(kind).get(kind, key)

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
        """All matching objects; see :meth:`Cache.list`."""
        return await self._reader(kind).list(
            kind,
            namespace=namespace,
            labels=labels,
            fields=fields,
            limit=limit,
            continue_token=continue_token,
        )

    async def create(self, obj: T, *, dry_run: bool = False) -> T:
        """Create at the server."""
        return await self._live.create(obj, dry_run=dry_run)

    async def update(self, obj: T, *, dry_run: bool = False) -> T:
        """Replace at the server."""
        return await self._live.update(obj, dry_run=dry_run)

    async def patch(self, obj: T, patch: Patch, *, dry_run: bool = False) -> T:
        """Change at the server."""
        return await self._live.patch(obj, patch, dry_run=dry_run)

    async def delete(
        self,
        obj: metav1.Object,
        *,
        propagation: Propagation | None = None,
        preconditions: Preconditions | None = None,
    ) -> None:
        """Ask the server for deletion."""
        await self._live.delete(obj, propagation=propagation, preconditions=preconditions)

    async def delete_all_of(
        self,
        kind: Kind,
        *,
        namespace: str | None = None,
        labels: Mapping[str, str] | str | None = None,
    ) -> None:
        """Delete every match at the server, whatever the cache knows."""
        await self._live.delete_all_of(kind, namespace=namespace, labels=labels)

    def subresource(self, name: str) -> SubResourceWriter:
        """The server's writer of a subresource."""
        return self._live.subresource(name)

    @property
    def status(self) -> SubResourceWriter:
        """The server's writer of the status subresource."""
        return self._live.status
