"""The SQLite file, used from one worker thread only.

Two tables: ``object`` is what is there now, ``event`` is an undo log (what was there before each
change), from which the watch window is rebuilt after a restart. Each batch is one transaction in
WAL mode with ``synchronous=FULL``: it is on disk before anyone hears that it was accepted, so that
neither ``kill -9`` nor a power cut loses an acknowledged write; a batch holds all writes that came
while the previous one was under way, which makes the flush cheap under load.
"""

import fcntl
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from metal3.apiserver.jsonvalue import load_object

from ._records import Event, Key, Record, describe, restamped

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS object (
    resource TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
    revision INTEGER NOT NULL, data BLOB NOT NULL,
    PRIMARY KEY (resource, namespace, name));
CREATE TABLE IF NOT EXISTS event (
    revision INTEGER PRIMARY KEY,
    resource TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
    deleted INTEGER NOT NULL, before_revision INTEGER, before BLOB);
"""
_FORMAT = 1
_ROWS = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What was found in the file. ``compacted``: changes up to here can no longer be replayed."""

    revision: int
    compacted: int
    records: Sequence[Record]
    events: Sequence[Event]


class DatabaseError(Exception):
    """The data directory cannot be used: in use by another server, or of an unknown format."""


class Database:
    """One open file. Every method blocks; call them from the store's worker thread."""

    def __init__(self, path: Path) -> None:
        self._lock = _locked(path.with_suffix(".lock"))
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=FULL")
        self._connection.execute("PRAGMA busy_timeout=5000")
        self._connection.executescript(_SCHEMA)
        if self._meta("format", _FORMAT) != _FORMAT:
            raise DatabaseError(f"{path} was written by a newer release")

    def close(self) -> None:
        """Fold the log into the file and let others have it."""
        self._connection.close()
        self._lock.close()

    def load(self) -> Loaded:
        """Read everything; called once."""
        current = self._records()
        compacted = self._meta("compacted", 0)
        events = self._events(dict(current), compacted)
        return Loaded(
            revision=self._meta("revision", 0),
            compacted=compacted,
            records=list(current.values()),
            events=events,
        )

    def commit(self, events: Sequence[Event], compacted: int) -> None:
        """Write a batch in one transaction, and forget the history up to ``compacted``."""
        run = self._connection.execute
        run("BEGIN IMMEDIATE")
        try:
            self._write_objects(events)
            self._write_events(events)
            if compacted:
                run("DELETE FROM event WHERE revision <= ?", (compacted,))
                run("REPLACE INTO meta VALUES ('compacted', ?)", (compacted,))
            run("REPLACE INTO meta VALUES ('revision', ?)", (events[-1].revision,))
            run("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                run("ROLLBACK")
            raise

    def _meta(self, name: str, default: int) -> int:
        self._connection.execute("INSERT OR IGNORE INTO meta VALUES (?, ?)", (name, default))
        found = self._connection.execute("SELECT value FROM meta WHERE name = ?", (name,))
        return int(found.fetchone()[0])

    def _records(self) -> dict[Key, Record]:
        rows = self._connection.execute(
            "SELECT resource, namespace, name, revision, data FROM object"
        )
        return {
            (key := Key(*row[:3])): describe(key, row[3], row[4], load_object(row[4]))
            for row in rows
        }

    def _events(self, current: dict[Key, Record], compacted: int) -> list[Event]:
        """Walk back from what is there now, undoing one change after the other."""
        rows = self._connection.execute(
            "SELECT revision, resource, namespace, name, deleted, before_revision, before "
            "FROM event WHERE revision > ? ORDER BY revision DESC",
            (compacted,),
        )
        events: list[Event] = []
        for revision, resource, namespace, name, deleted, before_revision, before in rows:
            key = Key(resource, namespace, name)
            previous = None
            if before is not None:
                previous = describe(key, before_revision, before, load_object(before))
            events.append(_event(revision, current.pop(key, None), previous, deleted=bool(deleted)))
            if previous:
                current[key] = previous
        events.reverse()
        return events

    def _write_objects(self, events: Sequence[Event]) -> None:
        final = {event.record.key: event for event in events}
        for chunk in _chunks([e for e in final.values() if e.type != "DELETED"]):
            rows = ",".join(["(?,?,?,?,?)"] * len(chunk))
            values = [v for e in chunk for v in (*e.record.key, e.revision, e.record.data)]
            self._connection.execute(f"REPLACE INTO object VALUES {rows}", values)  # noqa: S608 - only question marks
        for event in final.values():
            if event.type == "DELETED":
                self._connection.execute(
                    "DELETE FROM object WHERE resource=? AND namespace=? AND name=?",
                    event.record.key,
                )

    def _write_events(self, events: Sequence[Event]) -> None:
        for chunk in _chunks(events):
            rows = ",".join(["(?,?,?,?,?,?,?)"] * len(chunk))
            values = [v for e in chunk for v in _event_row(e)]
            self._connection.execute(f"INSERT INTO event VALUES {rows}", values)  # noqa: S608 - only question marks


def _event(revision: int, now: Record | None, previous: Record | None, *, deleted: bool) -> Event:
    if deleted and previous:
        gone = restamped(previous, revision)
        return Event(type="DELETED", revision=revision, record=gone, previous=previous)
    if now is None:
        raise DatabaseError(f"revision {revision} has no object")
    kind = "MODIFIED" if previous else "ADDED"
    return Event(type=kind, revision=revision, record=now, previous=previous)


def _event_row(event: Event) -> Iterable[object]:
    before = event.previous
    return (
        event.revision,
        *event.record.key,
        event.type == "DELETED",
        before.revision if before else None,
        before.data if before else None,
    )


def _chunks(events: Sequence[Event]) -> Iterable[Sequence[Event]]:
    # One statement for many rows: the interpreter lock is handed over once a statement.
    return (events[start : start + _ROWS] for start in range(0, len(events), _ROWS))


def _locked(path: Path) -> IO[str]:
    handle = path.open("w")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as e:
        handle.close()
        raise DatabaseError(f"{path.parent} is in use by another API server") from e
    return handle
