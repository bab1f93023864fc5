"""The garbage collector: a queue of objects to look at, one after the other.

Each is looked at from scratch, so looking twice does no harm. What fails is tried again later.
"""

import asyncio
import logging
from collections.abc import Iterable
from typing import Final

from metal3.apiserver.endpoints import (
    FOREGROUND,
    ORPHAN,
    Call,
    Change,
    DeleteOptions,
    Deleter,
    Target,
    Writer,
)
from metal3.apiserver.errors import StatusError
from metal3.apiserver.jsonvalue import Obj, list_at, map_at, maps_at, text_at
from metal3.apiserver.resources import CLEANUP_FINALIZER, CRD_RESOURCE, Registry
from metal3.apiserver.storage import Event, Key, Record, StaleError, Store

from ._graph import Graph

log = logging.getLogger(__name__)

RETRY_SECONDS: Final = 1.0
_AT_ONCE: Final = 64
_NAMESPACES: Final = "/namespaces"


class Collector:
    """Watches the store for deletions that have consequences."""

    def __init__(self, store: Store, registry: Registry, writer: Writer, deleter: Deleter) -> None:
        """Take stock; ``run`` does the work."""
        self._store, self._registry = store, registry
        self._writer, self._deleter = writer, deleter
        self._graph = Graph()
        self._queue: dict[Key, None] = {}
        self._wake = asyncio.Event()
        for record in store.all_records():
            self._graph.add(record)
        for record in store.all_records():
            self._consider(record)
        store.on_event.append(self._on_event)

    async def run(self) -> None:
        """Look at what is queued, forever."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            failed: list[Key] = []
            while self._queue:
                key = next(iter(self._queue))
                del self._queue[key]
                if not await self._attempt(key):
                    failed.append(key)
            if failed:
                await asyncio.sleep(RETRY_SECONDS)
                self._enqueue(failed)

    async def _attempt(self, key: Key) -> bool:
        try:
            await self._examine(key)
        except (StatusError, StaleError, ExceptionGroup) as e:
            log.info("will try again to collect %s: %s", "/".join(key), e)
            return False
        except Exception:
            # One object that cannot be handled must not keep the others from being collected.
            log.exception("cannot collect %s, will try again", "/".join(key))
            return False
        return True

    def _enqueue(self, keys: Iterable[Key]) -> None:
        self._queue.update(dict.fromkeys(keys))
        self._wake.set()

    def _on_event(self, event: Event) -> None:
        self._graph.follow(event)
        record = event.record
        if event.type != "DELETED":
            self._consider(record)
            return
        keys = [*self._graph.dependents(record.uid)]
        owners = [self._graph.key(owner.uid) for owner in record.owners]
        keys += [key for key in owners if key]
        keys.append(Key(_NAMESPACES, "", record.key.namespace))
        group, _, plural = record.key.resource.partition("/")
        keys.append(Key(CRD_RESOURCE, "", f"{plural}.{group}"))
        self._enqueue(key for key in keys if self._store.get(key))

    def _consider(self, record: Record) -> None:
        if record.deleting:
            self._enqueue([record.key, *self._graph.dependents(record.uid)])
        elif record.owners:
            self._enqueue([record.key])

    async def _examine(self, key: Key) -> None:
        record = self._store.get(key)
        if record is None:
            return
        if record.deleting:
            if key.resource == _NAMESPACES:
                await self._empty_namespace(record)
            elif CLEANUP_FINALIZER in record.finalizers:
                await self._empty_definition(record)
            elif ORPHAN in record.finalizers:
                await self._orphan(record)
            elif FOREGROUND in record.finalizers:
                await self._foreground(record)
        if record.owners:
            await self._check_owners(record)

    # -- owners and dependents -------------------------------------------------------------

    async def _check_owners(self, record: Record) -> None:
        present = [owner for owner in record.owners if self._graph.key(owner.uid)]
        if not present:
            await self._delete(record.key, "Background")
            return
        owners = [self._store.get(key) for o in present if (key := self._graph.key(o.uid))]
        if all(owner and FOREGROUND in owner.finalizers for owner in owners):
            if not record.deleting:
                await self._delete(record.key, "Foreground")
        elif len(present) < len(record.owners):
            await self._keep_owners(record.key, {owner.uid for owner in present})

    async def _keep_owners(self, key: Key, uids: set[str]) -> None:
        async def change(obj: Obj) -> Obj:
            references = maps_at(obj, "metadata", "ownerReferences")
            kept = [item for item in references if item.get("uid") in uids]
            obj["metadata"]["ownerReferences"] = kept
            return obj

        await self._update(key, change)

    async def _orphan(self, record: Record) -> None:
        for key in list(self._graph.dependents(record.uid)):
            dependent = self._store.get(key)
            if dependent:
                uids = {owner.uid for owner in dependent.owners} - {record.uid}
                await self._keep_owners(key, uids)
        await self._release(record.key, ORPHAN)

    async def _foreground(self, record: Record) -> None:
        blocking = False
        for key in list(self._graph.dependents(record.uid)):
            dependent = self._store.get(key)
            if dependent is None:
                continue
            blocking |= any(o.uid == record.uid and o.blocks for o in dependent.owners)
            self._enqueue([key])
        if not blocking:
            await self._release(record.key, FOREGROUND)

    async def _release(self, key: Key, finalizer: str) -> None:
        async def change(obj: Obj) -> Obj:
            finalizers = list_at(obj, "metadata", "finalizers")
            obj["metadata"]["finalizers"] = [item for item in finalizers if item != finalizer]
            return obj

        await self._update(key, change)

    # -- containers ------------------------------------------------------------------------

    async def _empty_namespace(self, record: Record) -> None:
        name = record.key.name
        contents = [
            item.key
            for table in self._store.tables().values()
            for item in table.values()
            if item.key.namespace == name
        ]
        if contents:
            await self._delete_all(contents)
            return

        async def change(obj: Obj) -> Obj:
            map_at(obj, "spec")["finalizers"] = []
            return obj

        await self._update(record.key, change, subresource="finalize")

    async def _empty_definition(self, record: Record) -> None:
        crd = record.load()
        resource = f"{text_at(crd, 'spec', 'group')}/{text_at(crd, 'spec', 'names', 'plural')}"
        contents = [item.key for item in self._store.records(resource)]
        if contents:
            await self._delete_all(contents)
        if not self._store.count(resource):
            await self._release(record.key, CLEANUP_FINALIZER)

    async def _delete_all(self, keys: list[Key]) -> None:
        for start in range(0, len(keys), _AT_ONCE):
            async with asyncio.TaskGroup() as group:
                for key in keys[start : start + _AT_ONCE]:
                    group.create_task(self._delete(key, ""))

    # -- the same ways clients take --------------------------------------------------------

    def _call(self, key: Key, subresource: str = "") -> Call | None:
        resource = self._registry.by_id(key.resource)
        version = resource.stored_version() if resource else None
        if resource is None or version is None:
            return None
        return Call(
            target=Target(
                resource=resource,
                version=version,
                namespace=key.namespace,
                name=key.name,
                subresource=subresource,
            )
        )

    async def _update(self, key: Key, change: Change, subresource: str = "") -> None:
        call = self._call(key, subresource)
        if call:
            try:
                await self._writer.update(call, change)
            except StatusError as e:
                _pass_if_gone(e)

    async def _delete(self, key: Key, policy: str) -> None:
        call = self._call(key)
        record = self._store.latest(key)
        if (
            call is None
            or record is None
            or (record.deleting and policy != "Background" and record.finalizers)
        ):
            return
        try:
            await self._deleter.delete(call, DeleteOptions(policy=policy, uid=record.uid))
        except StatusError as e:
            _pass_if_gone(e)


def _pass_if_gone(error: StatusError) -> None:
    if error.reason not in {"NotFound", "Conflict"}:
        raise error
