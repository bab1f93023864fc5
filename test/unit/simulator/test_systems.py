"""Machines as their BMCs see them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metal3.simulator import _bmc_faults
from metal3.simulator._bmc_faults import BMCFaults, FaultFile
from metal3.simulator._systems import OFF, ON, RESTART, System, SystemStore

UUID = "5f4b48e8-e54f-5691-9368-f9135df52406"
DELAY = 2.0


class Clock:
    """Time that only moves when told to."""

    now = 1000.0

    def __call__(self):
        """The time."""
        return self.now


def new_store(folder, clock, events):
    """A store with one machine, whose power changes take two seconds."""
    return SystemStore(
        systems=[System(uuid=UUID, name="node-0", macs=["52:54:00:00:00:00"])],
        state_file=folder / "systems.json",
        faults=FaultFile(folder / "faults.json"),
        power_delay=(DELAY, DELAY),
        tell=events.append,
        clock=clock,
    )


@pytest.fixture
def clock():
    """The store's clock."""
    return Clock()


@pytest.fixture
def events():
    """What the lab was told."""
    return []


@pytest.fixture
def store(tmp_path, clock, events):
    """The store."""
    return new_store(tmp_path, clock, events)


def power(store):
    """The power state a BMC would report."""
    with store.reading(UUID) as system:
        return system.power


def test_power_takes_its_time(store, clock, events):
    """The state changes when the delay is over, and the lab is told at once."""
    store.set_power(UUID, ON)
    assert power(store) == OFF
    assert [(event.action, event.delay) for event in events] == [(ON, DELAY)]
    clock.now += DELAY
    assert power(store) == ON


def test_asking_for_what_is_there_changes_nothing(store, clock, events):
    """Ironic asks again when it is not sure."""
    store.set_power(UUID, OFF)
    store.set_power(UUID, ON)
    store.set_power(UUID, ON)
    clock.now += DELAY
    store.set_power(UUID, ON)
    assert len(events) == 1


def test_off_overtakes_an_on_that_is_still_coming(store, clock):
    """The last request wins."""
    store.set_power(UUID, ON)
    store.set_power(UUID, OFF)
    clock.now += DELAY
    assert power(store) == OFF


def test_a_restart_goes_through_off(store, clock, events):
    """And boots again, even if the machine was on."""
    store.set_power(UUID, ON)
    clock.now += DELAY
    store.set_power(UUID, RESTART)
    assert power(store) == OFF
    clock.now += DELAY
    assert power(store) == ON
    assert [event.action for event in events] == [ON, RESTART]


def test_stuck_power_is_accepted_and_forgotten(store, clock, events, tmp_path):
    """As from the moment the fault is written."""
    _bmc_faults.write(tmp_path / "faults.json", {UUID: BMCFaults(power_stuck=True)})
    store.set_power(UUID, ON)
    clock.now += DELAY
    assert power(store) == OFF
    assert events == []


def test_the_operating_system_can_switch_off_at_once(store, clock, events):
    """No delay, and no BMC fault in the way."""
    store.set_power(UUID, ON)
    clock.now += DELAY
    store.power_off_from_inside(UUID)
    assert power(store) == OFF
    assert events[-1].action == OFF


def test_settings_wait_for_the_next_boot(store, clock):
    """As real firmware does it."""
    with store.changing(UUID) as system:
        system.pending_bios["ProcTurboMode"] = "Disabled"
        assert system.bios["ProcTurboMode"] == "Enabled"
    store.set_power(UUID, ON)
    with store.reading(UUID) as system:
        assert system.bios["ProcTurboMode"] == "Disabled"


@pytest.mark.parametrize(
    ("image", "version"),
    [("http://files/bios-2.10.bin", "2.10"), ("http://files/newer.bin", "1.1.0")],
)
def test_bios_firmware_waits_for_the_next_boot(store, image, version):
    """The version is in the file's name, or else is the next one."""
    store.update_firmware(UUID, image)
    with store.reading(UUID) as system:
        assert system.versions["BiosVersion"] == "1.0.0"
    store.set_power(UUID, ON)
    with store.reading(UUID) as system:
        assert system.versions["BiosVersion"] == version


def test_bmc_firmware_runs_at_once(store):
    """The BMC restarts by itself."""
    store.update_firmware(UUID, "http://files/bmc-7.8.bin")
    with store.reading(UUID) as system:
        assert (system.bmc_version, system.versions) == ("7.8", {"BiosVersion": "1.0.0"})


def test_the_medium_booted_from_is_told(store, events):
    """The machine needs its file."""
    with store.changing(UUID) as system:
        system.media["Cd"] = ("/lab/tmp/ramdisk.iso", True)
        system.boot_device = "Cd"
    store.set_power(UUID, ON)
    assert (events[0].boot_device, events[0].boot_image) == ("Cd", "/lab/tmp/ramdisk.iso")


@given(actions=st.lists(st.sampled_from([ON, OFF, RESTART]), max_size=8))
def test_state_survives_the_process(actions, tmp_path_factory):
    """A new store of the same folder reports what the old one would, whatever happened."""
    folder, clock = tmp_path_factory.mktemp("store"), Clock()
    store = new_store(folder, clock, [])
    for action in actions:
        store.set_power(UUID, action)
        clock.now += DELAY / 2
    again = new_store(folder, clock, [])
    clock.now += DELAY
    assert power(again) == power(store)
