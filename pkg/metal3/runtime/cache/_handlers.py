"""Telling handlers: in order, each at its own pace, none able to hold up the loop for long."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Generic, Protocol, TypeVar

from metal3.api.meta import v1 as metav1
from metal3.runtime.client import ApiError
from metal3.runtime.log import get_logger

from ._store import Record, Shown

T = TypeVar("T", bound=metav1.Object)
T_contra = TypeVar("T_contra", bound=metav1.Object, contravariant=True)

_SLICE: Final = 0.01
"""Seconds a handler's backlog may keep the loop before others get a turn."""

log = get_logger(__name__)


class ResourceEventHandler(Protocol[T_contra]):
    """Told of every change, in order. Objects are shared between handlers: look, don't touch."""

    def on_add(self, obj: T_contra, *, is_in_initial_list: bool) -> None:
        """An object is there; ``is_in_initial_list`` when it was before we looked."""
        ...

    def on_update(self, old: T_contra, new: T_contra) -> None:
        """An object changed, or is told again (resync: both are equal)."""
        ...

    def on_delete(self, obj: T_contra, *, final_state_unknown: bool) -> None:
        """An object is gone; with ``final_state_unknown`` ``obj`` is the last state seen."""
        ...


@dataclass(slots=True)
class Notice(Generic[T]):
    """One change, shared by all handlers; see the factories."""

    old: Shown[T] | None
    new: Shown[T] | None
    flag: bool = False

    @classmethod
    def added(cls, new: Shown[T], *, initial: bool) -> "Notice[T]":
        """An object appeared."""
        return cls(None, new, initial)

    @classmethod
    def updated(cls, old: Record[T], new: Shown[T]) -> "Notice[T]":
        """An object changed."""
        return cls(Shown(old), new)

    @classmethod
    def deleted(cls, last: Record[T], *, final_state_unknown: bool) -> "Notice[T]":
        """An object went."""
        return cls(Shown(last), None, final_state_unknown)

    def tell(self, handler: ResourceEventHandler[T]) -> None:
        """Call the handler; raises DecodeError when the object does not fit its class."""
        match self.old, self.new:
            case None, Shown() as new:
                handler.on_add(new.get(), is_in_initial_list=self.flag)
            case Shown() as old, None:
                handler.on_delete(old.get(), final_state_unknown=self.flag)
            case Shown() as old, Shown() as new:
                handler.on_update(old.get(), new.get())
            case _:
                raise AssertionError("a notice of nothing")

    def __str__(self) -> str:
        known = self.new or self.old
        return str(known.record.key) if known else ""


class HandlerRegistration(Generic[T]):
    """A handler and its backlog."""

    def __init__(self, handler: ResourceEventHandler[T], kind: str, limit: int) -> None:
        self._handler = handler
        self._kind = kind
        self._limit = limit
        self._backlog: deque[Notice[T] | Callable[[], None]] = deque()
        self._arrived = asyncio.Event()
        self._drained = asyncio.Event()
        self._drained.set()
        self._synced = asyncio.Event()

    @property
    def has_synced(self) -> bool:
        """Whether the handler was told of everything that was there at first."""
        return self._synced.is_set()

    async def wait_synced(self) -> None:
        """Wait until :attr:`has_synced`."""
        await self._synced.wait()

    @property
    def backlog(self) -> int:
        """How many events the handler lags behind."""
        return len(self._backlog)

    def notify(self, notice: Notice[T]) -> None:
        """Add to the backlog."""
        self._append(notice)
        if len(self._backlog) >= self._limit:
            self._drained.clear()

    def mark_synced(self) -> None:
        """What was added so far is the initial list."""
        self._append(self._synced.set)

    def _append(self, entry: Any) -> None:
        self._backlog.append(entry)
        self._arrived.set()

    async def has_room(self) -> None:
        """Wait until the backlog is below its limit again."""
        await self._drained.wait()

    async def run(self) -> None:
        """Tell the handler, until cancelled; what it raises is logged."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                await self._arrived.wait()
                self._arrived.clear()
                until = loop.time() + _SLICE
                while self._backlog:
                    self._tell(self._backlog.popleft())
                    if loop.time() > until:
                        self._release()
                        await asyncio.sleep(0)
                        until = loop.time() + _SLICE
                self._release()
        finally:
            # Nobody may wait for a handler that is no longer told anything.
            self._limit = 2**63
            self._drained.set()

    def _release(self) -> None:
        if len(self._backlog) < self._limit:
            self._drained.set()

    def _tell(self, entry: Notice[T] | Callable[[], None]) -> None:
        if not isinstance(entry, Notice):
            entry()
            return
        try:
            entry.tell(self._handler)
        except ApiError as e:
            log.warning("an object could not be decoded", kind=self._kind, error=str(e))
        except Exception:
            log.exception("an event handler failed", kind=self._kind, object=str(entry))
