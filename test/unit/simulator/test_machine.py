"""Machines follow their BMC."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from metal3.simulator import MachineState, _images
from metal3.simulator._config import LabPaths
from metal3.simulator._systems import OFF, ON, RESTART, PowerEvent


@pytest.fixture
def files(tmp_path):
    """The images of a lab."""
    paths = LabPaths(root=tmp_path / "lab")
    paths.create()
    _images.write(paths)
    return paths.images


@pytest.fixture
def tell(machine, host):
    """Let the BMC report something."""

    def event(action, device="Hdd", image=None):
        machine.power_changed(
            PowerEvent(
                system=host.system_uuid,
                action=action,
                delay=0.0,
                boot_device=device,
                boot_image=str(image) if image else None,
            )
        )

    return event


def is_in(machine, state):
    """Whether the machine is in a state now."""
    return machine.state is state


@asynccontextmanager
async def living(machine):
    """The machine lives while the block runs."""
    async with asyncio.TaskGroup() as group:
        life = group.create_task(machine.run())
        yield
        life.cancel()


async def test_a_disk_boot_runs_the_instance(machine, tell, until):
    """No agent, and off again when the BMC says so."""
    async with living(machine):
        assert is_in(machine, MachineState.OFF)
        tell(ON)
        await until(lambda: machine.state is MachineState.INSTANCE)
        assert machine.agent is None
        tell(OFF)
        assert is_in(machine, MachineState.OFF)


async def test_the_ready_made_ramdisk_starts_an_agent(machine, tell, until, files, ironic):
    """From a copy of the ISO, as a BMC makes one; power off ends it."""
    async with living(machine):
        tell(ON, "Cd", files / _images.ISO)
        await until(lambda: ironic.of("heartbeat") > 0)
        assert is_in(machine, MachineState.RAMDISK)
        tell(OFF)
        await until(lambda: machine.agent is None)
        assert is_in(machine, MachineState.OFF)


async def test_a_network_boot_starts_an_agent_when_ironic_offers_one(
    machine, tell, until, tmp_path
):
    """Without a script for the MAC address the disk is next."""
    async with living(machine):
        tell(ON, "Pxe")
        await until(lambda: machine.state is MachineState.INSTANCE)
        script = tmp_path / f"{machine.host.boot_mac}.conf"
        script.write_text("kernel http://files/kernel ipa-api-url=http://ironic\n")
        tell(RESTART, "Pxe")
        await until(lambda: machine.state is MachineState.RAMDISK)
        assert machine.boots == 2


@pytest.mark.parametrize("medium", [_images.LIVE_ISO, "missing.iso", None])
async def test_another_medium_is_no_ramdisk(machine, tell, until, files, medium):
    """A live image runs by itself; an empty drive falls through to the disk."""
    async with living(machine):
        tell(ON, "Cd", files / medium if medium else None)
        await until(lambda: machine.state is MachineState.INSTANCE)


async def test_on_while_on_does_not_boot_again(machine, tell, until):
    """A restart does."""
    async with living(machine):
        tell(ON)
        await until(lambda: machine.state is MachineState.INSTANCE)
        tell(ON)
        assert is_in(machine, MachineState.INSTANCE)
        tell(RESTART)
        assert is_in(machine, MachineState.BOOTING)
        await until(lambda: machine.boots == 2)
