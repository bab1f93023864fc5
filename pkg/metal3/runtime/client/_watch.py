"""Following changes: what a stream delivers, and the raw seam the cache reads through."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeVar

from metal3.api.meta import v1 as metav1

T = TypeVar("T", bound=metav1.Object)

INITIAL_EVENTS_END = "k8s.io/initial-events-end"
"""Annotation on the bookmark that ends the initial events of a streaming list."""


class EventType(StrEnum):
    """What happened to an object of a watch."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"
    BOOKMARK = "BOOKMARK"


@dataclass(frozen=True, slots=True)
class WatchEvent(Generic[T]):
    """One change; a bookmark carries only a resource version to resume from."""

    type: EventType
    object: T


@dataclass(frozen=True, slots=True)
class RawEvent:
    """One change as plain JSON."""

    type: EventType
    object: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class RawPage:
    """One page of a list as plain JSON; items may lack ``kind`` and ``apiVersion``."""

    items: list[dict[str, Any]]
    resource_version: str = ""
    continue_token: str = ""
    remaining: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which objects of a kind: selectors are the server's, in kubectl's syntax."""

    namespace: str | None = None
    labels: Mapping[str, str] | str | None = None
    fields: Mapping[str, str] | None = None


class ListerWatcher(Protocol):
    """What a reflector needs of a server. A stream is one request, and is never resumed for it."""

    async def list_page(
        self,
        kind: type[metav1.Object],
        selection: Selection,
        *,
        limit: int | None = None,
        continue_token: str | None = None,
        resource_version: str | None = None,
    ) -> RawPage:
        """One page; raises ExpiredError when the continue token is too old.

        ``resource_version="0"`` allows the server's cache to answer, unset asks for the latest.
        """
        ...

    def stream(
        self,
        kind: type[metav1.Object],
        selection: Selection,
        *,
        resource_version: str | None = None,
        timeout: timedelta | None = None,
        initial_events: bool = False,
    ) -> AbstractAsyncContextManager[AsyncIterator[RawEvent]]:
        """Changes after ``resource_version`` until the server ends the stream.

        ``initial_events`` asks for a streaming list: the present objects first, then a bookmark
        annotated with INITIAL_EVENTS_END; InvalidError when the server does not offer it.
        Raises ExpiredError, on entry or in between, when the version is too old.
        """
        ...
