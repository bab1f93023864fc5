"""Provisioning and deprovisioning, against an Ironic that is made up."""

import pytest

from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.provisioner import BackendError, HostConfig, ProvisionData, Result

from .conftest import ADDRESS, POLL
from .fake_ironic import RefusedError

pytestmark = pytest.mark.looptime

URL = "http://images/os.qcow2"


def image(**fields):
    """An image with a checksum, unless said otherwise."""
    return metal3api.Image.from_dict({"url": URL, "checksum": "abc"} | fields)


def data(**changes):
    """What provisioning is told."""
    given = {"image": image(), "host_config": HostConfig(), "boot_mode": "UEFI"} | changes
    return ProvisionData(**given)


async def provision(bench, given=None, *, force=False):
    """One call of the step."""
    return await (await bench.provisioner()).provision(given or data(), force_reboot=force)


async def deprovision(bench, *, retry=False, mode="metadata"):
    """One call of the step."""
    return await (await bench.provisioner()).deprovision(
        restart_on_failure=retry, automated_cleaning_mode=mode
    )


async def test_a_host_is_cleaned_first(bench, ironic):
    """From manageable the node is made available; nothing is deployed yet."""
    ironic.add(provision_state="manageable")
    assert await provision(bench) == Result.again(POLL)
    assert ironic.targets() == ["provide"]


async def test_the_image_is_written_to_the_right_disk(bench, ironic):
    """Image, owner and root device are set before Ironic is asked to deploy."""
    hints = metal3api.RootDeviceHints.from_dict({"deviceName": "/dev/sdb"})
    node = ironic.add(provision_state="available")
    assert await provision(bench, data(root_device_hints=hints)) == Result.again(POLL)
    assert node["provision_state"] == "deploying"
    assert node["instance_uuid"] == "9b2a6d4e-0000-4000-8000-000000000001"
    assert node["instance_info"] == {
        "image_source": URL,
        "image_checksum": "abc",
        "root_device": {"name": "s== /dev/sdb"},
    }
    assert node["driver_info"] == {"force_persistent_boot_device": "Default"}
    assert bench.events == [
        ("ProvisioningStarted", f"Image provisioning started for {URL}"),
    ]


async def test_the_config_drive_holds_what_the_user_gave(bench, ironic):
    """Defaults come first, the user's meta data overrides them."""
    ironic.add(provision_state="available")
    given = HostConfig(
        user_data="#cloud-config\n",
        network_data='{"links": []}',
        meta_data="name: other\nrole: db\n",
    )
    await provision(bench, data(host_config=given))
    body = ironic.calls[-1][2]
    assert body["configdrive"] == {
        "user_data": "#cloud-config\n",
        "network_data": {"links": []},
        "meta_data": {
            "uuid": "9b2a6d4e-0000-4000-8000-000000000001",
            "metal3-namespace": "metal3",
            "metal3-name": "host-0",
            "local-hostname": "host-0",
            "local_hostname": "host-0",
            "name": "other",
            "role": "db",
        },
    }
    assert "deploy_steps" not in body


async def test_broken_meta_data_is_named_and_not_repeated(bench, ironic):
    """The text may hold secrets, so only its kind and place are told."""
    ironic.add(provision_state="available")
    given = HostConfig(meta_data="password: [hunter2\n")
    result = await provision(bench, data(host_config=given))
    assert "meta data is neither JSON nor YAML" in result.error_message
    assert "hunter2" not in result.error_message
    assert ironic.targets() == []


@pytest.mark.parametrize(
    ("fields", "info"),
    [
        ({}, {"image_checksum": "abc"}),
        ({"checksumType": "auto"}, {"image_checksum": "abc"}),
        (
            {"checksumType": "sha512"},
            {"image_os_hash_algo": "sha512", "image_os_hash_value": "abc"},
        ),
        ({"format": "qcow2"}, {"image_checksum": "abc", "image_disk_format": "qcow2"}),
    ],
)
async def test_checksums_reach_ironic_as_given(bench, ironic, fields, info):
    """A named algorithm is passed on, otherwise Ironic finds out."""
    node = ironic.add(provision_state="available")
    await provision(bench, data(image=image(**fields)))
    assert node["instance_info"] == {"image_source": URL} | info


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"checksum": None}, "checksum is required"),
        ({"checksumType": "crc32"}, "'crc32'"),
        ({"url": "oci://r/i:1"}, "must be empty"),
    ],
)
async def test_an_image_that_cannot_be_checked_is_refused(bench, ironic, fields, words):
    """Nothing is sent to Ironic."""
    ironic.add(provision_state="available")
    result = await provision(bench, data(image=image(**fields)))
    assert words in result.error_message
    assert ironic.writes() == []


