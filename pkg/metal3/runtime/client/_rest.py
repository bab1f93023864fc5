"""The client that talks to a server."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Self, TypeVar

import orjson

from metal3.api.meta import v1 as metav1
from metal3.runtime.rest import (
    Config,
    DecodeError,
    ExpiredError,
    Request,
    Resource,
    RESTMapper,
    Transport,
    status_error,
)
from metal3.runtime.types import NamespacedName, key_of

from ._codec import decode, encode, parse
from ._interface import ObjectList, Patch, PatchType, Preconditions, Propagation
from ._paths import (
    accepts,
    collection_path,
    object_path,
    resource_of,
    selection_query,
    watch_query,
    write_query,
)
from ._watch import EventType, RawEvent, RawPage, Selection, WatchEvent

T = TypeVar("T", bound=metav1.Object)
Json = dict[str, Any]
Kind = type[metav1.Object]

PAGE_SIZE: Final = 500
"""Objects a page when all are asked for."""

_WATCH: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerVersion:
    """What ``/version`` says."""

    major: str
    minor: str
    git_version: str
    platform: str


class RestClient:
    """Client and ListerWatcher over HTTP. Use with ``async with``, or call :meth:`aclose`.

    A transport that is passed in stays its owner's to close.
    """

    def __init__(self, server: Config | Transport, *, field_manager: str | None = None) -> None:
        self.transport = server if isinstance(server, Transport) else Transport(server)
        self._is_mine = not isinstance(server, Transport)
        self.field_manager = field_manager
        self.mapper = RESTMapper(self.transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections that are ours."""
        if self._is_mine:
            await self.transport.aclose()

    async def server_version(self) -> ServerVersion:
        """Which server this is."""
        body = await self.transport.send(Request(method="GET", path="/version"))
        said = parse("version", body)
        return ServerVersion(
            major=str(said.get("major", "")),
            minor=str(said.get("minor", "")),
            git_version=str(said.get("gitVersion", "")),
            platform=str(said.get("platform", "")),
        )

    async def get(self, kind: type[T], key: NamespacedName) -> T:
        """One object; raises NotFoundError."""
        resource = await resource_of(kind, self.mapper)
        path = object_path(resource, key)
        request = Request(method="GET", path=path, accept=accepts(kind))
        return decode(kind, await self.transport.send(request))

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
        """All matching objects of one revision, or a page of them.

        Should the server forget the revision between two pages, all are read again at once.
        """
        selection = Selection(namespace=namespace, labels=labels, fields=fields)
        if limit is not None or continue_token is not None:
            page = await self.list_page(kind, selection, limit=limit, continue_token=continue_token)
        else:
            page = await self._whole(kind, selection)
        return ObjectList(
            items=[decode(kind, item) for item in page.items],
            resource_version=page.resource_version,
            continue_token=page.continue_token,
            remaining=page.remaining,
        )

    async def _whole(self, kind: Kind, selection: Selection) -> RawPage:
        items: Items = []
        token: str | None = None
        while True:
            try:
                page = await self.list_page(kind, selection, limit=PAGE_SIZE, continue_token=token)
            except ExpiredError:
                if token is None:
                    raise
                return await self.list_page(kind, selection)
            items += page.items
            token = page.continue_token
            if not token:
                return RawPage(items=items, resource_version=page.resource_version)

    async def list_page(
        self,
        kind: Kind,
        selection: Selection,
        *,
        limit: int | None = None,
        continue_token: str | None = None,
        resource_version: str | None = None,
    ) -> RawPage:
        """One page as plain JSON; raises ExpiredError for a token that is too old."""
        resource = await resource_of(kind, self.mapper)
        query = selection_query(selection)
        if limit is not None:
            query["limit"] = str(limit)
        if continue_token:
            query["continue"] = continue_token
        elif resource_version is not None:
            query["resourceVersion"] = resource_version
        path = collection_path(resource, selection.namespace)
        accept = accepts(kind, many=True)
        request = Request(method="GET", path=path, query=query, accept=accept)
        body = await self.transport.send(request)
        return _page(f"list of {resource.gvk.kind}", body)

    @asynccontextmanager
    async def stream(
        self,
        kind: Kind,
        selection: Selection,
        *,
        resource_version: str | None = None,
        timeout: timedelta | None = None,  # noqa: ASYNC109  (a parameter of the request)
        initial_events: bool = False,
    ) -> AsyncGenerator[AsyncIterator[RawEvent], None]:
        """Changes as plain JSON, until the server ends them (after ``timeout``, or 5 minutes)."""
        resource = await resource_of(kind, self.mapper)
        lasts = timeout or _WATCH
        query = watch_query(
            selection,
            resource_version=resource_version,
            lasts=lasts,
            initial_events=initial_events,
        )
        path = collection_path(resource, selection.namespace)
        request = Request(method="GET", path=path, query=query, accept=accepts(kind))
        async with self.transport.stream(request, lasts=lasts) as lines:
            yield (_event(resource.gvk.kind, line) async for line in lines)

    @asynccontextmanager
    async def watch(
        self,
        kind: type[T],
        *,
        namespace: str | None = None,
        labels: Mapping[str, str] | str | None = None,
        fields: Mapping[str, str] | None = None,
        resource_version: str | None = None,
    ) -> AsyncGenerator[AsyncIterator[WatchEvent[T]], None]:
        """Typed changes, bookmarks included: ``async with client.watch(Kind) as events``.

        Ends when the server ends it. Raises ExpiredError when ``resource_version`` is too old.
        """
        selection = Selection(namespace=namespace, labels=labels, fields=fields)
        async with self.stream(kind, selection, resource_version=resource_version) as events:
            yield (WatchEvent(e.type, decode(kind, e.object)) async for e in events)

    async def create(self, obj: T, *, dry_run: bool = False) -> T:
        """Create; raises AlreadyExistsError, InvalidError."""
        resource = await resource_of(type(obj), self.mapper, obj)
        request = Request(
            method="POST",
            path=collection_path(resource, obj.metadata.namespace, one=True),
            query=self._options(dry_run=dry_run),
            body=encode(obj),
        )
        return decode(type(obj), await self.transport.send(request))

    async def update(self, obj: T, *, dry_run: bool = False) -> T:
        """Replace; raises ConflictError when the revision is stale."""
        return await self.update_subresource(obj, "", dry_run=dry_run)

    async def update_subresource(self, obj: T, name: str, *, dry_run: bool = False) -> T:
        """Replace a part that has an endpoint of its own."""
        resource = await resource_of(type(obj), self.mapper, obj)
        request = Request(
            method="PUT",
            path=object_path(resource, key_of(obj), name),
            query=self._options(dry_run=dry_run),
            body=encode(obj),
        )
        return decode(type(obj), await self.transport.send(request))

    async def patch(self, obj: T, patch: Patch, *, dry_run: bool = False) -> T:
        """Change; only the identity of ``obj`` is used. APPLY creates when missing."""
        return await self.patch_subresource(obj, patch, "", dry_run=dry_run)

    async def patch_subresource(
        self, obj: T, patch: Patch, name: str, *, dry_run: bool = False
    ) -> T:
        """Change a part that has an endpoint of its own."""
        resource = await resource_of(type(obj), self.mapper, obj)
        query = self._options(dry_run=dry_run, manager=patch.field_manager)
        if patch.force:
            query["force"] = "true"
        body = patch.body
        if patch.type is PatchType.APPLY:
            body = _intent(resource, obj, body)
        request = Request(
            method="PATCH",
            path=object_path(resource, key_of(obj), name),
            query=query,
            body=orjson.dumps(body),
            content_type=patch.type,
        )
        return decode(type(obj), await self.transport.send(request))

    async def delete(
        self,
        obj: metav1.Object,
        *,
        propagation: Propagation | None = None,
        preconditions: Preconditions | None = None,
    ) -> None:
        """Ask for deletion; raises NotFoundError, ConflictError (preconditions)."""
        resource = await resource_of(type(obj), self.mapper, obj)
        options: Json = {"apiVersion": "v1", "kind": "DeleteOptions"}
        if propagation is not None:
            options["propagationPolicy"] = propagation
        if preconditions is not None:
            wanted = {
                "uid": preconditions.uid,
                "resourceVersion": preconditions.resource_version,
            }
            options["preconditions"] = {k: v for k, v in wanted.items() if v is not None}
        path = object_path(resource, key_of(obj))
        request = Request(method="DELETE", path=path, body=orjson.dumps(options))
        await self.transport.send(request)

    async def delete_all_of(
        self,
        kind: Kind,
        *,
        namespace: str | None = None,
        labels: Mapping[str, str] | str | None = None,
    ) -> None:
        """Delete every match; namespaced kinds need their namespace, as the server has it."""
        resource = await resource_of(kind, self.mapper)
        request = Request(
            method="DELETE",
            path=collection_path(resource, namespace, one=True),
            query=selection_query(Selection(labels=labels)),
        )
        await self.transport.send(request)

    def subresource(self, name: str) -> "RestSubResource":
        """The writer of a subresource."""
        return RestSubResource(self, name)

    @property
    def status(self) -> "RestSubResource":
        """The writer of the status subresource."""
        return RestSubResource(self, "status")

    def _options(self, *, dry_run: bool, manager: str | None = None) -> dict[str, str]:
        extra = {"fieldManager": manager or self.field_manager}
        return write_query(dry_run=dry_run, extra=extra)


