"""What stands in for hardware: emulated BMCs and simulated deploy agents, beside a real Ironic.

``async with Lab(LabConfig(hosts=3)) as lab`` starts all of it on loopback. The demo and the
end-to-end tests use it. Only the hardware is made up: Ironic is the published package, and a
deploy runs through all of its steps.
"""

from ._config import LabConfig
from ._credentials import Login
from ._errors import PortError, SimulatorError, StartError
from ._faults import (
    BMCDown,
    CleanStepFails,
    DeployStepFails,
    Fault,
    NoCallback,
    PowerStuck,
    ServiceStepFails,
    SlowBMC,
    WrongPassword,
)
from ._hosts import SimulatedHost
from ._lab import Lab
from ._machine import MachineState

__all__ = [
    "BMCDown",
    "CleanStepFails",
    "DeployStepFails",
    "Fault",
    "Lab",
    "LabConfig",
    "Login",
    "MachineState",
    "NoCallback",
    "PortError",
    "PowerStuck",
    "ServiceStepFails",
    "SimulatedHost",
    "SimulatorError",
    "SlowBMC",
    "StartError",
    "WrongPassword",
]
