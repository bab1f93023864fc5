"""What controllers count: the names and labels of controller-runtime."""

from enum import StrEnum
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from ._registry import REGISTRY

# From 5 ms to a minute: a no-op takes less than the first, a slow backend call more than the last.
_SECONDS: Final = (
    0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9,
    1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30, 40, 50,
    60,
)  # fmt: skip

_TOTAL: Final = Counter(
    "controller_runtime_reconcile_total",
    "Reconciliations, by controller and result.",
    ("controller", "result"),
    registry=REGISTRY,
)
_ERRORS: Final = Counter(
    "controller_runtime_reconcile_errors_total",
    "Reconciliations that failed.",
    ("controller",),
    registry=REGISTRY,
)
_TERMINAL: Final = Counter(
    "controller_runtime_terminal_reconcile_errors_total",
    "Reconciliations that failed and are not tried again.",
    ("controller",),
    registry=REGISTRY,
)
_PANICS: Final = Counter(
    "controller_runtime_reconcile_panics_total",
    "Reconciliations that failed by a mistake in the program.",
    ("controller",),
    registry=REGISTRY,
)
_TIME: Final = Histogram(
    "controller_runtime_reconcile_time_seconds",
    "Time of one reconciliation.",
    ("controller",),
    buckets=_SECONDS,
    registry=REGISTRY,
)
_MAX: Final = Gauge(
    "controller_runtime_max_concurrent_reconciles",
    "How many reconciliations may run at once.",
    ("controller",),
    registry=REGISTRY,
)
_ACTIVE: Final = Gauge(
    "controller_runtime_active_workers",
    "How many reconciliations run now.",
    ("controller",),
    registry=REGISTRY,
)


class ReconcileOutcome(StrEnum):
    """Values of the label ``result``."""

    SUCCESS = "success"
    ERROR = "error"
    REQUEUE = "requeue"
    REQUEUE_AFTER = "requeue_after"


class ControllerMetrics:
    """The series of one controller, present with zero from the start."""

    def __init__(self, controller: str, *, max_concurrent: int) -> None:
        self._total = {o: _TOTAL.labels(controller, o.value) for o in ReconcileOutcome}
        self._errors = _ERRORS.labels(controller)
        self._terminal = _TERMINAL.labels(controller)
        self._panics = _PANICS.labels(controller)
        self._time = _TIME.labels(controller)
        self._active = _ACTIVE.labels(controller)
        self._active.set(0)
        _MAX.labels(controller).set(max_concurrent)

    def begin(self) -> None:
        """A reconciliation starts."""
        self._active.inc()

    def end(self, outcome: ReconcileOutcome, *, seconds: float) -> None:
        """It ended so, after ``seconds``."""
        self._active.dec()
        self._time.observe(seconds)
        self._total[outcome].inc()
        if outcome is ReconcileOutcome.ERROR:
            self._errors.inc()

    def cancelled(self) -> None:
        """It was cut short because the manager stops: neither success nor failure."""
        self._active.dec()

    def terminal(self) -> None:
        """The failure is final."""
        self._terminal.inc()

    def panic(self) -> None:
        """The failure is a mistake in the program."""
        self._panics.inc()
