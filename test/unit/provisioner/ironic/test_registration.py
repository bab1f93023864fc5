"""Registering a host, against an Ironic that is made up."""

import asyncio
import socket
from datetime import timedelta

import pytest

from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.provisioner import (
    Credentials,
    NeedsPreprovisioningImageError,
    PreprovisioningImage,
    Result,
)
from metal3.provisioner.ironic._errors import TimedOutError

from .conftest import MAC, POLL
from .fake_ironic import RefusedError

pytestmark = pytest.mark.looptime


async def register(bench, data, *, changed=False, retry=False, **host):
    """One call of the step."""
    provisioner = await bench.provisioner(**host)
    return await provisioner.register(data, credentials_changed=changed, restart_on_failure=retry)


async def test_a_new_host_gets_a_complete_node(bench, ironic, access):
    """One call makes node and port and asks Ironic to verify the BMC."""
    result, identity = await register(bench, access())
    node = ironic.nodes[identity]
    assert result == Result.again(POLL)
    assert node["name"] == "metal3~host-0"
    assert node["provision_state"] == "verifying"
    assert node["driver_info"] == {
        "redfish_address": "http://192.0.2.1",
        "redfish_username": "admin",
        "redfish_password": "s3cret-pass",
        "redfish_system_id": "/redfish/v1/Systems/1",
        "deploy_iso": "http://images/ipa.iso",
    }
    assert node["properties"] == {"capabilities": "boot_mode:uefi", "cpu_arch": "x86_64"}
    assert node["automated_clean"] is True
    assert node["inspect_interface"] == "agent"
    assert [(p["address"], p["pxe_enabled"]) for p in ironic.ports.values()] == [(MAC, True)]
    assert bench.reasons == ["Registered"]


async def test_registering_again_changes_nothing(bench, ironic, access):
    """After the BMC was verified further calls only look."""
    _, identity = await register(bench, access())
    ironic.set(ironic.nodes[identity], provision_state="manageable")
    ironic.calls.clear()
    assert await register(bench, access()) == (Result.complete(), identity)
    assert ironic.writes() == []


async def test_a_refused_login_is_said_in_a_sentence(bench, ironic, access):
    """The user reads which BMC refused what; the password is nowhere."""
    error = "Failed to get power state for node: HTTP GET returned code 401. s3cret-pass"
    ironic.add(provision_state="enroll", last_error=error, driver_info=_connection())
    result, _ = await register(bench, access())
    assert result.error_message.startswith(
        "registering failed: the BMC at redfish-virtualmedia+http://192.0.2.1/redfish/v1/Systems/1 "
        "refused the credentials"
    )
    assert "s3cret-pass" not in result.error_message


def _connection(**changes):
    return {
        "redfish_address": "http://192.0.2.1",
        "redfish_username": "admin",
        "redfish_password": "old",
        "redfish_system_id": "/redfish/v1/Systems/1",
        "deploy_iso": "http://images/ipa.iso",
    } | changes


@pytest.mark.parametrize("why", ["changed", "retry"])
async def test_a_failed_verification_is_repeated_when_told(bench, ironic, access, why):
    """New credentials, or a retry, ask Ironic again although the old error still shows."""
    node = ironic.add(provision_state="enroll", last_error="401", driver_info=_connection())
    result, _ = await register(bench, access(), **{why: True})
    assert result.dirty
    assert ironic.targets() == ["manage"]
    assert node["driver_info"]["redfish_password"] == ("s3cret-pass" if why == "changed" else "old")


async def test_a_corrected_address_is_tried_at_once(bench, ironic, access):
    """A changed address is written together with the password, and verified again."""
    info = _connection(redfish_address="http://192.0.2.99")
    node = ironic.add(provision_state="enroll", last_error="timed out", driver_info=info)
    result, _ = await register(bench, access())
    assert result.dirty
    assert node["driver_info"]["redfish_address"] == "http://192.0.2.1"
    assert node["driver_info"]["redfish_password"] == "s3cret-pass"
    assert ironic.targets() == ["manage"]


