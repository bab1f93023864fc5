"""One kind in the cache: its store, the reflectors that feed it, the handlers that are told."""

import asyncio
from datetime import timedelta
from typing import Any, Generic, TypeVar

from metal3.api.meta import v1 as metav1
from metal3.runtime.client import ListerWatcher, Selection
from metal3.runtime.types import NamespacedName

from ._handlers import HandlerRegistration, Notice, ResourceEventHandler
from ._options import CacheOptions
from ._reflector import Reflector
from ._store import Record, Shown, Store, record_of

T = TypeVar("T", bound=metav1.Object)
Json = dict[str, Any]

_BATCH = 50


class Informer(Generic[T]):
    """Keeps the store as the server is, and tells handlers of each difference.

    For a key, handlers hear add, then updates, then delete: never an update of what was not
    added. An object that was replaced by another of its name while nobody looked is deleted first.
    """

    def __init__(self, server: ListerWatcher, kind: type[T], options: CacheOptions) -> None:
        self.kind = kind
        self.store: Store[T] = Store()
        self._options = options
        self._transform = options.transform(kind)
        self._selections = options.selections(kind)
        self._server = server
        self._registrations: dict[HandlerRegistration[T], asyncio.Task[None] | None] = {}
        self._unsynced = {selection.namespace for selection in self._selections}
        self._synced = asyncio.Event()
        self._group: asyncio.TaskGroup | None = None

    @property
    def has_synced(self) -> bool:
        """Whether the store holds everything that was there when it was first asked for."""
        return self._synced.is_set()

    async def wait_synced(self) -> None:
        """Wait until :attr:`has_synced`."""
        await self._synced.wait()

    def is_cached(self, namespace: str) -> bool:
        """Whether objects of this namespace are kept (the empty one: of all namespaces)."""
        spaces = {selection.namespace for selection in self._selections}
        return None in spaces or namespace in spaces

    def add_event_handler(self, handler: ResourceEventHandler[T]) -> HandlerRegistration[T]:
        """Tell ``handler`` of everything that is there, then of every change."""
        registration = HandlerRegistration(handler, self.kind.gvk.kind, self._options.max_pending)
        self._registrations[registration] = None
        for record in self.store.records():
            registration.notify(Notice.added(Shown(record), initial=True))
        if self.has_synced:
            registration.mark_synced()
        self._start(registration)
        return registration

    def remove_event_handler(self, registration: HandlerRegistration[T]) -> None:
        """Tell this handler nothing more; unknown registrations are ignored."""
        task = self._registrations.pop(registration, None)
        if task is not None:
            task.cancel()

    def _start(self, registration: HandlerRegistration[T]) -> None:
        if self._group is not None:
            self._registrations[registration] = self._group.create_task(registration.run())

    async def run(self) -> None:
        """Follow the server until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            for registration in list(self._registrations):
                self._start(registration)
            for selection in self._selections:
                group.create_task(self._reflector(selection).run())
            if self._options.resync is not None:
                group.create_task(self._resync(self._options.resync))

    def _reflector(self, selection: Selection) -> Reflector:
        return Reflector(
            server=self._server,
            kind=self.kind,
            selection=selection,
            sink=self,
            page_size=self._options.page_size,
            streaming_lists=self._options.streaming_lists,
        )

    async def _resync(self, period: timedelta) -> None:
        await self.wait_synced()
        while True:
            await asyncio.sleep(period.total_seconds())
            for number, record in enumerate(self.store.records()):
                if self.store.get(record.key) is record:
                    self._notify(Notice.updated(record, Shown(record)))
                if number % _BATCH == 0:
                    await self.has_room()

    def upsert(self, obj: Json) -> NamespacedName:
        """An object as it is now; the revision we have already is no news."""
        new = record_of(self.kind, self._transform(obj))
        old, shown = self.store.get(new.key), Shown(new)
        if old is None:
            # A first list is long: what was decoded for an index would pile up before the handlers.
            self.store.put(new, shown if self.has_synced else None)
            self._notify(Notice.added(shown, initial=not self.has_synced))
        elif old.uid != new.uid:
            self._forget(old, final_state_unknown=True)
            self.store.put(new, shown)
            self._notify(Notice.added(shown, initial=False))
        elif old.resource_version != new.resource_version:
            self.store.put(new, shown)
            self._notify(Notice.updated(old, shown))
        return new.key

    def delete(self, obj: Json) -> None:
        """The last state of an object that is gone; unknown objects are no news."""
        last = record_of(self.kind, self._transform(obj))
        if self.store.pop(last.key) is not None:
            self._notify(Notice.deleted(last, final_state_unknown=False))

    def keep_only(self, selection: Selection, present: set[NamespacedName]) -> None:
        """A list is complete: what it lacks is gone, though nobody saw it go."""
        for key in sorted(self.store.keys(selection.namespace) - present):
            gone = self.store.get(key)
            if gone is not None:
                self._forget(gone, final_state_unknown=True)
        self._unsynced.discard(selection.namespace)
        if not self._unsynced and not self.has_synced:
            self._synced.set()
            for registration in self._registrations:
                registration.mark_synced()

    def _forget(self, record: Record[T], *, final_state_unknown: bool) -> None:
        self.store.pop(record.key)
        self._notify(Notice.deleted(record, final_state_unknown=final_state_unknown))

    def _notify(self, notice: Notice[T]) -> None:
        for registration in self._registrations:
            registration.notify(notice)

    async def has_room(self) -> None:
        """Wait for handlers that lag too far behind."""
        for registration in list(self._registrations):
            await registration.has_room()
