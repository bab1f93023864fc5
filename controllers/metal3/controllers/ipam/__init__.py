"""The IP address operator: gives each claim an address of its pool, and no address twice.

``setup`` builds it onto a manager whose cache was made with ``cache_by_object``.
"""

from .options import IPAMOptions
from .setup import build, cache_by_object, setup

__all__ = ["IPAMOptions", "build", "cache_by_object", "setup"]
