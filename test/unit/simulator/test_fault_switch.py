"""Each fault bites where it should, and healing takes all of them away."""

from datetime import timedelta

import pytest

from metal3.simulator import (
    BMCDown,
    CleanStepFails,
    DeployStepFails,
    LabConfig,
    NoCallback,
    PowerStuck,
    ServiceStepFails,
    SlowBMC,
    WrongPassword,
    _fault_switch,
)
from metal3.simulator._agent_commands import CLEAN, DEPLOY, SERVICE
from metal3.simulator._bmc import BMCServer
from metal3.simulator._bmc_faults import HEALTHY, BMCFaults, FaultFile
from metal3.simulator._config import LabPaths
from metal3.simulator._ports import Ports

PORTS = Ports(base=1, ironic=2, agent=3, control=4, files=5, redfish=6, ipmi=7)


@pytest.fixture
def bmc(tmp_path, host):
    """The BMCs' side, whose process is not running."""
    paths = LabPaths(root=tmp_path / "lab")
    paths.create()
    return BMCServer(LabConfig(), paths, PORTS, hosts=(host,), token="t", trust=None)  # type: ignore[arg-type]  # nothing is called


@pytest.fixture
def seen(tmp_path, host, bmc):
    """What the process of the BMCs would see."""
    file = FaultFile(tmp_path / "lab/faults.json")
    return lambda: file.of(host.system_uuid)


def switch_on(fault, host, bmc, machine):
    """As a lab does it."""
    _fault_switch.break_bmc(fault, host, bmc)
    _fault_switch.break_machine(fault, machine)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (WrongPassword(), BMCFaults(wrong_password=True)),
        (BMCDown(), BMCFaults(down=True)),
        (SlowBMC(timedelta(seconds=2)), BMCFaults(delay=2.0)),
        (PowerStuck(), BMCFaults(power_stuck=True)),
    ],
)
async def test_a_fault_of_the_bmc_reaches_its_process(host, bmc, machine, seen, fault, expected):
    """And goes when the host is healed."""
    switch_on(fault, host, bmc, machine)
    assert seen() == expected
    _fault_switch.heal_bmc(host, bmc)
    assert seen() == HEALTHY


async def test_faults_add_up(host, bmc, machine, seen):
    """A slow BMC can have a wrong password too."""
    switch_on(SlowBMC(timedelta(seconds=1)), host, bmc, machine)
    switch_on(WrongPassword(), host, bmc, machine)
    assert seen() == BMCFaults(wrong_password=True, delay=1.0)


@pytest.mark.parametrize(
    ("fault", "command"),
    [(CleanStepFails, CLEAN), (DeployStepFails, DEPLOY), (ServiceStepFails, SERVICE)],
)
async def test_a_failing_step_fails_so_many_times(host, bmc, machine, fault, command):
    """Others are not affected, and healing ends it early."""
    switch_on(fault("broken", times=2), host, bmc, machine)
    others = {CLEAN, DEPLOY, SERVICE} - {command}
    assert [machine.failures.take(other) for other in others] == [None, None]
    assert machine.failures.take(command) == "broken"
    _fault_switch.heal_machine(machine)
    assert machine.failures.take(command) is None


async def test_a_silent_agent_speaks_again_when_healed(host, bmc, machine):
    """Its calls wait for this."""
    switch_on(NoCallback(), host, bmc, machine)
    assert not machine.may_call.is_set()
    _fault_switch.heal_machine(machine)
    assert machine.may_call.is_set()