async def test_another_kind_of_bmc_before_the_first_success(bench, ironic, access):
    """A host registered with the wrong scheme gets the right driver without being deleted."""
    node = ironic.add(provision_state="enroll", last_error="x", driver_info=_connection())
    await register(bench, access(), bmc_address="ipmi://192.0.2.7")
    assert node["driver"] == "ipmi"
    assert node["boot_interface"] == "ipxe"
    assert node["driver_info"]["ipmi_address"] == "192.0.2.7"


async def test_verification_stops_when_the_bmc_is_no_longer_unverified(bench, ironic, access):
    """A certificate check that was off is on again: the entry goes."""
    node = ironic.add(driver_info=_connection(redfish_verify_ca=False))
    await register(bench, access())
    assert "redfish_verify_ca" not in node["driver_info"]


@pytest.mark.parametrize(
    ("changes", "host", "words"),
    [
        ({}, {"bmc_address": "foo://192.0.2.1"}, "unknown BMC type 'foo'"),
        ({"inspection_mode": "fast"}, {"bmc_address": "ipmi://192.0.2.1"}, "cannot inspect"),
        ({"boot_mode": "UEFISecureBoot"}, {"bmc_address": "ipmi://192.0.2.1"}, "secure boot"),
        ({}, {"bmc_address": "libvirt://192.0.2.1", "boot_mac_address": ""}, "bootMACAddress"),
        ({"inspection_mode": "disabled"}, {"boot_mac_address": ""}, "inspection is disabled"),
        ({"preprovisioning_network_data": "a: [\n"}, {}, "network data is neither JSON nor YAML"),
    ],
)
async def test_what_cannot_work_is_refused_before_ironic_is_asked(
    bench, ironic, access, changes, host, words
):
    """The message names the field; no node is made."""
    result, identity = await register(bench, access(**changes), **host)
    assert words in result.error_message
    assert identity == ""
    assert ironic.nodes == {}


async def test_network_boot_needs_the_provisioning_network(bench, ironic, access):
    """With the network disabled only addresses that do without it are taken."""
    bench.configure(provisioning_network_disabled=True)
    result, _ = await register(bench, access(), bmc_address="ipmi://192.0.2.1")
    assert "PROVISIONING_NETWORK_DISABLED" in result.error_message
    result, _ = await register(bench, access())
    assert not result.error_message


async def test_disable_power_off_needs_a_new_ironic(bench, ironic, access):
    """An Ironic that cannot keep a host on says so; a newer one gets the field."""
    ironic.minor = 94
    result, _ = await register(bench, access(disable_power_off=True))
    assert "disablePowerOff" in result.error_message
    ironic.minor = 95
    bench.configure()
    _, identity = await register(bench, access(disable_power_off=True))
    assert ironic.nodes[identity]["disable_power_off"] is True


async def test_the_node_is_found_by_id_whatever_its_name(bench, ironic, access):
    """The stored ID comes first, and the name is put right."""
    node = ironic.add("something-else", driver_info=_connection())
    _, identity = await register(bench, access(), provisioner_id=node["uuid"])
    assert identity == node["uuid"]
    assert node["name"] == "metal3~host-0"


async def test_a_node_under_the_old_bare_name_is_taken_over(bench, ironic, access):
    """Older versions named nodes without the namespace."""
    node = ironic.add("host-0")
    _, identity = await register(bench, access())
    assert identity == node["uuid"]
    assert node["name"] == "metal3~host-0"


async def test_an_unnamed_node_with_the_boot_mac_is_taken_over(bench, ironic, access):
    """Ironic may have discovered the machine by itself."""
    node = ironic.add("nobody")
    node["name"] = None
    ironic.add_port(MAC, node["uuid"])
    _, identity = await register(bench, access())
    assert identity == node["uuid"]
    assert node["name"] == "metal3~host-0"


async def test_a_mac_of_another_host_is_an_error(bench, ironic, access):
    """Two hosts with one boot MAC address would boot each other's image."""
    other = ironic.add("metal3~other")
    ironic.add_port(MAC, other["uuid"])
    result, _ = await register(bench, access())
    assert MAC in result.error_message
    assert "metal3~other" in result.error_message
    assert len(ironic.nodes) == 1