async def test_an_oci_image_comes_with_its_login(bench, ironic):
    """The secret reaches the node and no message."""
    node = ironic.add(provision_state="available")
    given = data(
        image=metal3api.Image.from_dict({"url": "oci://r/i:1"}), image_pull_secret="u:hunter2"
    )
    await provision(bench, given)
    assert node["instance_info"] == {
        "image_source": "oci://r/i:1",
        "image_pull_secret": "u:hunter2",
    }
    assert "hunter2" not in repr(given)


async def test_what_the_last_image_left_is_taken_away(bench, ironic):
    """A pull secret or a live ISO of another image must not stay."""
    old = {"image_source": "oci://r/i", "image_pull_secret": "u:p", "boot_iso": "http://x"}
    node = ironic.add(provision_state="available", instance_info=old, deploy_interface="ramdisk")
    await provision(bench)
    assert node["instance_info"] == {"image_source": URL, "image_checksum": "abc"}
    assert node["deploy_interface"] == "direct"


async def test_a_live_iso_is_booted_not_written(bench, ironic):
    """No checksum, no config drive, the ramdisk deploy interface."""
    node = ironic.add(provision_state="available")
    await provision(bench, data(image=image(format="live-iso", checksum=None)))
    assert node["instance_info"] == {"boot_iso": URL}
    assert node["deploy_interface"] == "ramdisk"
    assert "configdrive" not in ironic.calls[-1][2]


@pytest.mark.parametrize("with_image", [True, False])
async def test_a_custom_method_replaces_ironics_own(bench, ironic, with_image):
    """The method runs as a deploy step; an image is optional then."""
    node = ironic.add(provision_state="available")
    custom = metal3api.CustomDeploy.from_dict({"method": "install_it"})
    given = data(custom_deploy=custom, image=image() if with_image else None)
    await provision(bench, given)
    assert node["deploy_interface"] == "custom-agent"
    assert ironic.calls[-1][2]["deploy_steps"] == [
        {"interface": "deploy", "step": "install_it", "args": {}, "priority": 80}
    ]
    assert ("image_source" in node["instance_info"]) is with_image


async def test_secure_boot_is_asked_for(bench, ironic):
    """Ironic switches it on for the instance only."""
    node = ironic.add(provision_state="available")
    await provision(bench, data(boot_mode="UEFISecureBoot"))
    assert node["instance_info"]["capabilities"] == {"secure_boot": "true"}


async def test_a_deployment_ironic_finds_invalid_is_not_started(bench, ironic):
    """The reasons of boot and deploy are told together."""
    ironic.add(provision_state="available")
    ironic.invalid.update(boot="no boot image", deploy="no disk")
    result = await provision(bench)
    assert result.error_message == "Ironic refuses to deploy: no boot image; no disk"
    assert ironic.targets() == []


@pytest.mark.parametrize("state", ["cleaning", "deploying", "wait call-back", "deleting"])
async def test_work_under_way_is_waited_for(bench, ironic, state):
    """Nothing is sent."""
    ironic.add(provision_state=state)
    assert await provision(bench) == Result.again(POLL)
    assert ironic.writes() == []


async def test_an_active_node_is_provisioned(bench, ironic):
    """Complete, with an event."""
    ironic.add(provision_state="active")
    assert await provision(bench) == Result.complete()
    assert bench.reasons == ["ProvisioningComplete"]


async def test_a_forced_reboot_restarts_a_deployment_that_hangs(bench, ironic):
    """Only while Ironic waits for the agent."""
    ironic.add(provision_state="wait call-back")
    assert (await provision(bench, force=True)).dirty
    assert ironic.targets() == ["deleted"]


async def test_a_failed_deployment_of_this_image_fails_the_host(bench, ironic):
    """The text has image, checksum and Ironic's reason."""
    info = {"image_source": URL, "image_checksum": "abc"}
    ironic.add(provision_state="deploy failed", instance_info=info, last_error="disk is full")
    result = await provision(bench)
    assert result.error_message == (f"deploying image {URL} (checksum abc) failed: disk is full")


