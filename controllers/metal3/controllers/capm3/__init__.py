"""The Cluster API provider: machines of workload clusters on bare-metal hosts.

``setup`` builds it onto a manager whose cache was made with ``cache_by_object``.
"""

from .options import Capm3Options
from .setup import INDEXES, Operator, build, cache_by_object, setup

__all__ = ["INDEXES", "Capm3Options", "Operator", "build", "cache_by_object", "setup"]