async def test_ports_for_all_known_nics(bench, ironic, access):
    """Every NIC that was seen gets a port; only those that booted may boot."""
    node = ironic.add(driver_info=_connection())
    hardware = metal3api.HardwareDetails.from_dict(
        {"nics": [{"mac": "52:54:00:00:00:0A", "pxe": True}, {"mac": "52:54:00:00:00:0b"}]}
    )
    await register(bench, access(hardware=hardware))
    ports = {p["address"]: p["pxe_enabled"] for p in ironic.ports.values()}
    assert ports == {MAC: True, "52:54:00:00:00:0a": True, "52:54:00:00:00:0b": False}
    assert {p["node_uuid"] for p in ironic.ports.values()} == {node["uuid"]}


async def test_a_nic_of_another_node_is_an_error(bench, ironic, access):
    """The port cannot be made, and the message says whose it is."""
    ironic.add(driver_info=_connection())
    other = ironic.add("metal3~other")
    ironic.add_port("52:54:00:00:00:0a", other["uuid"])
    hardware = metal3api.HardwareDetails.from_dict({"nics": [{"mac": "52:54:00:00:00:0a"}]})
    result, _ = await register(bench, access(hardware=hardware))
    assert other["uuid"] in result.error_message


async def test_a_node_made_by_a_call_that_was_cut_off_is_found(bench, ironic, access):
    """A refused duplicate name leads to the node instead of an error."""
    ironic.add(provision_state="enroll", driver_info=_connection())
    real, ironic.calls = ironic._find, []
    misses = iter([True])

    def find(ident):
        if "~" in ident and next(misses, False):
            raise RefusedError(404, "not yet visible")
        return real(ident)

    ironic._find = find
    result, identity = await register(bench, access(), provisioner_id="")
    assert result.dirty
    assert identity in ironic.nodes


@pytest.mark.parametrize(
    ("boot_mode", "before", "after"),
    [
        ("UEFI", "", "boot_mode:uefi"),
        ("UEFISecureBoot", "profile:x", "profile:x,boot_mode:uefi,secure_boot:true"),
        ("legacy", "boot_mode:uefi,secure_boot:true,cpu_vt:true", "cpu_vt:true,boot_mode:bios"),
    ],
)
async def test_capabilities_keep_what_others_wrote(bench, ironic, access, boot_mode, before, after):
    """Only how the machine boots is ours."""
    node = ironic.add(driver_info=_connection(), properties={"capabilities": before})
    await register(bench, access(boot_mode=boot_mode))
    assert node["properties"]["capabilities"] == after


async def test_cleaning_mode_and_network_data_follow_the_host(bench, ironic, access):
    """Both are written when they differ, and only then."""
    node = ironic.add(driver_info=_connection(), automated_clean=True)
    data = access(automated_cleaning_mode="disabled", preprovisioning_network_data="links: []")
    await register(bench, data)
    assert node["automated_clean"] is False
    assert node["network_data"] == {"links": []}


@pytest.mark.parametrize(
    "state", ["cleaning", "clean wait", "deploying", "wait call-back", "inspecting", "deleting"]
)
async def test_a_node_at_work_is_left_alone(bench, ironic, access, state):
    """It counts as registered; its settings are looked at when it is done."""
    ironic.add(provision_state=state, driver_info=_connection())
    result, _ = await register(bench, access(boot_mode="legacy"))
    assert result == Result.complete()
    assert ironic.writes() == []


async def test_credentials_wait_for_a_locked_node(bench, ironic, access):
    """New credentials are not forgotten because a conductor holds the node just now."""
    ironic.add(provision_state="cleaning", driver_info=_connection())
    result, _ = await register(bench, access(), changed=True)
    assert result == Result.again(timedelta(seconds=3))


async def test_verifying_is_waited_for(bench, ironic, access):
    """Nothing is asked while Ironic talks to the BMC."""
    ironic.add(provision_state="verifying", driver_info=_connection())
    result, _ = await register(bench, access())
    assert result == Result.again(POLL)
    assert ironic.writes() == []


async def test_what_ironic_refuses_is_passed_on(bench, ironic, access):
    """A driver that is not enabled is the user's to mend, not a thing to repeat for ever."""
    ironic.refuses["POST", "nodes"] = RefusedError(
        400, "No valid hardware type redfish s3cret-pass"
    )
    result, _ = await register(bench, access())
    assert "No valid hardware type" in result.error_message
    assert "s3cret-pass" not in result.error_message