async def test_the_history_is_asked_when_the_node_forgot(bench, ironic):
    """The newest error counts; notes that are no errors do not."""
    info = {"image_source": URL, "image_checksum": "abc"}
    node = ironic.add(provision_state="deploy failed", instance_info=info)
    ironic.histories[node["uuid"]] = [
        {"created_at": "2026-01-01T00:00:02", "severity": "ERROR", "event": "new reason"},
        {"created_at": "2026-01-01T00:00:01", "severity": "ERROR", "event": "old reason"},
        {"created_at": "2026-01-01T00:00:03", "severity": "INFO", "event": "whatever"},
    ]
    assert "failed: new reason" in (await provision(bench)).error_message


async def test_a_failure_without_any_reason_still_says_so(bench, ironic):
    """The user is sent to Ironic's log rather than left with nothing."""
    info = {"image_source": URL, "image_checksum": "abc"}
    ironic.add(provision_state="deploy failed", instance_info=info)
    assert "Ironic gave no reason" in (await provision(bench)).error_message


async def test_another_image_is_tried_after_a_failure(bench, ironic):
    """The failure belongs to the image before."""
    info = {"image_source": "http://images/bad", "image_checksum": "abc"}
    node = ironic.add(provision_state="deploy failed", instance_info=info, last_error="x")
    assert (await provision(bench)).dirty
    assert node["instance_info"]["image_source"] == URL
    assert ironic.targets() == ["active"]


async def test_failed_cleaning_is_left_behind(bench, ironic):
    """Maintenance ends and the node is managed again in one call."""
    node = ironic.add(provision_state="clean failed", maintenance=True, fault="clean failure")
    assert (await provision(bench)).dirty
    assert node["maintenance"] is False
    assert ironic.targets() == ["manage"]


@pytest.mark.parametrize("state", ["active", "deploy failed", "wait call-back", "service failed"])
async def test_an_image_is_taken_off(bench, ironic, state):
    """Cleaning is set as the host wants it right before."""
    node = ironic.add(provision_state=state, automated_clean=True)
    assert await deprovision(bench, mode="disabled") == Result.again(POLL)
    assert node["automated_clean"] is False
    assert ironic.targets() == ["deleted"]
    assert bench.reasons == ["DeprovisioningStarted"]


@pytest.mark.parametrize("state", ["deleting", "cleaning", "clean wait", "deploying"])
async def test_taking_off_is_waited_for(bench, ironic, state):
    """Nothing is sent."""
    ironic.add(provision_state=state)
    assert await deprovision(bench) == Result.again(POLL)
    assert ironic.writes() == []


async def test_an_available_node_is_deprovisioned(bench, ironic):
    """Complete, with an event."""
    ironic.add(provision_state="available")
    assert await deprovision(bench) == Result.complete()
    assert bench.reasons == ["DeprovisioningComplete"]


async def test_a_node_that_was_registered_anew_is_cleaned(bench, ironic):
    """Nothing runs on it as far as Ironic knows, so it goes through provide."""
    ironic.add(provision_state="manageable")
    assert (await deprovision(bench)).dirty
    assert ironic.targets() == ["provide"]


@pytest.mark.parametrize(("state", "target"), [("clean failed", "manage"), ("error", "deleted")])
async def test_a_failure_is_told_then_repeated(bench, ironic, state, target):
    """First the reason, then with a retry the way out."""
    ironic.add(provision_state=state, last_error="disk is read-only")
    assert "disk is read-only" in (await deprovision(bench)).error_message
    assert ironic.targets() == []
    assert (await deprovision(bench, retry=True)).dirty
    assert ironic.targets() == [target]


async def test_an_unverified_node_cannot_be_deprovisioned(bench, ironic):
    """Registering comes first; the call is repeated later."""
    ironic.add(provision_state="enroll")
    with pytest.raises(BackendError, match="enroll"):
        await deprovision(bench)


@pytest.mark.parametrize(
    ("state", "host_state", "retry", "target", "complete"),
    [
        ("manageable", "provisioned", False, "adopt", False),
        ("manageable", "deprovisioning", False, None, True),
        ("adopting", "provisioned", False, None, False),
        ("adopt failed", "provisioned", True, "adopt", False),
        ("active", "provisioned", False, None, True),
        ("deploying", "provisioned", False, None, True),
    ],
)
async def test_adopting(bench, ironic, state, host_state, retry, target, complete):
    """A machine that runs already is taken over as it is."""
    ironic.add(provision_state=state)
    provisioner = await bench.provisioner()
    result = await provisioner.adopt(state=host_state, restart_on_failure=retry)
    assert (result == Result.complete()) is complete
    assert ironic.targets() == ([target] if target else [])


