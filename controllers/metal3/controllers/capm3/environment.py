"""What every reconciler of the provider holds."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from metal3.runtime.client import Client, Reader
from metal3.runtime.recorder import EventRecorder

from .options import Capm3Options
from .workload import WorkloadClusters


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """``live`` reads from the server what is not in the cache, such as Secrets."""

    client: Client
    live: Reader
    recorder: EventRecorder
    workload: WorkloadClusters
    options: Capm3Options = field(default_factory=Capm3Options)
    now: Callable[[], datetime] = _now
