"""What the bare-metal operator can be told at its start."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

WORKERS: Final = 32
"""Hosts worked on at once when nobody says. Work on a host is waiting for answers, not computing,
so it does not depend on processors; the Go operator has one for each, 2 to 8."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BaremetalOptions:
    """Options of the operator, as ``metal3 manager`` reads them from flags and environment.

    ``namespaces`` empty means all. ``max_provisioning_retries`` 0 never gives up.
    ``limits_per_label`` maps a label's key to how many hosts with the same value of it may be
    inspected, provisioned or deprovisioned at once.
    """

    namespaces: tuple[str, ...] = ()
    provisioner: str = "ironic"
    concurrency: int = 0
    max_provisioning_retries: int = 5
    build_preprovisioning_images: bool = False
    host_claims: bool = False
    limits_per_label: Mapping[str, int] = field(default_factory=dict[str, int])
    refuse_duplicate_hosts: bool = False
    """Whether the webhook refuses, and not only warns of, a BMC or boot MAC address used twice."""
    resync: timedelta = timedelta(minutes=10)
    """How often a host at rest is looked at although nothing woke it."""

    def __post_init__(self) -> None:
        """Refuse what makes no sense; raises ValueError."""
        if self.concurrency < 0:
            raise ValueError("controller concurrency must not be negative")
        if self.max_provisioning_retries < 0:
            raise ValueError("the number of provisioning retries must not be negative")
        if any(limit < 1 for limit in self.limits_per_label.values()):
            raise ValueError("a limit for each value of a label must be at least 1")

    @property
    def workers(self) -> int:
        """Hosts worked on at once."""
        return self.concurrency or WORKERS
