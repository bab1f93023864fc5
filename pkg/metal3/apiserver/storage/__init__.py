"""Objects as bytes under a revision that only grows: in memory to read, in SQLite to last.

Used by the request handlers and the garbage collector; knows nothing of kinds or HTTP.
"""

from ._records import Event, Key, Owner, Record
from ._sqlite import DatabaseError
from ._store import Limits, StaleError, Store
from ._watch import Hub, Watcher

__all__ = [
    "DatabaseError",
    "Event",
    "Hub",
    "Key",
    "Limits",
    "Owner",
    "Record",
    "StaleError",
    "Store",
    "Watcher",
]
