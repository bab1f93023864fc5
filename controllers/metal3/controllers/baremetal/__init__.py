"""The bare-metal operator: takes servers from registration to an image on their disk and back.

``setup`` builds it onto a manager whose cache was made with ``cache_by_object``.
"""

from .options import BaremetalOptions
from .setup import INDEXES, UnknownProvisionerError, build, cache_by_object, setup

__all__ = [
    "INDEXES",
    "BaremetalOptions",
    "UnknownProvisionerError",
    "build",
    "cache_by_object",
    "setup",
]