@pytest.mark.parametrize(
    ("state", "changes", "needed"),
    [
        ("registering", {}, False),
        ("inspecting", {}, True),
        ("inspecting", {"inspection_mode": "fast"}, False),
        ("preparing", {}, True),
        ("provisioning", {}, True),
        ("provisioned", {}, False),
        ("provisioned", {"operational_status": "servicing"}, True),
        ("deprovisioning", {}, True),
        ("deprovisioning", {"automated_cleaning_mode": "disabled"}, False),
    ],
)
async def test_built_images_are_asked_for_when_the_agent_boots(
    bench, ironic, access, state, changes, needed
):
    """Only states that boot the agent wait for the host's own image."""
    bench.configure(build_preprovisioning_images=True)
    ironic.add(driver_info=_connection())
    call = register(bench, access(state=state, **changes))
    if needed:
        with pytest.raises(NeedsPreprovisioningImageError):
            await call
    else:
        assert (await call)[0] == Result.complete()


@pytest.mark.parametrize(
    ("image", "info"),
    [
        (
            PreprovisioningImage(image_url="http://i/h.iso", format="iso"),
            {"deploy_iso": "http://i/h.iso"},
        ),
        (
            PreprovisioningImage(
                image_url="http://i/h.initrd", format="initrd", extra_kernel_params="console=ttyS0"
            ),
            {
                "deploy_kernel": "http://images/ipa.kernel",
                "deploy_ramdisk": "http://i/h.initrd",
                "kernel_append_params": "%default% console=ttyS0",
            },
        ),
        (
            PreprovisioningImage(
                image_url="http://i/h.initrd", format="initrd", kernel_url="http://i/k"
            ),
            {
                "deploy_kernel": "http://i/k",
                "deploy_ramdisk": "http://i/h.initrd",
                "kernel_append_params": "%default%",
            },
        ),
    ],
)
async def test_a_built_image_boots_the_agent(bench, ironic, access, image, info):
    """The entries of the other format are taken away."""
    bench.configure(build_preprovisioning_images=True)
    node = ironic.add(driver_info=_connection())
    await register(bench, access(state="inspecting", preprovisioning_image=image))
    entries = {k: v for k, v in node["driver_info"].items() if not k.startswith("redfish")}
    assert entries == info


async def test_a_network_booted_host_gets_kernel_and_ramdisk(bench, ironic, access):
    """IPMI cannot boot an ISO."""
    _, identity = await register(bench, access(), bmc_address="ipmi://192.0.2.1")
    info = ironic.nodes[identity]["driver_info"]
    assert info["deploy_kernel"] == "http://images/ipa.kernel"
    assert info["deploy_ramdisk"] == "http://images/ipa.initramfs"
    assert "deploy_iso" not in info


@pytest.mark.parametrize(
    ("host", "found", "served"),
    [
        ("[2001:db8::2]", None, True),
        ("192.0.2.2", None, False),
        ("bmc.example", ["2001:db8::2"], True),
        ("bmc.example", ["2001:db8::2", "192.0.2.2"], False),
        ("bmc.example", [], False),
    ],
)
async def test_an_ipv6_bmc_is_served_over_ipv6(
    bench, ironic, access, monkeypatch, host, found, served
):
    """Ironic's files are offered where the BMC can reach them; a name counts by what it means."""

    async def getaddrinfo(name, port):
        if not found:
            raise OSError("unknown name")
        return [(socket.AF_INET6 if ":" in a else socket.AF_INET, None, 0, "", (a,)) for a in found]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
    url = "http://[2001:db8::1]:6180"
    bench.configure(external_url_v6=url)
    address = f"redfish-virtualmedia://{host}/redfish/v1/Systems/1"
    _, identity = await register(bench, access(), bmc_address=address)
    info = ironic.nodes[identity]["driver_info"]
    assert info.get("external_http_url") == (url if served else None)


async def test_a_running_host_is_registered_anew_with_its_image(bench, ironic, access):
    """After Ironic lost its database, adopting needs to know what runs."""
    image = metal3api.Image.from_dict({"url": "http://i/x.qcow2", "checksum": "abc"})
    _, identity = await register(bench, access(state="provisioned", current_image=image))
    await register(bench, access(state="provisioned", current_image=image))
    ironic.set(ironic.nodes[identity], provision_state="manageable")
    await register(bench, access(state="provisioned", current_image=image))
    assert ironic.nodes[identity]["instance_info"] == {
        "image_source": "http://i/x.qcow2",
        "image_checksum": "abc",
    }


