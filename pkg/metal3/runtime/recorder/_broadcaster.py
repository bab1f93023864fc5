"""Gathers what recorders say and writes it, one event at a time, apart from reconciling."""

import asyncio
import contextlib
import socket
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from metal3.api.events_k8s_io import v1 as eventsv1
from metal3.api.meta import v1 as metav1
from metal3.runtime.log import get_logger

from ._event import EventType, Occurrence, SeriesKey, unique_suffix
from ._recorder import EventRecorder
from ._sink import EventSink, SinkGoneError, SinkUnavailableError
from ._spam import SpamFilter

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class BroadcasterOptions:
    """Bounds; the first three are those of client-go."""

    series_window: timedelta = timedelta(minutes=6)
    """The same thing again within this time counts an event up, later it makes a new one."""
    burst: int = 25
    refill: timedelta = timedelta(minutes=5)
    """An object has ``burst`` events at once and then one each ``refill``."""
    queue_size: int = 10_000
    """A thousand objects that all say something at once must fit, some of them several times."""
    writers: int = 8
    """One after the other would be slower than a busy operator speaks."""
    series_size: int = 4096
    attempts: int = 4
    first_retry: timedelta = timedelta(seconds=1)
    flush_timeout: timedelta = timedelta(seconds=2)
    instance: str = field(default_factory=socket.gethostname)


@dataclass(slots=True)
class _Series:
    """One event and its repetitions; thousands are remembered, so without what they say."""

    suffix: str
    first: datetime
    seen: datetime
    count: int = 0
    is_stored: bool = False


class _Unwritten(NamedTuple):
    series: _Series
    last: Occurrence


class Broadcaster:
    """A Runnable: writes from :meth:`run` on; what was said before waits for it."""

    needs_leader_election: Final = False

    def __init__(
        self,
        sink: EventSink,
        options: BroadcasterOptions | None = None,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        unique: Callable[[], str] = unique_suffix,
    ) -> None:
        self._sink = sink
        self._options = options or BroadcasterOptions()
        self._now = now
        self._unique = unique
        self._spam = SpamFilter(burst=self._options.burst, refill=self._options.refill)
        self._series: OrderedDict[SeriesKey, _Series] = OrderedDict()
        self._unwritten: OrderedDict[SeriesKey, _Unwritten] = OrderedDict()
        self._in_work: set[SeriesKey] = set()
        self._work = asyncio.Event()
        self._dropped = 0
        self._is_full = False

    @property
    def dropped(self) -> int:
        """Occurrences that were not written: too many, or refused."""
        return self._dropped

    def recorder_for(self, component: str) -> EventRecorder:
        """A recorder that reports as ``component``."""
        return _Recorder(self, component)

    def record(self, occurrence: Occurrence) -> None:
        """Have it written soon; drops it when its object, or everything, says too much."""
        now = self._now()
        if not self._spam.allows(occurrence.object_key, now.timestamp()):
            self._dropped += 1
            return
        key = occurrence.key
        if key not in self._unwritten and len(self._unwritten) >= self._options.queue_size:
            self._dropped += 1
            if not self._is_full:
                self._is_full = True
                log.warning("events are dropped: too many wait", waiting=len(self._unwritten))
            return
        self._unwritten[key] = _Unwritten(self._count(key, now), occurrence)
        self._work.set()

    async def run(self) -> None:
        """Write until cancelled; then write what is left, for a moment."""
        try:
            async with asyncio.TaskGroup() as writers:
                for _ in range(self._options.writers):
                    writers.create_task(self._write_for_ever())
        finally:
            if self._unwritten:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._options.flush_timeout.total_seconds()):
                        await self._write_all()

    async def _write_for_ever(self) -> None:
        while True:
            await self._work.wait()
            await self._write_all()

    def _count(self, key: SeriesKey, now: datetime) -> _Series:
        series = self._series.pop(key, None)
        if series is None or now - series.seen > self._options.series_window:
            series = _Series(self._unique(), first=now, seen=now)
        series.count += 1
        series.seen = now
        self._series[key] = series
        if len(self._series) > self._options.series_size:
            self._series.popitem(last=False)
        return series

    async def _write_all(self) -> None:
        while (taken := self._take()) is not None:
            key, unwritten = taken
            try:
                await self._write(unwritten)
            except asyncio.CancelledError:
                self._unwritten.setdefault(key, unwritten)
                raise
            except Exception as error:  # noqa: BLE001 - events are told, never insisted on
                self._dropped += 1
                log.warning("event dropped", reason=key.reason, error=error)
            finally:
                self._in_work.discard(key)

    def _take(self) -> tuple[SeriesKey, _Unwritten] | None:
        """The oldest that no other writer has: a series is written by one at a time."""
        key = next((key for key in self._unwritten if key not in self._in_work), None)
        if key is None:
            self._work.clear()  # whoever writes the rest looks again when that is done
            self._is_full = False
            return None
        self._in_work.add(key)
        return key, self._unwritten.pop(key)

    async def _write(self, unwritten: _Unwritten) -> None:
        wait = self._options.first_retry.total_seconds()
        for _ in range(self._options.attempts - 1):
            try:
                await self._write_once(*unwritten)
            except SinkUnavailableError:
                await asyncio.sleep(wait)
                wait *= 2
            else:
                return
        await self._write_once(*unwritten)

    async def _write_once(self, series: _Series, last: Occurrence) -> None:
        event = last.event(self._options.instance, series.first, series.suffix)
        if series.count > 1:
            event.series = eventsv1.EventSeries(
                count=series.count, last_observed_time=metav1.format_micro_time(series.seen)
            )
        if not series.is_stored:
            await self._sink.create(event)
            series.is_stored = True
            return
        try:
            await self._sink.update_series(event)
        except SinkGoneError:
            series.suffix, series.first = self._unique(), series.seen
            series.count, series.is_stored = 1, False
            await self._write_once(series, last)


@dataclass(frozen=True, slots=True)
class _Recorder:
    """Speaks for one component."""

    broadcaster: Broadcaster
    component: str

    def normal(
        self,
        obj: metav1.Object,
        reason: str,
        message: str,
        *,
        related: metav1.Object | None = None,
        action: str = "",
    ) -> None:
        self._record(EventType.NORMAL, obj, reason, message, related, action)

    def warning(
        self,
        obj: metav1.Object,
        reason: str,
        message: str,
        *,
        related: metav1.Object | None = None,
        action: str = "",
    ) -> None:
        self._record(EventType.WARNING, obj, reason, message, related, action)

    def _record(
        self,
        kind: EventType,
        obj: metav1.Object,
        reason: str,
        message: str,
        related: metav1.Object | None,
        action: str,
    ) -> None:
        try:
            occurrence = Occurrence.of(
                self.component, kind, obj, reason, message, related=related, action=action
            )
            self.broadcaster.record(occurrence)
        except Exception:
            log.exception("an event could not be recorded", reason=reason)
