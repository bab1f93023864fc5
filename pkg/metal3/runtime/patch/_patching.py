"""The deferred patch: change the object in memory, and have the changes sent on the way out."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, Generic, TypeVar

from metal3.api.meta import v1 as metav1
from metal3.runtime.client import (
    Client,
    ConflictError,
    NotFoundError,
    Patch,
    PatchType,
    SubResourceWriter,
    Writer,
)
from metal3.runtime.log import get_logger
from metal3.runtime.types import key_of

from ._diff import Difference, diff
from ._keyed import SHARED_LISTS, KeyedList, merge_keyed

log = get_logger(__name__)

T = TypeVar("T", bound=metav1.Object)
Json = dict[str, Any]

_ATTEMPTS: Final = 6
_FIRST_WAIT: Final = 0.02  # seconds; doubled each time: a cache needs a moment to see a change
_SERVERS_OWN: Final = (
    "creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "generation",
    "managedFields", "resourceVersion", "selfLink", "uid",
)  # fmt: skip


@asynccontextmanager
async def patching(
    client: Client, obj: T, *, optimistic_lock: bool = False, status_subresource: bool = True
) -> AsyncGenerator["PatchHelper[T]"]:
    """Send what the body changes in ``obj``, on every way out but cancellation.

    Status first, so that it is stored before a finalizer goes; then everything else. Nothing is
    sent when nothing changed. Changes of finalizers, owner references and conditions are merged
    with those of others; all else is last writer wins, or ConflictError with ``optimistic_lock``.
    An object that was being deleted and is gone is no error. When the body raised, that error
    goes up, and a failing patch is only logged.

    A cancelled body sends nothing: the process stops, leads no longer, or took too long, and what
    it found out may be half of the truth.
    """
    helper = PatchHelper(
        client, obj, optimistic_lock=optimistic_lock, status_subresource=status_subresource
    )
    try:
        yield helper
    except Exception:
        try:
            await helper.patch()
        except Exception as error:  # noqa: BLE001 - the first error is the one to be told
            log.warning("patching after a failure failed, too", error=error)
        raise
    await helper.patch()


class PatchHelper(Generic[T]):
    """Remembers how an object was, and sends the difference."""

    def __init__(
        self,
        client: Client,
        obj: T,
        *,
        optimistic_lock: bool = False,
        status_subresource: bool = True,
    ) -> None:
        self._client = client
        self._obj = obj
        self._lock = optimistic_lock
        self._status_subresource = status_subresource
        self._before = obj.to_dict()
        # As the server last showed it, which others may have changed.
        self._theirs: Json | metav1.Object = self._before

    async def patch(self, *, status: bool = True) -> None:
        """Send what changed since the beginning, or since the last call.

        Without ``status`` that waits for the next call: what has to be there before it, or is in a
        hurry, goes alone. Raises InvalidError, ConflictError and the other errors of a patch.
        Afterwards the object carries the new resource version.
        """
        before, after = self._before, self._obj.to_dict()
        if not status:
            after = _without_status(after) | _only_status(before)
        try:
            await self._send_all(before, after)
        except NotFoundError:
            if not self._obj.metadata.deletion_timestamp:
                raise
        self._before = after

    async def _send_all(self, before: Json, after: Json) -> None:
        if self._status_subresource:
            await self._send(self._client.status, _only_status(before), _only_status(after))
            before, after = _without_status(before), _without_status(after)
        await self._send(self._client, before, after)

    async def _send(self, writer: Writer | SubResourceWriter, before: Json, after: Json) -> None:
        before, after = _without_servers_own(before), _without_servers_own(after)
        shared = [s for s in SHARED_LISTS if s.differs(before, after)]
        wait = _FIRST_WAIT
        for attempt in range(_ATTEMPTS):
            difference = self._difference(before, after, shared)
            if attempt:
                # A look at a stale object repeats what was written already.
                difference = difference.on(self._theirs_plain())
            try:
                await self._send_difference(writer, difference, locked=bool(shared))
            except ConflictError:
                if self._lock or not shared or attempt == _ATTEMPTS - 1:
                    raise
            else:
                return
            await asyncio.sleep(wait)
            wait *= 2
            await self._refresh()

    def _difference(self, before: Json, after: Json, shared: Sequence[KeyedList]) -> Difference:
        """From what the server has in shared lists to what it should have."""
        for field in shared:
            theirs = field.of(self._theirs_plain())
            merged = merge_keyed(field.of(before), field.of(after), theirs, field.key)
            before, after = field.put(before, theirs), field.put(after, merged)
        return diff(before, after)

    def _theirs_plain(self) -> Json:
        if isinstance(self._theirs, metav1.Object):
            self._theirs = self._theirs.to_dict()
        return self._theirs

    async def _send_difference(
        self, writer: Writer | SubResourceWriter, difference: Difference, *, locked: bool
    ) -> None:
        if difference.is_empty:
            return
        if difference.merge:
            body = difference.merge
            if self._lock or locked:
                body = body | {"metadata": body.get("metadata", {}) | self._precondition()}
            self._store(await writer.patch(self._obj, Patch(PatchType.MERGE, body)))
        if difference.nulls:
            body_ops = difference.json_patch()
            self._store(await writer.patch(self._obj, Patch(PatchType.JSON, body_ops)))

    def _precondition(self) -> Json:
        metadata = self._obj.metadata
        return {"resourceVersion": metadata.resource_version, "uid": metadata.uid}

    def _store(self, stored: metav1.Object) -> None:
        self._obj.metadata.resource_version = stored.metadata.resource_version
        self._theirs = stored

    async def _refresh(self) -> None:
        """See how others left the object; ours gets its resource version."""
        theirs = await self._client.get(type(self._obj), key_of(self._obj))
        if theirs.metadata.uid != self._obj.metadata.uid:
            raise NotFoundError("the object was deleted and created anew")
        self._store(theirs)


def _only_status(obj: Json) -> Json:
    return {"status": obj["status"]} if "status" in obj else {}


def _without_status(obj: Json) -> Json:
    return {key: value for key, value in obj.items() if key != "status"}


def _without_servers_own(obj: Json) -> Json:
    if "metadata" not in obj:
        return obj
    metadata = {k: v for k, v in obj["metadata"].items() if k not in _SERVERS_OWN}
    return obj | {"metadata": metadata}
