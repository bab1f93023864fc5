"""What can be set for a manager."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from metal3.api.meta import v1 as metav1
from metal3.runtime.cache import CacheOptions
from metal3.runtime.leaderelection import LeaderElectionOptions
from metal3.runtime.recorder import BroadcasterOptions
from metal3.runtime.scheme import Scheme
from metal3.runtime.webhook import WebhookServer

from ._metrics_server import MetricsOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagerOptions:
    """Addresses are ``[HOST]:PORT`` (port 0 picks a free one); empty or ``0`` turns one off."""

    scheme: Scheme = field(default_factory=Scheme)
    """For code that meets plain JSON; the manager itself does not need it."""

    cache: CacheOptions = field(default_factory=CacheOptions)

    uncached: Sequence[type[metav1.Object]] = ()
    """Kinds that ``Manager.client`` reads from the server each time."""

    leader_election: LeaderElectionOptions | None = None
    """None: lead at once, without asking."""

    metrics: MetricsOptions = field(default_factory=MetricsOptions)

    health_addr: str = ""

    webhook_server: WebhookServer | None = None

    graceful_shutdown_timeout: timedelta = timedelta(seconds=30)
    """How long everything together may take to stop; what is not done then is cancelled."""

    max_concurrent_reconciles: int = 1
    """For controllers that say nothing else."""

    reconcile_timeout: timedelta | None = None
    """For controllers that say nothing else."""

    cache_sync_timeout: timedelta = timedelta(minutes=2)
    """For controllers that say nothing else."""

    events: BroadcasterOptions = field(default_factory=BroadcasterOptions)
