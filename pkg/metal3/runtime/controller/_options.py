"""What can be set for a controller."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from metal3.runtime.reconcile import Request
from metal3.runtime.workqueue import ItemExponentialFailureRateLimiter, RateLimiter


@dataclass(frozen=True, slots=True, kw_only=True)
class ControllerOptions:
    """Defaults are those of controller-runtime unless a reason is given."""

    max_concurrent_reconciles: int = 1
    """How many objects are reconciled at the same time."""

    reconcile_timeout: timedelta | None = None
    """Cancel a reconciliation that takes longer; it counts as failed. None: never."""

    cache_sync_timeout: timedelta = timedelta(minutes=2)
    """Give up, and fail the manager, when the sources have not synced by then."""

    graceful_shutdown_timeout: timedelta = timedelta(seconds=30)
    """How long running reconciliations may go on when the controller is stopped."""

    rate_limiter: Callable[[], RateLimiter[Request]] = ItemExponentialFailureRateLimiter[Request]
    """Makes the backoff of failed requests."""

    needs_leader_election: bool = True
    """Run only while this process leads."""

    enable_warmup: bool = False
    """Fill the queue before this process leads, so that it takes over at once."""

    skip_name_validation: bool = False
    """Allow a second controller of the same name in the manager; their metrics are then one."""

    def __post_init__(self) -> None:
        if self.max_concurrent_reconciles < 1:
            raise ValueError("max_concurrent_reconciles must be at least 1")
