"""Which objects to reconcile when something happens to an object.

A handler turns an event into requests. Sources call it; what it adds for the initial list and
for resyncs has low priority, so that changes are served first.
"""

from ._handler import EventHandler, Queue, handle, priority_of
from ._map import MapFunc, enqueue_requests_from_map_func
from ._object import EnqueueRequestForObject
from ._owner import EnqueueRequestForOwner

__all__ = [
    "EnqueueRequestForObject",
    "EnqueueRequestForOwner",
    "EventHandler",
    "MapFunc",
    "Queue",
    "enqueue_requests_from_map_func",
    "handle",
    "priority_of",
]
