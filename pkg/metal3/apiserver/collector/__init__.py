"""Deletes what follows from other deletions: dependents, contents of namespaces, custom objects.

A task of the server; it reads the store and writes through the same paths as clients do.
"""

from ._collector import Collector
from ._expiry import EVENT_LIFE, EventExpiry

__all__ = ["EVENT_LIFE", "Collector", "EventExpiry"]