async def test_a_failed_adoption_is_told(bench, ironic):
    """With Ironic's reason."""
    ironic.add(provision_state="adopt failed", last_error="no image")
    provisioner = await bench.provisioner()
    result = await provisioner.adopt(state="provisioned", restart_on_failure=False)
    assert result.error_message == "adopting failed: no image"


async def test_an_adopted_node_leaves_maintenance(bench, ironic):
    """Somebody set it by hand; a lost power connection is Ironic's own affair."""
    node = ironic.add(provision_state="active", maintenance=True)
    provisioner = await bench.provisioner()
    assert (await provisioner.adopt(state="provisioned", restart_on_failure=False)).dirty
    assert node["maintenance"] is False
    node.update(maintenance=True, fault="power failure")
    provisioner = await bench.provisioner()
    await provisioner.adopt(state="provisioned", restart_on_failure=False)
    assert node["maintenance"] is True


@pytest.mark.parametrize(
    ("hints", "found"),
    [
        ({"deviceName": "/dev/sda"}, {"name": "s== /dev/sda"}),
        (
            {"deviceName": "/dev/disk/by-path/pci-0"},
            {"by_path": "s== /dev/disk/by-path/pci-0"},
        ),
        ({"hctl": "0:0:0:0"}, {"hctl": "s== 0:0:0:0"}),
        ({"serialNumber": "S1"}, {"serial": "s== S1"}),
        ({"wwn": "0x1"}, {"wwn": "s== 0x1"}),
        ({"wwnWithExtension": "0x12"}, {"wwn_with_extension": "s== 0x12"}),
        ({"wwnVendorExtension": "0x2"}, {"wwn_vendor_extension": "s== 0x2"}),
        ({"model": "SSD", "vendor": "ACME"}, {"model": "<in> SSD", "vendor": "<in> ACME"}),
        ({"minSizeGigabytes": 10}, {"size": ">= 10"}),
        ({"rotational": False}, {"rotational": "false"}),
        ({"rotational": True}, {"rotational": "true"}),
    ],
)
async def test_root_device_hints(bench, ironic, hints, found):
    """Exact, contained, at least: each hint in Ironic's notation."""
    node = ironic.add(provision_state="available")
    given = metal3api.RootDeviceHints.from_dict(hints)
    await provision(bench, data(root_device_hints=given))
    assert node["instance_info"]["root_device"] == found


async def test_the_address_is_in_a_message_about_the_bmc(bench, ironic):
    """A deployment that failed at the BMC names it."""
    info = {"image_source": URL, "image_checksum": "abc"}
    ironic.add(
        provision_state="deploy failed", instance_info=info, last_error="Redfish connection failed"
    )
    message = (await provision(bench)).error_message
    assert f"the BMC at {ADDRESS} cannot be reached" in message
    assert "(Redfish connection failed)" in message


async def test_a_dead_bmc_fails_deprovisioning(bench, ironic):
    """A host being deleted would wait for ever otherwise, and the user would not know why."""
    ironic.add(
        provision_state="active",
        maintenance=True,
        fault="power failure",
        last_error="Redfish connection failed",
    )
    message = (await deprovision(bench)).error_message
    assert "cannot be reached" in message
    assert ironic.targets() == []


async def test_an_instance_of_another_node_is_told(bench, ironic):
    """Ironic knows an instance only once; repeating the request would not help."""
    ironic.add(provision_state="available")
    error = "Instance 9b2a is already associated with node x."
    ironic.refuses["PATCH", ""] = RefusedError(409, error)
    assert error in (await provision(bench)).error_message


@pytest.mark.parametrize(
    ("given", "persistent"),
    [
        pytest.param({}, "Always", id="direct"),
        pytest.param({"format": "live-iso", "checksum": None}, "Never", id="live-iso"),
        pytest.param(None, None, id="custom"),
    ],
)
async def test_what_every_kind_of_deployment_sets(bench, ironic, given, persistent):
    """A custom method sees to the boot device itself; the root device is told to all of them."""
    bench.configure(direct_force_persistent_boot="Always", live_iso_force_persistent_boot="Never")
    node = ironic.add(provision_state="available")
    hints = metal3api.RootDeviceHints(device_name="/dev/sdb")
    custom = metal3api.CustomDeploy(method="install_it") if given is None else None
    await provision(
        bench, data(image=image(**(given or {})), custom_deploy=custom, root_device_hints=hints)
    )
    assert node["instance_info"]["root_device"] == {"name": "s== /dev/sdb"}
    assert node["driver_info"].get("force_persistent_boot_device") == persistent
