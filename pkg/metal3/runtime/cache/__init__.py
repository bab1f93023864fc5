"""A local copy of the objects a program reads, kept current by watches.

The manager runs one :class:`Cache`; controllers take informers from it, reconcilers read through
:class:`CachedClient`.
"""

from ._cache import Cache, CacheSyncTimeoutError
from ._cached_client import CachedClient
from ._handlers import HandlerRegistration, ResourceEventHandler
from ._informer import Informer
from ._options import ByObject, CacheOptions, Transform, drop_managed_fields

__all__ = [
    "ByObject",
    "Cache",
    "CacheOptions",
    "CacheSyncTimeoutError",
    "CachedClient",
    "HandlerRegistration",
    "Informer",
    "ResourceEventHandler",
    "Transform",
    "drop_managed_fields",
]