@dataclass(frozen=True, slots=True)
class RestSubResource:
    """Writes one subresource."""

    client: RestClient
    name: str

    async def update(self, obj: T) -> T:
        """Replace; raises ConflictError when the revision is stale."""
        return await self.client.update_subresource(obj, self.name)

    async def patch(self, obj: T, patch: Patch) -> T:
        """Change."""
        return await self.client.patch_subresource(obj, patch, self.name)


Items = list[Json]


def _intent(resource: Resource, obj: metav1.Object, body: Json) -> Json:
    """The server wants type and name in what is applied, although the path says them."""
    key = key_of(obj)
    identity = {"name": key.name} | ({"namespace": key.namespace} if key.namespace else {})
    return {
        "apiVersion": resource.gvk.api_version,
        "kind": resource.gvk.kind,
        **body,
        "metadata": {**(body.get("metadata") or {}), **identity},
    }


def _page(what: str, body: bytes) -> RawPage:
    data = parse(what, body)
    meta: Json = data.get("metadata") or {}
    items = data.get("items") or []
    if not isinstance(items, list):
        raise DecodeError(f"{what}: items is no list")
    return RawPage(
        items=items,
        resource_version=str(meta.get("resourceVersion") or ""),
        continue_token=str(meta.get("continue") or ""),
        remaining=meta.get("remainingItemCount"),
    )


def _event(kind: str, line: bytes) -> RawEvent:
    data = parse(f"watch of {kind}", line)
    obj: Any = data.get("object")
    if not isinstance(obj, dict):
        raise DecodeError(f"watch of {kind}: an event without an object")
    if data.get("type") == "ERROR":
        raise status_error(int(obj.get("code") or 500), obj)
    try:
        return RawEvent(EventType(str(data.get("type"))), obj)
    except ValueError:
        raise DecodeError(f"watch of {kind}: unknown event {data.get('type')!r}") from None
