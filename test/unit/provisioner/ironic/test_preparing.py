"""RAID, firmware and servicing, against an Ironic that is made up."""

from functools import partial

import pytest

from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.provisioner import BackendError, PrepareData, Result, ServicingData

from .conftest import POLL

pytestmark = pytest.mark.looptime

DELETE = {"interface": "raid", "step": "delete_configuration"}
CREATE = {"interface": "raid", "step": "create_configuration"}
ERASE = {"interface": "deploy", "step": "erase_devices_metadata"}


def raid(**volumes):
    """A RAID configuration."""
    return metal3api.RAIDConfig.from_dict(volumes)


async def prepare(bench, data=None, *, unprepared=True, retry=False, **host):
    """One call of the step."""
    provisioner = await bench.provisioner(**host)
    return await provisioner.prepare(
        data or PrepareData(), unprepared=unprepared, restart_on_failure=retry
    )


SETTINGS = PrepareData(
    target_firmware_settings={"Turbo": "On", "Cores": 4, "Same": 1},
    actual_firmware_settings={"Turbo": "Off", "Same": "1"},
    target_firmware_components=(
        metal3api.FirmwareUpdate.from_dict({"component": "bmc", "url": "http://f/bmc"}),
    ),
)
SETTING_STEPS = [
    {
        "interface": "bios",
        "step": "apply_configuration",
        "args": {"settings": [{"name": "Cores", "value": 4}, {"name": "Turbo", "value": "On"}]},
    },
    {
        "interface": "firmware",
        "step": "update",
        "args": {"settings": [{"component": "bmc", "url": "http://f/bmc"}]},
    },
]


@pytest.mark.parametrize("state", ["manageable", "available"])
async def test_nothing_to_change_is_done_at_once(bench, ironic, state):
    """The flag is set all the same, so that the operator notes what it has."""
    ironic.add(provision_state=state)
    assert await prepare(bench) == (Result.complete(), True)
    assert await prepare(bench, unprepared=False) == (Result.complete(), False)
    assert ironic.writes() == []


async def test_an_available_node_is_managed_first(bench, ironic):
    """Manual cleaning starts from there."""
    ironic.add(provision_state="available")
    assert await prepare(bench, SETTINGS) == (Result.again(POLL), False)
    assert ironic.targets() == ["manage"]


async def test_only_what_differs_is_set(bench, ironic):
    """Numbers stay numbers; a text that says the same number is the same."""
    ironic.add()
    assert await prepare(bench, SETTINGS) == (Result.again(POLL), True)
    assert ironic.calls[-1][2] == {"target": "clean", "clean_steps": SETTING_STEPS}


async def test_cleaning_is_waited_for_and_then_done(bench, ironic):
    """Started by one call, seen by the next ones."""
    node = ironic.add(provision_state="clean wait")
    assert await prepare(bench, unprepared=False) == (Result.again(POLL), False)
    ironic.set(node, provision_state="manageable")
    assert await prepare(bench, unprepared=False) == (Result.complete(), False)


async def test_a_failed_step_is_told_then_repeated(bench, ironic):
    """First the reason; with a retry the node is freed and managed again."""
    node = ironic.add(
        provision_state="clean failed",
        last_error="flash failed",
        maintenance=True,
        fault="clean failure",
    )
    result, started = await prepare(bench, SETTINGS)
    assert (result.error_message, started) == ("preparing failed: flash failed", False)
    assert (await prepare(bench, SETTINGS, retry=True))[0].dirty
    assert node["provision_state"] == "manageable"
    assert node["maintenance"] is False


async def test_hardware_volumes(bench, ironic):
    """Old ones go, new ones come, described in Ironic's words."""
    node = ironic.add(raid_interface="agent")
    volumes = [
        {
            "level": "1",
            "name": "root",
            "sizeGibibytes": 100,
            "rotational": False,
            "controller": "c0",
            "physicalDisks": ["d0", "d1"],
        },
        {"level": "0", "numberOfPhysicalDisks": 2, "rotational": True},
    ]
    data = PrepareData(target_raid=raid(hardwareRAIDVolumes=volumes))
    assert (await prepare(bench, data))[1] is True
    assert node["raid_interface"] == "redfish"
    assert node["target_raid_config"] == {
        "logical_disks": [
            {
                "size_gb": 100,
                "raid_level": "1",
                "volume_name": "root",
                "controller": "c0",
                "physical_disks": ["d0", "d1"],
                "disk_type": "ssd",
                "is_root_volume": True,
            },
            {
                "size_gb": "MAX",
                "raid_level": "0",
                "number_of_physical_disks": 2,
                "disk_type": "hdd",
            },
        ]
    }
    assert ironic.calls[-1][2]["clean_steps"] == [DELETE, CREATE]


async def test_no_hardware_volumes_wipes_and_null_leaves_alone(bench, ironic):
    """An empty list and no list mean different things."""
    ironic.add()
    await prepare(bench, PrepareData(target_raid=raid(hardwareRAIDVolumes=None)))
    assert ironic.targets() == []
    await prepare(bench, PrepareData(target_raid=raid(hardwareRAIDVolumes=[])))
    assert ironic.calls[-1][2]["clean_steps"] == [DELETE]


