"""What the provider can be told at its start."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

FAST_TRACK = "CAPM3_FAST_TRACK"


@dataclass(frozen=True, slots=True, kw_only=True)
class Capm3Options:
    """Options of the operator, as ``metal3 manager`` reads them from flags and environment.

    ``namespaces`` empty means all. ``concurrency`` is how many objects of a kind are worked on at
    once. With ``name_based_preallocation`` addresses are claimed under the name of the host, so
    that a pool can reserve them. ``resync`` is how often an object that waits is looked at although
    nothing woke it; ``node_poll`` the same for nodes of workload clusters. ``storage_migration`` has
    objects of older versions stored in the current one.
    """

    namespaces: tuple[str, ...] = ()
    watch_filter: str = ""
    concurrency: int = 50
    name_based_preallocation: bool = False
    fast_track: bool = False
    resync: timedelta = timedelta(minutes=10)
    node_poll: timedelta = timedelta(minutes=1)
    storage_migration: bool = True

    def __post_init__(self) -> None:
        """Refuse what makes no sense; raises ValueError."""
        if self.concurrency < 1:
            raise ValueError("controller concurrency must be at least 1")


def is_fast_track(environment: Mapping[str, str]) -> bool:
    """Whether deprovisioned hosts stay powered on (CAPM3_FAST_TRACK)."""
    return environment.get(FAST_TRACK, "").lower() == "true"
