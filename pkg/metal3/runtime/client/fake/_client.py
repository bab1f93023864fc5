"""The typed face of the fake server."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Mapping
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from metal3.api.meta import v1 as metav1
from metal3.runtime.client import (
    INITIAL_EVENTS_END,
    EventType,
    ObjectList,
    Patch,
    Preconditions,
    Propagation,
    RawEvent,
    RawPage,
    Selection,
    WatchEvent,
    decode,
)
from metal3.runtime.rest import ExpiredError, InvalidError
from metal3.runtime.types import NamespacedName

from ._actions import Action, Interceptor
from ._requests import FakeSubResource, Requests, resource_of
from ._select import Filter
from ._server import new_server

T = TypeVar("T", bound=metav1.Object)
Json = dict[str, Any]
Kind = type[metav1.Object]
Actions = list[Action]
Events = list[RawEvent]


def _wall_clock() -> datetime:
    return datetime.now(UTC)


class FakeClient:
    """A Client (and ListerWatcher) over objects in memory.

    It keeps a server's rules: revisions and conflicts, generation, finalizers, the status
    subresource, generated names, preconditions, selectors, paging, patches (APPLY is simplified
    to "merge, or create"). It does not validate, default, or collect garbage.

    ``objects`` are there from the start, status included. Kinds in ``without_status`` have no
    status subresource. Streams end on :meth:`cut_watches`; with ``streaming_lists`` they may
    start with the present objects.
    """

    def __init__(
        self,
        *objects: metav1.Object,
        without_status: Collection[Kind] = (),
        clock: Callable[[], datetime] = _wall_clock,
        streaming_lists: bool = False,
    ) -> None:
        kinds = frozenset(kind.gvk for kind in without_status)
        self.streaming_lists = streaming_lists
        self._requests = Requests(new_server(clock), kinds)
        self._pages: dict[str, RawPage] = {}
        for obj in objects:
            self._requests.seed(obj)

    @property
    def actions(self) -> Actions:
        """The writes so far, refused ones too; may be cleared."""
        return self._requests.actions

    @property
    def interceptor(self) -> Interceptor | None:
        """Called before each request has an effect; what it raises is what the caller gets."""
        return self._requests.interceptor

    @interceptor.setter
    def interceptor(self, interceptor: Interceptor | None) -> None:
        self._requests.interceptor = interceptor

    def index_field(self, kind: type[T], name: str, extract: Callable[[T], list[str]]) -> None:
        """Let ``list(kind, fields={name: value})`` find objects by computed values."""
        self._requests.index_field(kind, name, extract)

    def fail_next(
        self,
        verb: str,
        kind: Kind | None,
        error: Exception,
        *,
        subresource: str | None = None,
        times: int = 1,
    ) -> None:
        """Raise ``error`` for the next ``times`` matching requests, before they have an effect.

        ``verb`` as in :class:`Action`, or ``*``; ``kind`` None matches all; ``subresource``
        None matches every request, the empty string only those to the object itself.
        """
        name = kind.gvk.kind if kind else "*"
        self._requests.failures.plan(verb, name, error, subresource=subresource, times=times)

    def stop_failing(self) -> None:
        """Forget failures that were planned and not met."""
        self._requests.failures.clear()

    def cut_watches(self) -> None:
        """End all open streams, as a restarted server does."""
        self._requests.server.tracker.cut_watches()

    def compact(self) -> None:
        """Forget history and pages: older revisions and continue tokens get ExpiredError."""
        self._requests.server.tracker.compact()
        self._pages.clear()

    @property
    def resource_version(self) -> str:
        """The latest revision."""
        return str(self._requests.server.tracker.revision)

    async def get(self, kind: type[T], key: NamespacedName) -> T:
        """One object; raises NotFoundError."""
        target = self._requests.target(kind, key)
        self._requests.act("get", target)
        return decode(kind, self._requests.server.get(target))

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
        """All matching objects, or a page of them."""
        selection = Selection(namespace=namespace, labels=labels, fields=fields)
        page = await self.list_page(kind, selection, limit=limit, continue_token=continue_token)
        return ObjectList(
            items=[decode(kind, item) for item in page.items],
            resource_version=page.resource_version,
            continue_token=page.continue_token,
            remaining=page.remaining,
        )

    async def list_page(
        self,
        kind: Kind,
        selection: Selection,
        *,
        limit: int | None = None,
        continue_token: str | None = None,
        resource_version: str | None = None,
    ) -> RawPage:
        """One page; later pages show the state of the first."""
        self._requests.act("list", self._requests.all_of(kind, selection.namespace))
        if continue_token:
            rest = self._pages.pop(continue_token, None)
            if rest is None:
                raise ExpiredError("The provided continue parameter is too old")
        else:
            rest = RawPage(
                items=_shown(kind, self._requests.matching(self._requests.filter(kind, selection))),
                resource_version=self.resource_version,
            )
        return self._split(rest, limit)

    def _split(self, rest: RawPage, limit: int | None) -> RawPage:
        left = rest.items[limit:] if limit else []
        if not left:
            return rest
        token = f"{rest.resource_version}.{len(left)}.{len(self._pages)}"
        self._pages[token] = RawPage(items=left, resource_version=rest.resource_version)
        return RawPage(
            items=rest.items[:limit],
            resource_version=rest.resource_version,
            continue_token=token,
            remaining=len(left),
        )

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
        """Changes after ``resource_version``, or from now on with the present objects first."""
        self._requests.act("watch", self._requests.all_of(kind, selection.namespace))
        if initial_events and not self.streaming_lists:
            raise InvalidError("sendInitialEvents: Forbidden: streaming lists are not offered")
        chosen = self._requests.filter(kind, selection)
        since, first = int(resource_version or 0), Events()
        if initial_events or not resource_version:
            first = self._initial(chosen, bookmark=initial_events)
            since = self._requests.server.tracker.revision
        async with aclosing(self._events(chosen, first, since)) as events:
            yield events

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
        """Typed changes, as :meth:`RestClient.watch` delivers them."""
        selection = Selection(namespace=namespace, labels=labels, fields=fields)
        async with self.stream(kind, selection, resource_version=resource_version) as events:
            yield (WatchEvent(e.type, decode(kind, e.object)) async for e in events)

    def _initial(self, chosen: Filter, *, bookmark: bool) -> Events:
        items = _shown(chosen.kind, self._requests.matching(chosen))
        events = [RawEvent(EventType.ADDED, item) for item in items]
        if bookmark:
            meta: Json = {
                "resourceVersion": self.resource_version,
                "annotations": {INITIAL_EVENTS_END: "true"},
            }
            events.append(RawEvent(EventType.BOOKMARK, {"metadata": meta}))
        return events

    async def _events(
        self, chosen: Filter, first: Events, since: int
    ) -> AsyncGenerator[RawEvent, None]:
        for event in first:
            yield event
        tracker = self._requests.server.tracker
        async with aclosing(tracker.follow(resource_of(chosen.kind), since)) as changes:
            async for change in changes:
                found = chosen.event(change)
                if found is not None:
                    yield RawEvent(found.type, *_shown(chosen.kind, [found.object]))

    async def create(self, obj: T, *, dry_run: bool = False) -> T:
        """Create; raises AlreadyExistsError."""
        return self._requests.create(obj, dry_run=dry_run)

    async def update(self, obj: T, *, dry_run: bool = False) -> T:
        """Replace; raises ConflictError when the revision is stale."""
        return self._requests.update(obj, dry_run=dry_run)

    async def patch(self, obj: T, patch: Patch, *, dry_run: bool = False) -> T:
        """Change; only the identity of ``obj`` is used."""
        return self._requests.patch(obj, patch, dry_run=dry_run)

    async def delete(
        self,
        obj: metav1.Object,
        *,
        propagation: Propagation | None = None,
        preconditions: Preconditions | None = None,
    ) -> None:
        """Delete, or mark for deletion while there are finalizers."""
        target = self._requests.target_of(obj)
        self._requests.act("delete", target, propagation)
        self._requests.server.delete(target, preconditions)

    async def delete_all_of(
        self,
        kind: Kind,
        *,
        namespace: str | None = None,
        labels: Mapping[str, str] | str | None = None,
    ) -> None:
        """Delete every match."""
        self._requests.act("deletecollection", self._requests.all_of(kind, namespace))
        chosen = self._requests.filter(kind, Selection(namespace=namespace, labels=labels))
        for item in self._requests.matching(chosen):
            meta = item["metadata"]
            key = NamespacedName(meta.get("namespace", ""), meta["name"])
            self._requests.server.delete(self._requests.target(kind, key), None)

    def subresource(self, name: str) -> FakeSubResource:
        """The writer of a subresource; only ``status`` means something to the fake."""
        return FakeSubResource(self._requests, name)

    @property
    def status(self) -> FakeSubResource:
        """The writer of the status subresource."""
        return FakeSubResource(self._requests, "status")


def _shown(kind: Kind, items: list[Json]) -> list[Json]:
    """As the server shows them to those who ask for the metadata alone."""
    if not kind.metadata_only:
        return items
    form = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}
    return [form | {"metadata": item["metadata"]} for item in items]
