"""What can be set for an election."""

import socket
import uuid
from dataclasses import dataclass, field
from datetime import timedelta


def default_identity() -> str:
    """Name of the host, and something no other process has."""
    return f"{socket.gethostname()}_{uuid.uuid4()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaderElectionOptions:
    """The Lease and the times; defaults and rules are those of client-go.

    A leader stops after ``renew_deadline`` without a renewal. Others take over when they have not
    seen a renewal for ``lease_duration``. The gap between the two is what a leader has to wind up.
    """

    name: str
    namespace: str
    identity: str = field(default_factory=default_identity)
    lease_duration: timedelta = timedelta(seconds=15)
    renew_deadline: timedelta = timedelta(seconds=10)
    retry_period: timedelta = timedelta(seconds=2)
    jitter: float = 0.2
    """Each wait is longer by up to this share, so that candidates do not act in step."""
    release_on_stop: bool = True

    def __post_init__(self) -> None:
        if not self.name or not self.namespace:
            raise ValueError("an election needs the name and the namespace of a lease")
        if not self.lease_duration > self.renew_deadline:
            raise ValueError("lease_duration must be greater than renew_deadline")
        if not self.renew_deadline > self.retry_period * (1 + self.jitter):
            raise ValueError("renew_deadline must be greater than retry_period with its jitter")
        if self.retry_period <= timedelta(0):
            raise ValueError("retry_period must be greater than zero")
