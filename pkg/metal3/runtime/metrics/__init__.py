"""Counters, gauges and histograms under the names existing dashboards read.

Every layer counts here; the manager serves :data:`REGISTRY` at ``/metrics``. Programs register
metrics of their own with ``registry=REGISTRY``.
"""

from ._controller import ControllerMetrics, ReconcileOutcome
from ._process import (
    CERT_READ_ERRORS,
    CERT_READS,
    LEADER,
    observe_rest_request,
    observe_webhook,
    webhook_in_flight,
)
from ._registry import CONTENT_TYPE, REGISTRY, render
from ._tally import Tally
from ._workqueue import QueueGauges, QueueMetrics

__all__ = [
    "CERT_READS",
    "CERT_READ_ERRORS",
    "CONTENT_TYPE",
    "LEADER",
    "REGISTRY",
    "ControllerMetrics",
    "QueueGauges",
    "QueueMetrics",
    "ReconcileOutcome",
    "Tally",
    "observe_rest_request",
    "observe_webhook",
    "render",
    "webhook_in_flight",
]