async def test_no_credentials_in_what_can_be_printed(bench, access):
    """Neither the host data nor the session give the password away."""
    host = bench.host(credentials=Credentials("admin", "s3cret-pass"))
    assert "s3cret-pass" not in repr(host)


async def test_new_credentials_are_kept_until_they_could_be_written(bench, ironic, access):
    """They are new for one call only; a lock in that call must not lose them."""
    node = ironic.add(reservation="conductor-1", driver_info=_connection())
    assert (await register(bench, access(), changed=True))[0].dirty
    node["reservation"] = None
    assert (await register(bench, access()))[0] == Result.complete()
    assert node["driver_info"]["redfish_password"] == "s3cret-pass"


async def test_a_verification_that_was_put_off_is_still_due(bench, ironic, access):
    """The old error is not told again after the credentials changed."""
    node = ironic.add(provision_state="enroll", last_error="401", driver_info=_connection())
    ironic.refuses["PUT", "states/provision"] = RefusedError(409, "Node is locked by host c")
    assert (await register(bench, access(), changed=True))[0].dirty
    ironic.refuses.clear()
    assert (await register(bench, access()))[0] == Result.again(POLL)
    assert node["provision_state"] == "verifying"


@pytest.mark.parametrize("state", ["manageable", "available", "active", "clean failed"])
async def test_a_new_login_is_tried_on_a_node_at_rest(bench, ironic, access, state):
    """Ironic would find out at the next change of power; the BMC is asked now, and again later."""
    ironic.add(provision_state=state, driver_info=_connection())
    ironic.password = "another"
    result, _ = await register(bench, access(), changed=True)
    assert "refused the credentials" in result.error_message
    assert "Secret 'host-0-bmc'" in result.error_message
    assert "s3cret-pass" not in result.error_message
    assert (await register(bench, access()))[0].error_message, "it is not believed to be right"
    ironic.password = "s3cret-pass"
    assert (await register(bench, access(), retry=True))[0] == Result.complete()
    ironic.calls.clear()
    assert (await register(bench, access()))[0] == Result.complete()
    assert not [path for _, path, _ in ironic.calls if "boot_device" in path], "asked once"


async def test_a_login_that_came_while_the_node_was_busy_is_tried_after_it(bench, ironic, access):
    """A step under way is not disturbed."""
    node = ironic.add(provision_state="wait call-back", driver_info=_connection())
    ironic.password = "another"
    assert (await register(bench, access(), changed=True))[0] == Result.complete()
    ironic.set(node, provision_state="active")
    assert "refused" in (await register(bench, access()))[0].error_message


async def test_a_login_is_tried_again_when_the_node_was_locked(bench, ironic, access):
    """A conductor that looks at the power just now says nothing about the login."""
    ironic.add(provision_state="active", driver_info=_connection())
    ironic.refuses["GET", "management/boot_device"] = RefusedError(409, "Node is locked by host c")
    assert (await register(bench, access(), changed=True))[0] == Result.again(timedelta(seconds=3))
    ironic.refuses.clear()
    ironic.password = "another"
    assert "refused" in (await register(bench, access()))[0].error_message


async def test_a_driver_that_cannot_try_a_login_is_believed(bench, ironic, access):
    """Its next change of power will tell."""
    ironic.add(provision_state="active", driver_info=_connection())
    refusal = RefusedError(400, "Driver does not support management")
    ironic.refuses["GET", "management/boot_device"] = refusal
    assert (await register(bench, access(), changed=True))[0] == Result.complete()


async def test_a_bmc_that_is_silent_is_told_from_an_ironic_that_is(bench, ironic, access):
    """Ironic waits for the BMC longer than we wait for Ironic."""
    ironic.add(provision_state="active", driver_info=_connection())
    send = ironic.send

    async def silent(method, path, **request):
        if path.endswith("boot_device"):
            raise TimedOutError("Ironic gave no answer within 30 s")
        return await send(method, path, **request)

    ironic.send = silent
    result, _ = await register(bench, access(), changed=True)
    assert "cannot be reached" in result.error_message
    assert "check its address" in result.error_message
