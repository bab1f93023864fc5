"""The process around the controllers: client, cache, election, servers, start and stop.

An operator's ``setup`` adds controllers and webhooks to a Manager; its entry point starts it.
"""

from metal3.runtime.leaderelection import LeadershipLostError

from ._http import parse_address
from ._manager import Manager
from ._metrics_server import MetricsOptions
from ._options import ManagerOptions
from ._runnable import Group, Runnable, RunnableFunc
from ._signals import setup_signal_handler

__all__ = [
    "Group",
    "LeadershipLostError",
    "Manager",
    "ManagerOptions",
    "MetricsOptions",
    "Runnable",
    "RunnableFunc",
    "parse_address",
    "setup_signal_handler",
]
