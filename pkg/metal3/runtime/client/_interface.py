"""What a reconciler may ask of the API: the narrow seam that real, cached and fake clients share."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeVar

from metal3.api.meta import v1 as metav1
from metal3.runtime.types import NamespacedName

T = TypeVar("T", bound=metav1.Object)


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectList(Generic[T]):
    """Items of one list, and where to go on from there."""

    items: list[T]
    resource_version: str = ""
    continue_token: str = ""
    remaining: int | None = None


class PatchType(StrEnum):
    """The media types a server understands for PATCH."""

    JSON = "application/json-patch+json"
    MERGE = "application/merge-patch+json"
    STRATEGIC = "application/strategic-merge-patch+json"
    APPLY = "application/apply-patch+yaml"


@dataclass(frozen=True, slots=True)
class Patch:
    """A change to send; for APPLY, ``body`` is the whole intent of the field manager."""

    type: PatchType
    body: Any
    field_manager: str | None = None
    force: bool = False


class Propagation(StrEnum):
    """What becomes of the objects owned by a deleted one."""

    BACKGROUND = "Background"
    FOREGROUND = "Foreground"
    ORPHAN = "Orphan"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preconditions:
    """Delete only this incarnation, or only this revision."""

    uid: str | None = None
    resource_version: str | None = None


class Reader(Protocol):
    """Reads typed objects; what is returned is the caller's own copy."""

    async def get(self, kind: type[T], key: NamespacedName) -> T:
        """One object; raises NotFoundError."""
        ...

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
        """All matching objects; ``labels`` is an equality map or a selector in kubectl's syntax.

        ``fields`` names field selectors at the server, or indexes in a cache (ValueError when the
        cache has no such index). Without ``limit`` all pages are read.
        """
        ...


class SubResourceWriter(Protocol):
    """Writes one subresource, such as ``status``."""

    async def update(self, obj: T) -> T:
        """Replace; raises ConflictError when resourceVersion is stale."""
        ...

    async def patch(self, obj: T, patch: Patch) -> T:
        """Change; raises InvalidError, ConflictError, NotFoundError."""
        ...


class Writer(Protocol):
    """Writes typed objects; the object as stored is returned, the argument is left alone."""

    async def create(self, obj: T, *, dry_run: bool = False) -> T:
        """Create; raises AlreadyExistsError, InvalidError."""
        ...

    async def update(self, obj: T, *, dry_run: bool = False) -> T:
        """Replace; raises ConflictError when metadata.resourceVersion is set and stale."""
        ...

    async def patch(self, obj: T, patch: Patch, *, dry_run: bool = False) -> T:
        """Change; only the identity of ``obj`` is used. APPLY creates when missing."""
        ...

    async def delete(
        self,
        obj: metav1.Object,
        *,
        propagation: Propagation | None = None,
        preconditions: Preconditions | None = None,
    ) -> None:
        """Ask for deletion; raises NotFoundError, ConflictError (preconditions)."""
        ...

    async def delete_all_of(
        self,
        kind: type[metav1.Object],
        *,
        namespace: str | None = None,
        labels: Mapping[str, str] | str | None = None,
    ) -> None:
        """Delete every match with one request."""
        ...

    def subresource(self, name: str) -> SubResourceWriter:
        """The writer of a subresource other than status."""
        ...

    @property
    def status(self) -> SubResourceWriter:
        """The writer of the status subresource."""
        ...


class Client(Reader, Writer, Protocol):
    """Reads and writes; ``Manager.client`` reads from the cache and writes to the server."""
