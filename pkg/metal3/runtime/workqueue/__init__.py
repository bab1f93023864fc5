"""The queue between events and reconcilers: what is to be looked at, when, and how urgently.

Event handlers add, controllers take. An item is in the queue at most once, and is never handed
out while somebody still works on it.
"""

from ._queue import LOW_PRIORITY, PriorityQueue, ShutDownError
from ._rate_limiter import (
    BucketRateLimiter,
    ItemExponentialFailureRateLimiter,
    MaxOfRateLimiter,
    RateLimiter,
)

__all__ = [
    "LOW_PRIORITY",
    "BucketRateLimiter",
    "ItemExponentialFailureRateLimiter",
    "MaxOfRateLimiter",
    "PriorityQueue",
    "RateLimiter",
    "ShutDownError",
]
