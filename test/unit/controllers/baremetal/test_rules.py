"""Rules without a machine: backoff, turns, RAID, hints, hardware details, conditions."""

import json
import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers.baremetal.host.architecture import architecture
from metal3.controllers.baremetal.host.backoff import Retries, backoff
from metal3.controllers.baremetal.host.hardware import (
    InvalidHardwareDetailsError,
    parse_hardware_details,
)
from metal3.controllers.baremetal.host.profiles import (
    UnknownProfileError,
    choose_profile,
    root_device_hints,
)
from metal3.controllers.baremetal.host.raid import (
    clear_settings,
    is_dirty,
    store_settings,
    wanted_settings,
)
from metal3.controllers.baremetal.host.table import UndefinedTransitionError
from metal3.controllers.baremetal.states import TABLE
from metal3.runtime.types import NamespacedName

NOW = datetime(2026, 1, 1, tzinfo=UTC)
A, B, C = (NamespacedName("ns", name) for name in "abc")
State = metal3api.ProvisioningState


@given(st.integers(0, 40), st.integers())
def test_backoff_doubles_up_to_a_bound(failures, seed):
    """Always within half of 2^n minutes and all of it, n at most 9."""
    longest = timedelta(minutes=2 ** min(failures, 9))
    rng = random.Random(seed)  # noqa: S311 - spreads retries
    assert longest / 2 <= backoff(failures, rng) <= longest


def test_a_hold_ends_with_its_time_or_with_a_change():
    """Neither too early, nor later than the user wishes."""
    retries = Retries()
    retries.hold(A, NOW + timedelta(minutes=5), "spec 1")
    assert retries.left(A, NOW, "spec 1") == timedelta(minutes=5)
    assert retries.left(A, NOW + timedelta(minutes=5), "spec 1") == timedelta(0)
    retries.hold(A, NOW + timedelta(minutes=5), "spec 1")
    assert retries.left(A, NOW, "spec 2") == timedelta(0)
    assert retries.left(A, NOW, "spec 1") == timedelta(0)
    assert retries.left(B, NOW, "spec 1") == timedelta(0)


HW = {"hardwareRAIDVolumes": [{"level": "1"}]}
SW = {"softwareRAIDVolumes": [{"level": "1", "rootVolume": True}]}


@pytest.mark.parametrize(
    ("spec", "status", "dirty", "after"),
    [
        pytest.param(None, None, False, None, id="nothing"),
        pytest.param(HW, None, True, HW, id="make-hardware"),
        pytest.param(HW, HW, False, HW, id="same"),
        pytest.param(SW, None, True, SW, id="make-software"),
        pytest.param(
            None, SW, True, {"softwareRAIDVolumes": [], "hardwareRAIDVolumes": None}, id="drop-sw"
        ),
        pytest.param({}, HW, True, HW | {"softwareRAIDVolumes": []}, id="keep-hardware"),
        pytest.param(
            {"hardwareRAIDVolumes": []}, HW, True, {"hardwareRAIDVolumes": []}, id="wipe-hardware"
        ),
    ],
)
def test_raid_rules(make_host, spec, status, dirty, after):
    """What is asked for is made; unset leaves hardware volumes and takes software ones apart."""
    host = make_host(raid=spec)
    if status is not None:
        host.status.provisioning.raid = metal3api.RAIDConfig.from_dict(status)
    wanted = wanted_settings(host)
    host.status.provisioning.root_device_hints = wanted.root_device_hints
    assert is_dirty(host, wanted) is dirty
    store_settings(host, wanted)
    assert not is_dirty(host, wanted_settings(host))
    stored = host.status.provisioning.raid
    assert (stored.to_dict() if stored else None) == after


def test_leaving_an_image_forgets_software_raid_only(make_host):
    """Hardware volumes survive deprovisioning."""
    host = make_host()
    host.status.provisioning.raid = metal3api.RAIDConfig.from_dict(HW | SW)
    host.status.provisioning.root_device_hints = metal3api.RootDeviceHints(device_name="/dev/sda")
    clear_settings(host)
    assert host.status.provisioning.raid.to_dict() == HW
    assert host.status.provisioning.root_device_hints is None


@pytest.mark.parametrize(
    ("spec", "hints"),
    [
        ({}, {"deviceName": "/dev/sda"}),
        ({"bmc": {"address": "libvirt://x", "credentialsName": "bmc"}}, {"deviceName": "/dev/vda"}),
        ({"hardwareProfile": "dell"}, {"hctl": "0:0:0:0"}),
        ({"hardwareProfile": "dell-raid"}, {"hctl": "0:2:0:0"}),
        ({"hardwareProfile": "openstack"}, {"deviceName": "/dev/vdb"}),
        ({"hardwareProfile": "empty"}, None),
        ({"rootDeviceHints": {"wwn": "1"}}, {"wwn": "1"}),
        ({"raid": SW}, None),
        ({"raid": SW, "rootDeviceHints": {"wwn": "1"}}, None),
    ],
)
def test_root_device_hints(make_host, spec, hints):
    """A software root volume, then the spec, then the profile."""
    host = make_host(**spec)
    host.status.hardware_profile = choose_profile(host)
    found = root_device_hints(host)
    assert (found.to_dict() if found else None) == hints


def test_an_unknown_profile_is_refused(make_host):
    """The message lists what there is."""
    with pytest.raises(UnknownProfileError, match="libvirt"):
        choose_profile(make_host(hardwareProfile="x"))


def test_architecture(make_host):
    """The user, then the hardware, then the operator's own."""
    host = make_host()
    assert architecture(host) in {"x86_64", "aarch64"}
    host.status.hardware = metal3api.HardwareDetails(cpu=metal3api.CPU(arch="riscv64"))
    assert architecture(host) == "riscv64"
    host.spec.architecture = "s390x"
    assert architecture(host) == "s390x"


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"cpu": 3}', '{"ramMib": 1}', '{"nics": [{"address": "x"}]}', "[" * 100_000],
)
def test_hardware_details_are_read_strictly(text):
    """A misspelt field is an error, as its value would be lost."""
    with pytest.raises(InvalidHardwareDetailsError):
        parse_hardware_details(text)


def test_hardware_details_are_read():
    """What inspection would have found."""
    text = json.dumps({"ramMebibytes": 1024, "nics": [{"name": "eth0"}]})
    assert parse_hardware_details(text).nics[0].name == "eth0"


def test_only_moves_of_the_table_are_possible():
    """A defect in a handler cannot bring a host into a state it must not be in."""
    with pytest.raises(UndefinedTransitionError):
        TABLE[State.AVAILABLE].check(State.PROVISIONED)
    TABLE[State.AVAILABLE].check(State.PROVISIONING)


def test_the_table_knows_every_state_and_every_move_leads_to_one():
    """All states of the API are handled, and deletion has a way out of each."""
    assert set(TABLE) == set(State)
    for row in TABLE.values():
        assert set(row.transitions) <= set(TABLE)
        assert row.name == State.DELETING or row.on_delete or State.DELETING in reachable(row.name)


def reachable(state: str) -> set[str]:
    """States that can follow sooner or later."""
    seen: set[str] = set()
    todo = [state]
    while todo:
        new = set(TABLE[todo.pop()].transitions) - seen
        seen |= new
        todo.extend(new)
    return seen
