"""What work queues count: the names and labels of client-go and controller-runtime."""

import weakref
from collections.abc import Callable
from typing import Final, Protocol

from prometheus_client import Counter, Gauge, Histogram

from ._registry import REGISTRY

_LABELS: Final = ("name", "controller")
_SECONDS: Final = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0, 100.0, 1000.0)

_DEPTH: Final = Gauge("workqueue_depth", "Items ready to be taken.", _LABELS, registry=REGISTRY)
_ADDS: Final = Counter("workqueue_adds_total", "Items added.", _LABELS, registry=REGISTRY)
_RETRIES: Final = Counter(
    "workqueue_retries_total", "Items added again after a failure.", _LABELS, registry=REGISTRY
)
_QUEUED: Final = Histogram(
    "workqueue_queue_duration_seconds",
    "Time an item was ready before it was taken.",
    _LABELS,
    buckets=_SECONDS,
    registry=REGISTRY,
)
_WORK: Final = Histogram(
    "workqueue_work_duration_seconds",
    "Time from taking an item until it was done.",
    _LABELS,
    buckets=_SECONDS,
    registry=REGISTRY,
)
_UNFINISHED: Final = Gauge(
    "workqueue_unfinished_work_seconds",
    "Time spent so far on all items in work; growth tells of stuck workers.",
    _LABELS,
    registry=REGISTRY,
)
_LONGEST: Final = Gauge(
    "workqueue_longest_running_processor_seconds",
    "Time spent so far on the item longest in work.",
    _LABELS,
    registry=REGISTRY,
)


class QueueGauges(Protocol):
    """What a queue tells when it is asked; read at each scrape."""

    def depth(self) -> int:
        """Items ready to be taken."""
        ...

    def work_seconds(self) -> list[float]:
        """Time spent so far on each item in work."""
        ...


class QueueMetrics:
    """The series of one queue. The gauges hold no reference that would keep the queue alive."""

    def __init__(self, name: str, gauges: QueueGauges) -> None:
        labels = (name, name)  # the controller's queue has the controller's name
        self._adds = _ADDS.labels(*labels)
        self._retries = _RETRIES.labels(*labels)
        self._queued = _QUEUED.labels(*labels)
        self._work = _WORK.labels(*labels)
        queue = weakref.ref(gauges)
        _DEPTH.labels(*labels).set_function(_reading(queue, lambda q: float(q.depth())))
        _UNFINISHED.labels(*labels).set_function(_reading(queue, lambda q: sum(q.work_seconds())))
        _LONGEST.labels(*labels).set_function(
            _reading(queue, lambda q: max(q.work_seconds(), default=0.0))
        )

    def added(self) -> None:
        """An item became known that was not waiting already."""
        self._adds.inc()

    def retried(self) -> None:
        """An item was added after a failure."""
        self._retries.inc()

    def taken(self, seconds: float) -> None:
        """An item was taken after it was ready for ``seconds``."""
        self._queued.observe(seconds)

    def done(self, seconds: float) -> None:
        """An item was worked on for ``seconds``."""
        self._work.observe(seconds)


def _reading(
    ref: "weakref.ref[QueueGauges]", read: Callable[[QueueGauges], float]
) -> Callable[[], float]:
    def value() -> float:
        queue = ref()
        return 0.0 if queue is None else read(queue)

    return value
