"""Where events come from: the API by way of the cache, or anything that can call ``wake``."""

from ._channel import Channel
from ._kind import Informer, Kind
from ._source import Source

__all__ = ["Channel", "Informer", "Kind", "Source"]
