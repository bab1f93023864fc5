"""Applies a fault where it bites: at the BMC, or in the simulated machine."""

from dataclasses import replace
from typing import assert_never

from ._agent_commands import CLEAN, DEPLOY, SERVICE
from ._bmc import BMCServer
from ._bmc_faults import HEALTHY
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
from ._machine import Machine


def break_bmc(fault: Fault, host: SimulatedHost, bmc: BMCServer) -> None:
    """Add a fault to those that the BMC has; the next request finds it."""
    before = bmc.faults(host.system_uuid)
    match fault:
        case WrongPassword():
            after = replace(before, wrong_password=True)
        case BMCDown():
            after = replace(before, down=True)
        case SlowBMC():
            after = replace(before, delay=fault.delay.total_seconds())
        case PowerStuck():
            after = replace(before, power_stuck=True)
        case NoCallback() | CleanStepFails() | DeployStepFails() | ServiceStepFails():
            return
        case _:
            assert_never(fault)
    bmc.set_faults(host.system_uuid, after)


def break_machine(fault: Fault, machine: Machine) -> None:
    """Add a fault to those that the machine has; the next call or step meets it."""
    match fault:
        case NoCallback():
            machine.may_call.clear()
        case CleanStepFails():
            machine.failures.add(CLEAN, fault.message, fault.times)
        case DeployStepFails():
            machine.failures.add(DEPLOY, fault.message, fault.times)
        case ServiceStepFails():
            machine.failures.add(SERVICE, fault.message, fault.times)
        case WrongPassword() | BMCDown() | SlowBMC() | PowerStuck():
            return
        case _:
            assert_never(fault)


def heal_bmc(host: SimulatedHost, bmc: BMCServer) -> None:
    """Take all faults away from the BMC."""
    bmc.set_faults(host.system_uuid, HEALTHY)


def heal_machine(machine: Machine) -> None:
    """Take all faults away from the machine; an agent that was silent speaks again."""
    machine.failures.clear()
    machine.may_call.set()
