"""Faults that a lab's user switches on for a host."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class WrongPassword:
    """The BMC refuses the login, as after someone changed its password."""


@dataclass(frozen=True)
class BMCDown:
    """The BMC closes every connection."""


@dataclass(frozen=True)
class SlowBMC:
    """The BMC thinks for ``delay`` before each answer."""

    delay: timedelta


@dataclass(frozen=True)
class PowerStuck:
    """The BMC accepts power changes, and nothing happens."""


@dataclass(frozen=True)
class NoCallback:
    """The ramdisk boots, but its agent is never heard of."""


@dataclass(frozen=True)
class CleanStepFails:
    """The next ``times`` cleaning steps fail with ``message``."""

    message: str = "simulated failure"
    times: int = 1


@dataclass(frozen=True)
class DeployStepFails:
    """The next ``times`` deploy steps fail with ``message``."""

    message: str = "simulated failure"
    times: int = 1


@dataclass(frozen=True)
class ServiceStepFails:
    """The next ``times`` service steps fail with ``message``."""

    message: str = "simulated failure"
    times: int = 1


Fault = (
    WrongPassword
    | BMCDown
    | SlowBMC
    | PowerStuck
    | NoCallback
    | CleanStepFails
    | DeployStepFails
    | ServiceStepFails
)
