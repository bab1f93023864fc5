"""A client that writes no more once leadership is lost.

Cancellation stops what runs; the fence stops what does not listen, such as a clean-up on the way
out. Another process may be at work by then.
"""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import TypeVar

from metal3.api.meta import v1 as metav1
from metal3.runtime.client import (
    Client,
    ObjectList,
    Patch,
    Preconditions,
    Propagation,
    SubResourceWriter,
)
from metal3.runtime.leaderelection import LeadershipLostError
from metal3.runtime.types import NamespacedName

T = TypeVar("T", bound=metav1.Object)


def _always() -> bool:
    """Stands in where nobody has to lead."""
    return True


class Fence:
    """Open until it is closed for good, or while a guard says no."""

    def __init__(self) -> None:
        self._is_closed = False
        self._guard: Callable[[], bool] = _always

    @contextmanager
    def guarded(self, guard: Callable[[], bool]) -> Generator[None, None, None]:
        """Ask ``guard`` before each write while the block runs.

        A process that was stopped for a while (a paused virtual machine, a debugger) has many
        things to do at once when it goes on. Finding out that the Lease is lost is only one of
        them, so the clock is asked, too.
        """
        self._guard = guard
        try:
            yield
        finally:
            self._guard = _always

    def close(self) -> None:
        """Let nobody pass any more."""
        self._is_closed = True

    def check(self) -> None:
        """Raises LeadershipLostError when closed."""
        if self._is_closed or not self._guard():
            raise LeadershipLostError("this process no longer leads and must not write")


class FencedClient:
    """Reads always; writes while the fence is open."""

    def __init__(self, client: Client, fence: Fence) -> None:
        self._client = client
        self._fence = fence

    async def get(self, kind: type[T], key: NamespacedName) -> T:
        """As the client behind it."""
        return await self._client.get(kind, key)

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
        """As the client behind it."""
        return await self._client.list(
            kind,
            namespace=namespace,
            labels=labels,
            fields=fields,
            limit=limit,
            continue_token=continue_token,
        )

    async def create(self, obj: T, *, dry_run: bool = False) -> T:
        """As the client behind it, while the fence is open."""
        self._fence.check()
        return await self._client.create(obj, dry_run=dry_run)

    async def update(self, obj: T, *, dry_run: bool = False) -> T:
        """As the client behind it, while the fence is open."""
        self._fence.check()
        return await self._client.update(obj, dry_run=dry_run)

    async def patch(self, obj: T, patch: Patch, *, dry_run: bool = False) -> T:
        """As the client behind it, while the fence is open."""
        self._fence.check()
        return await self._client.patch(obj, patch, dry_run=dry_run)

    async def delete(
        self,
        obj: metav1.Object,
        *,
        propagation: Propagation | None = None,
        preconditions: Preconditions | None = None,
    ) -> None:
        """As the client behind it, while the fence is open."""
        self._fence.check()
        await self._client.delete(obj, propagation=propagation, preconditions=preconditions)

    async def delete_all_of(
        self,
        kind: type[metav1.Object],
        *,
        namespace: str | None = None,
        labels: Mapping[str, str] | str | None = None,
    ) -> None:
        """As the client behind it, while the fence is open."""
        self._fence.check()
        await self._client.delete_all_of(kind, namespace=namespace, labels=labels)

    def subresource(self, name: str) -> SubResourceWriter:
        """As the client behind it, while the fence is open."""
        return _FencedSubResource(self._client.subresource(name), self._fence)

    @property
    def status(self) -> SubResourceWriter:
        """As the client behind it, while the fence is open."""
        return _FencedSubResource(self._client.status, self._fence)


class _FencedSubResource:
    def __init__(self, writer: SubResourceWriter, fence: Fence) -> None:
        self._writer = writer
        self._fence = fence

    async def update(self, obj: T) -> T:
        self._fence.check()
        return await self._writer.update(obj)

    async def patch(self, obj: T, patch: Patch) -> T:
        self._fence.check()
        return await self._writer.patch(obj, patch)
