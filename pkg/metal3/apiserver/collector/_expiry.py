"""Events are deleted an hour after they were last seen, as the real server does."""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from metal3.apiserver.errors import StatusError
from metal3.apiserver.jsonvalue import Obj, dig
from metal3.apiserver.storage import Record, StaleError, Store

log = logging.getLogger(__name__)

EVENT_LIFE: Final = timedelta(hours=1)
SWEEP: Final = timedelta(minutes=5)
_EVENTS: Final = "/events"
_SEEN: Final = (
    ("series", "lastObservedTime"),
    ("lastTimestamp",),
    ("eventTime",),
    ("metadata", "creationTimestamp"),
)


def _now() -> datetime:
    return datetime.now(UTC)


class EventExpiry:
    """Looks through the events now and then."""

    def __init__(self, store: Store, clock: Callable[[], datetime] = _now) -> None:
        """Delete from ``store``, by the time of ``clock``."""
        self._store = store
        self._clock = clock
        # An event is parsed once: its time is kept with the record it was read from.
        self._seen: dict[Record, datetime] = {}

    async def run(self) -> None:
        """Sweep every few minutes, forever."""
        while True:
            await self.sweep()
            await asyncio.sleep(SWEEP.total_seconds())

    async def sweep(self) -> None:
        """Delete the events that are too old."""
        limit = self._clock() - EVENT_LIFE
        records = self._store.records(_EVENTS)
        self._seen = {r: self._seen.get(r) or _last_seen(r.load()) for r in records}
        for record, seen in list(self._seen.items()):
            if seen >= limit or record.finalizers:
                continue
            try:
                await self._store.remove(record.key, record)
            except (StaleError, StatusError) as e:
                log.debug("event stays for now: %s", e)


def _last_seen(event: Obj) -> datetime:
    """Return the latest time in an event; one that has none counts as new."""
    found: list[datetime] = []
    for path in _SEEN:
        try:
            moment = datetime.fromisoformat(str(dig(event, *path)))
        except ValueError:
            continue
        found.append(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    return max(found, default=datetime.max.replace(tzinfo=UTC))
