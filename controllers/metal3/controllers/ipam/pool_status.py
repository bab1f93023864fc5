"""What the status of a pool says."""

from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from metal3.api.ipam_metal3_io import v1alpha1 as ipamv1
from metal3.api.meta import v1 as metav1

from .addresses import address_of
from .plan import PoolPlan, Range
from .pool_state import PoolState

MAX_INDEXED: Final = 10_000
"""Claims in ``status.indexes``: the API server refuses objects above 1.5 MB, and every watcher
gets the whole of it with each change."""
MAX_INDEXED_BYTES: Final = 512 * 1024
MAX_RANGES: Final = 100
MAX_COUNT: Final = 2**63 - 1

_ENTRY_OVERHEAD: Final = 6
"""Quotes, colon and comma of one entry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How a pool stands; exact, as large as it is."""

    total: int
    used: int
    free: int

    @property
    def is_exhausted(self) -> bool:
        """Whether nothing is left for a claim without an address kept for it."""
        return self.free <= 0

    def is_nearly_exhausted(self, percent: int) -> bool:
        """Whether at least this share is not free."""
        return (self.total - self.free) * 100 >= percent * self.total

    def to_dict(self) -> dict[str, int]:
        """As the API takes it: int64 at most."""
        values = {"total": self.total, "used": self.used, "free": self.free}
        return {name: min(value, MAX_COUNT) for name, value in values.items()}


def counts_of(state: PoolState, plan: PoolPlan) -> Counts:
    """The whole pool; an address that two ranges share counts once."""
    total = plan.total
    return Counts(total=total, used=plan.count(state.used), free=total - plan.count(state.blocked))


def range_counts(state: PoolState, found: Range) -> Counts:
    """One entry of ``spec.pools``."""
    used, blocked = state.used[found.version], state.blocked[found.version]
    taken = sum(used.count(*segment) for segment in found.segments)
    kept = sum(blocked.count(*segment) for segment in found.segments)
    return Counts(total=found.total, used=taken, free=found.total - kept)


def ranges_of(state: PoolState, plan: PoolPlan) -> list[dict[str, Any]]:
    """The first entries."""
    return [
        {
            "start": str(address_of(found.version, found.first)),
            "end": str(address_of(found.version, found.last)),
        }
        | range_counts(state, found).to_dict()
        for found in plan.ranges[:MAX_RANGES]
    ]


def indexes_of(state: PoolState, plan: PoolPlan) -> tuple[dict[str, str], bool]:
    """Addresses by the names of claims, and whether some had to be left out.

    As the Go operator has it: addresses that are kept for claims are listed, too.
    """
    limit = MAX_INDEXED_BYTES
    indexes: dict[str, str] = {}
    records = islice(state.records.values(), MAX_INDEXED)
    names = [(r.claim.name, str(r.address)) for r in records if not (r.released_at or r.is_guard)]
    for name, address in (*((n, str(a)) for n, a in plan.pinned.items()), *names):
        limit -= len(name) + len(address) + _ENTRY_OVERHEAD
        if limit < 0 or len(indexes) >= MAX_INDEXED:
            return indexes, True
        indexes[name] = address
    return indexes, len(state.records) > MAX_INDEXED


def ready_condition(plan: PoolPlan, problem: str, generation: int) -> metav1.Condition:
    """Whether claims are served."""
    message = problem or "; ".join(plan.problems)
    reason = "ClusterNotFound" if problem else "InvalidSpec"
    is_ready = not message
    return metav1.Condition(
        type=ipamv1.READY_CONDITION,
        status=metav1.ConditionStatus.TRUE if is_ready else metav1.ConditionStatus.FALSE,
        reason="Available" if is_ready else reason,
        message=message or "claims are served",
        observed_generation=generation,
    )


def available_condition(counts: Counts, percent: int, generation: int) -> metav1.Condition:
    """Whether addresses are left; the message carries no count, which would change all the time."""
    status, reason = metav1.ConditionStatus.TRUE, "Available"
    message = "there are free addresses"
    if counts.is_exhausted:
        status, reason = metav1.ConditionStatus.FALSE, "PoolExhausted"
        message = f"all {counts.total} addresses are taken or kept for claims"
    elif counts.is_nearly_exhausted(percent):
        reason = "NearlyExhausted"
        message = f"at least {percent} % of {counts.total} addresses are taken or kept for claims"
    return metav1.Condition(
        type=ipamv1.ADDRESSES_AVAILABLE_CONDITION,
        status=status,
        reason=reason,
        message=message,
        observed_generation=generation,
    )