async def test_software_volumes_are_the_agents_work(bench, ironic):
    """The agent's interface, and metadata is erased before."""
    node = ironic.add()
    volumes = [
        {"level": "1", "rootVolume": True, "physicalDisks": [{"hctl": "0"}, {"hctl": "1"}]},
        {"level": "0", "sizeGibibytes": 5},
    ]
    await prepare(bench, PrepareData(target_raid=raid(softwareRAIDVolumes=volumes)))
    assert node["raid_interface"] == "agent"
    assert node["target_raid_config"]["logical_disks"] == [
        {
            "size_gb": "MAX",
            "raid_level": "1",
            "controller": "software",
            "is_root_volume": True,
            "physical_disks": [{"hctl": "s== 0"}, {"hctl": "s== 1"}],
        },
        {"size_gb": 5, "raid_level": "0", "controller": "software"},
    ]
    assert ironic.calls[-1][2]["clean_steps"] == [DELETE, ERASE, CREATE]


async def test_software_volumes_that_exist_are_kept(bench, ironic):
    """Nothing to do when wanted and actual are equal, or there are none."""
    ironic.add()
    same = raid(softwareRAIDVolumes=[{"level": "1"}])
    await prepare(bench, PrepareData(target_raid=same, actual_raid=same))
    none = raid(softwareRAIDVolumes=[])
    await prepare(bench, PrepareData(target_raid=none, actual_raid=None))
    assert ironic.writes() == []


async def test_software_volumes_are_taken_away(bench, ironic):
    """By the agent, without making new ones."""
    node = ironic.add()
    data = PrepareData(
        target_raid=raid(softwareRAIDVolumes=[]),
        actual_raid=raid(softwareRAIDVolumes=[{"level": "1"}]),
    )
    await prepare(bench, data)
    assert node["raid_interface"] == "agent"
    assert ironic.calls[-1][2]["clean_steps"] == [DELETE, ERASE]


async def test_a_hint_decides_instead_of_the_first_volume(bench, ironic):
    """With root device hints no volume is marked."""
    node = ironic.add()
    data = PrepareData(
        target_raid=raid(hardwareRAIDVolumes=[{"level": "1"}]),
        root_device_hints=metal3api.RootDeviceHints.from_dict({"deviceName": "/dev/sda"}),
    )
    await prepare(bench, data)
    assert "is_root_volume" not in node["target_raid_config"]["logical_disks"][0]


@pytest.mark.parametrize(
    ("volumes", "host", "words"),
    [
        ({"hardwareRAIDVolumes": [{"level": "1", "name": "a"}] * 2}, {}, "the same name"),
        ({"hardwareRAIDVolumes": [{"level": "1", "physicalDisks": ["d"]}]}, {}, "controller"),
        (
            {
                "hardwareRAIDVolumes": [
                    {
                        "level": "1",
                        "controller": "c",
                        "physicalDisks": ["d"],
                        "numberOfPhysicalDisks": 2,
                    }
                ]
            },
            {},
            "numberOfPhysicalDisks",
        ),
        ({"softwareRAIDVolumes": [{"level": "0"}]}, {}, "level 1"),
        (
            {"hardwareRAIDVolumes": [{"level": "1"}]},
            {"bmc_address": "ipmi://192.0.2.1"},
            "not supported",
        ),
    ],
)
async def test_volumes_that_cannot_be_made(bench, ironic, volumes, host, words):
    """The message says what to mend; nothing is sent."""
    ironic.add()
    result, started = await prepare(bench, PrepareData(target_raid=raid(**volumes)), **host)
    assert words in result.error_message
    assert started is False
    assert ironic.writes() == []


async def test_a_running_host_cannot_be_prepared(bench, ironic):
    """Manual cleaning would erase it."""
    ironic.add(provision_state="active")
    with pytest.raises(BackendError):
        await prepare(bench, SETTINGS)


service_data = partial(
    ServicingData,
    target_firmware_settings=SETTINGS.target_firmware_settings,
    actual_firmware_settings=SETTINGS.actual_firmware_settings,
    target_firmware_components=SETTINGS.target_firmware_components,
)


@pytest.mark.parametrize(
    ("state", "options", "has_spec", "target", "started", "complete"),
    [
        ("active", {"unprepared": True}, True, "service", True, False),
        ("active", {"unprepared": False}, True, None, False, True),
        ("servicing", {"unprepared": False}, True, None, False, False),
        ("service wait", {"unprepared": False}, True, None, False, False),
        ("service wait", {"unprepared": False}, False, "abort", False, False),
        ("service failed", {"unprepared": True, "retry": True}, True, "service", True, False),
        ("service failed", {"unprepared": False}, False, "abort", False, False),
    ],
)
async def test_servicing(bench, ironic, state, options, has_spec, target, started, complete):
    """A change on a running host, started, waited for, repeated or given up."""
    ironic.add(provision_state=state, last_error="x")
    provisioner = await bench.provisioner()
    result, flag = await provisioner.service(
        service_data(has_firmware_spec=has_spec),
        unprepared=options["unprepared"],
        restart_on_failure=options.get("retry", False),
    )
    assert (result == Result.complete()) is complete
    assert flag is started
    assert ironic.targets() == ([target] if target else [])
    if target == "service":
        assert ironic.calls[-1][2]["service_steps"] == SETTING_STEPS


async def test_failed_servicing_is_told(bench, ironic):
    """With the reason, and nothing is sent."""
    ironic.add(provision_state="service failed", last_error="flash failed")
    provisioner = await bench.provisioner()
    result, _ = await provisioner.service(
        service_data(has_firmware_spec=True), unprepared=True, restart_on_failure=False
    )
    assert result.error_message == "servicing failed: flash failed"
    assert ironic.writes() == []
