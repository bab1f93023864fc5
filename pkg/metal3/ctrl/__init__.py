"""The front door: the runtime names every operator needs, and nothing of its own.

::

    mgr = ctrl.Manager(ctrl.load_config(), ctrl.ManagerOptions(health_addr=":9440"))
    ctrl.new_controller_managed_by(mgr).for_(Kind).complete(reconciler)
    await mgr.start(ctrl.setup_signal_handler())
"""

from metal3.runtime.builder import new_controller_managed_by
from metal3.runtime.controller import ControllerOptions
from metal3.runtime.log import configure as configure_logging
from metal3.runtime.log import get_logger
from metal3.runtime.manager import Manager, ManagerOptions, MetricsOptions, setup_signal_handler
from metal3.runtime.reconcile import Reconciler, Request, Result, TerminalError
from metal3.runtime.rest import load_config
from metal3.runtime.scheme import Scheme
from metal3.runtime.types import NamespacedName, key_of

__all__ = [
    "ControllerOptions",
    "Manager",
    "ManagerOptions",
    "MetricsOptions",
    "NamespacedName",
    "Reconciler",
    "Request",
    "Result",
    "Scheme",
    "TerminalError",
    "configure_logging",
    "get_logger",
    "key_of",
    "load_config",
    "new_controller_managed_by",
    "setup_signal_handler",
]
