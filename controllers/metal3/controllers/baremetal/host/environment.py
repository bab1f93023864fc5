"""What all reconciles of this operator share."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from metal3.controllers.baremetal.metrics import StateGauge
from metal3.controllers.baremetal.options import BaremetalOptions
from metal3.provisioner import Backend
from metal3.runtime.client import Client, Reader
from metal3.runtime.recorder import EventRecorder
from metal3.runtime.types import NamespacedName

from .backoff import Retries
from .capacity import CapacityQueue

Clock = Callable[[], datetime]


def wall_clock() -> datetime:
    """The time of day, aware."""
    return datetime.now(UTC)


def _ignore(_key: NamespacedName) -> None:
    """Wakes nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """Collaborators; everything a restart may lose is in here, everything else in the API.

    ``client`` reads from a cache that holds only labelled Secrets, ``live`` reads from the server.
    """

    client: Client
    live: Reader
    recorder: EventRecorder
    backend: Backend
    options: BaremetalOptions = field(default_factory=BaremetalOptions)
    clock: Clock = wall_clock
    rng: random.Random = field(default_factory=random.Random)  # noqa: S311 - spreads retries
    retries: Retries = field(default_factory=Retries)
    capacity: CapacityQueue = field(default_factory=lambda: CapacityQueue(wake=_ignore))
    states: StateGauge = field(default_factory=StateGauge)
    firmware_attempts: dict[NamespacedName, str] = field(default_factory=dict[NamespacedName, str])
    sent_credentials: dict[NamespacedName, str] = field(
        default_factory=dict[NamespacedName, str], repr=False
    )
    """A digest of the login that the backend was given last."""
    proven_credentials: dict[NamespacedName, str] = field(
        default_factory=dict[NamespacedName, str], repr=False
    )
    """A digest of the login that users were told works."""
    components_checked: dict[NamespacedName, str] = field(default_factory=dict[NamespacedName, str])
