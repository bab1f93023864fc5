"""What the operator can be told at its start."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class IPAMOptions:
    """``namespaces`` empty means all; ``watch_filter`` empty means every object.

    ``cluster_api`` None looks whether Cluster API is there, and goes on looking while it is not.
    """

    namespaces: tuple[str, ...] = ()
    watch_filter: str = ""
    pool_concurrency: int = 10
    claim_concurrency: int = 32
    """Claims of a kind served at once, also of one pool: serving is waiting for the API server."""
    cluster_api: bool | None = None
    cluster_api_interval: timedelta = timedelta(seconds=20)
    """How often to look for Cluster API while it is not there."""
    status_delay: timedelta = timedelta(seconds=1)
    """How late a pool's status may be, so that many changes make one write."""

    def __post_init__(self) -> None:
        """Refuse what makes no sense; raises ValueError."""
        if self.pool_concurrency < 1 or self.claim_concurrency < 1:
            raise ValueError("concurrency must be at least 1")
