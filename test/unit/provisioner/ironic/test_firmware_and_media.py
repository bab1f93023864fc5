"""Firmware, data images and event subscriptions, against an Ironic that is made up."""

import pytest

from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.provisioner import BackendError, NodeBusyError, Result

pytestmark = pytest.mark.looptime


async def test_settings_with_and_without_their_schema(bench, ironic):
    """Values are texts; the schema only comes when it is asked for."""
    ironic.add()
    ironic.bios = [
        {
            "name": "Turbo",
            "value": "On",
            "attribute_type": "Enumeration",
            "allowable_values": ["On", "Off"],
            "read_only": False,
            "lower_bound": None,
        },
        {"name": "Serial", "value": None},
    ]
    provisioner = await bench.provisioner()
    found = await provisioner.firmware_settings(include_schema=True)
    assert found.settings == {"Turbo": "On", "Serial": ""}
    assert found.schema["Turbo"].to_dict() == {
        "attribute_type": "Enumeration",
        "allowable_values": ["On", "Off"],
        "read_only": False,
    }
    assert (await provisioner.firmware_settings(include_schema=False)).schema == {}


async def test_components_are_read_again_only_after_the_node_moved(bench, ironic):
    """Ironic reads them itself only then; other components are not ours."""
    node = ironic.add()
    ironic.firmware = [
        {
            "component": "bmc",
            "initial_version": "1",
            "current_version": "2",
            "last_version_flashed": None,
        },
        {"component": "nic:1", "initial_version": "9"},
        {"component": "disk", "initial_version": "1"},
    ]
    provisioner = await bench.provisioner()
    found = await provisioner.firmware_components()
    assert [component.to_dict() for component in found] == [
        {"component": "bmc", "initialVersion": "1", "currentVersion": "2"},
        {"component": "nic:1", "initialVersion": "9"},
    ]
    await (await bench.provisioner()).firmware_components()
    assert sum(path.endswith("/firmware") for _, path, _ in ironic.calls) == 1
    ironic.set(node)
    await (await bench.provisioner()).firmware_components()
    assert sum(path.endswith("/firmware") for _, path, _ in ironic.calls) == 2


async def test_a_driver_without_components_is_not_asked(bench, ironic):
    """The node itself tells."""
    ironic.add(firmware_interface="no-firmware")
    assert await (await bench.provisioner()).firmware_components() == ()
    assert not any(path.endswith("/firmware") for _, path, _ in ironic.calls)


async def test_a_data_image_comes_and_goes(bench, ironic):
    """Attached, seen, detached."""
    ironic.add(provision_state="active")
    provisioner = await bench.provisioner()
    assert await provisioner.is_data_image_attached() is False
    await provisioner.attach_data_image("http://files/data.iso")
    assert await provisioner.is_data_image_attached() is True
    await provisioner.detach_data_image()
    assert await provisioner.is_data_image_attached() is False


async def test_a_data_image_waits_for_a_busy_node(bench, ironic):
    """Whether it is busy is asked anew, as that changes by the second."""
    node = ironic.add(provision_state="active", reservation="conductor-1")
    provisioner = await bench.provisioner()
    with pytest.raises(NodeBusyError):
        await provisioner.attach_data_image("http://files/data.iso")
    node["reservation"] = None
    await provisioner.attach_data_image("http://files/data.iso")


async def test_data_images_need_a_new_ironic(bench, ironic):
    """An older one is named as the reason."""
    ironic.minor = 92
    ironic.add(provision_state="active")
    provisioner = await bench.provisioner()
    with pytest.raises(BackendError, match=r"1\.93"):
        await provisioner.is_data_image_attached()


async def test_a_subscription_is_made_and_removed(bench, ironic):
    """The ID that the BMC gave is what removes it; removing it twice is fine."""
    ironic.add(provision_state="active")
    provisioner = await bench.provisioner()
    subscription = metal3api.BMCEventSubscription.from_dict(
        {"spec": {"hostName": "host-0", "destination": "https://sink/", "context": "c"}}
    )
    headers = {"Authorization": "Bearer x"}
    result, identity = await provisioner.add_bmc_event_subscription(subscription, headers)
    assert (result, identity) == (Result.complete(), "1")
    assert ironic.subscriptions == {
        "1": {
            "Destination": "https://sink/",
            "Context": "c",
            "HttpHeaders": [{"Authorization": "Bearer x"}],
        }
    }
    subscription.status.subscription_id = identity
    for _ in range(2):
        removed = await provisioner.remove_bmc_event_subscription(subscription)
        assert removed == Result.complete()
    assert ironic.subscriptions == {}


@pytest.mark.parametrize(
    ("build", "address", "formats"),
    [
        (False, "redfish-virtualmedia://192.0.2.1", None),
        (True, "redfish-virtualmedia://192.0.2.1", ("iso", "initrd")),
        (True, "ipmi://192.0.2.1", ("initrd",)),
    ],
)
async def test_formats_of_built_images(bench, build, address, formats):
    """An ISO is preferred where the BMC can insert it."""
    bench.configure(build_preprovisioning_images=build)
    provisioner = await bench.provisioner(bmc_address=address)
    assert await provisioner.preprovisioning_image_formats() == formats
