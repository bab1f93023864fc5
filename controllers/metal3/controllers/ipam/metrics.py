"""Figures of pools and of serving claims; a pool's series go when the pool does."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from metal3.runtime.metrics import REGISTRY
from metal3.runtime.types import NamespacedName

from .claims import Claim

_POOL: Final = ("namespace", "pool")

ADDRESSES: Final = Gauge(
    "metal3_ipam_pool_addresses",
    "Addresses of a pool: total, used and free",
    (*_POOL, "state"),
    registry=REGISTRY,
)
WAITING: Final = Gauge(
    "metal3_ipam_pool_waiting_claims", "Claims that wait for the pool", _POOL, registry=REGISTRY
)
ALLOCATIONS: Final = Counter(
    "metal3_ipam_allocations_total", "Addresses handed out", ("kind",), registry=REGISTRY
)
REFUSALS: Final = Counter(
    "metal3_ipam_refusals_total",
    "Claims that had to begin to wait",
    ("kind", "reason"),
    registry=REGISTRY,
)
LATENCY: Final = Histogram(
    "metal3_ipam_allocation_seconds",
    "From a claim's arrival to its address",
    ("kind",),
    buckets=(0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000, 3600),
    registry=REGISTRY,
)
_STATES: Final = ("total", "used", "free")


def allocated(claim: Claim, seconds: float | None) -> None:
    """A claim got its address after ``seconds`` (None: it was there before this process)."""
    ALLOCATIONS.labels(claim.key.kind).inc()
    if seconds is not None:
        LATENCY.labels(claim.key.kind).observe(seconds)


def refused(claim: Claim, reason: str) -> None:
    """A claim begins to wait."""
    REFUSALS.labels(claim.key.kind, reason).inc()


def pool(key: NamespacedName, *, total: int, used: int, free: int, waiting: int) -> None:
    """How a pool stands."""
    for state, value in zip(_STATES, (total, used, free), strict=True):
        ADDRESSES.labels(*key, state).set(value)
    WAITING.labels(*key).set(waiting)


def forget_pool(key: NamespacedName) -> None:
    """A pool is gone."""
    ADDRESSES.remove_by_labels({"namespace": key.namespace, "pool": key.name})
    WAITING.remove_by_labels({"namespace": key.namespace, "pool": key.name})
