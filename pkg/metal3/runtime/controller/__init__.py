"""Takes requests from a queue and has them reconciled: so many at once, each object one at a time.

Programs build controllers with ``metal3.runtime.builder``; the manager runs them.
"""

from ._controller import Controller
from ._options import ControllerOptions

__all__ = ["Controller", "ControllerOptions"]
