"""BMC addresses as users write them, and what each scheme stands for."""

import contextlib
from importlib.metadata import EntryPoint
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metal3 import bmc
from metal3.bmc import Credentials, _registry

ROOT = Credentials("root", "calvin")
FAMILIES = {
    "redfish": ("redfish", "ipxe", "", "redfish", False, True),
    "ilo5-redfish": ("redfish", "ipxe", "", "redfish", False, True),
    "idrac-redfish": ("idrac", "ipxe", "idrac-redfish", "idrac-redfish", False, True),
    "redfish-virtualmedia": ("redfish", "redfish-virtual-media", "", "redfish", True, False),
    "ilo5-virtualmedia": ("redfish", "redfish-virtual-media", "", "redfish", True, False),
    "idrac-virtualmedia": (
        "idrac",
        "idrac-redfish-virtual-media",
        "idrac-redfish",
        "idrac-redfish",
        True,
        False,
    ),
    "redfish-uefihttp": ("redfish", "redfish-https", "", "redfish", True, False),
}
REDFISH_SCHEMES = [f"{name}{suffix}" for name in FAMILIES for suffix in ("", "+http", "+https")]


def test_exactly_the_documented_schemes_are_known():
    """Users of the Go operator find each of their 23 schemes, and no forgotten one."""
    assert set(bmc.known_schemes()) == {"ipmi", "libvirt", *REDFISH_SCHEMES}
    assert len(bmc.known_schemes()) == 23


@pytest.mark.parametrize("scheme", REDFISH_SCHEMES)
def test_redfish_family(scheme):
    """Driver, interfaces and abilities of each Redfish-like scheme follow the table."""
    name, _, transport = scheme.partition("+")
    access = bmc.parse(f"{scheme}://192.168.122.1:8000/redfish/v1/Systems/1")
    driver, boot, vendor, raid, iso, network = FAMILIES[name]
    assert access.driver == driver
    assert access.boot_interface == boot
    assert access.vendor_interface == access.management_interface == access.power_interface
    assert access.vendor_interface == access.bios_interface == vendor
    assert access.raid_interface == raid
    assert (access.firmware_interface, access.inspect_interface) == ("redfish", "redfish")
    assert access.supports_iso_preprovisioning_image is iso
    assert access.requires_provisioning_network is network
    assert access.supports_secure_boot
    assert not access.needs_mac
    assert access.driver_info(ROOT) == {
        "redfish_address": f"{transport or 'https'}://192.168.122.1:8000",
        "redfish_username": "root",
        "redfish_password": "calvin",
        "redfish_system_id": "/redfish/v1/Systems/1",
    }


@pytest.mark.parametrize(
    ("address", "scheme", "info"),
    [
        pytest.param("192.168.122.1", "ipmi", {}, id="bare-ip"),
        pytest.param("192.168.122.1:6233", "ipmi", {"ipmi_port": "6233"}, id="ip-port"),
        pytest.param("bmc.example.org", "ipmi", {"ipmi_address": "bmc.example.org"}, id="name"),
        pytest.param(
            "bmc:6233", "ipmi", {"ipmi_address": "bmc", "ipmi_port": "6233"}, id="name-port"
        ),
        pytest.param("ipmi:192.168.122.1", "ipmi", {}, id="opaque"),
        pytest.param("ipmi:192.168.122.1:6233", "ipmi", {"ipmi_port": "6233"}, id="opaque-port"),
        pytest.param("ipmi://192.168.122.1:6233", "ipmi", {"ipmi_port": "6233"}, id="full"),
        pytest.param("libvirt://192.168.122.1", "libvirt", {}, id="libvirt"),
        pytest.param("IPMI://192.168.122.1", "ipmi", {}, id="upper-case"),
        pytest.param(
            "ipmi://192.168.122.1?privilegelevel=OPERATOR",
            "ipmi",
            {"ipmi_priv_level": "OPERATOR"},
            id="privilege",
        ),
        pytest.param("ipmi://[fe80::1]", "ipmi", {"ipmi_address": "fe80::1"}, id="ipv6"),
        pytest.param("fe80::1", "ipmi", {"ipmi_address": "fe80::1"}, id="bare-ipv6"),
        pytest.param(
            "[fe80::1]:6233", "ipmi", {"ipmi_address": "fe80::1", "ipmi_port": "6233"}, id="v6-port"
        ),
    ],
)
def test_ipmi_is_the_default(address, scheme, info):
    """Short forms mean IPMI on port 623 as administrator."""
    access = bmc.parse(address)
    assert access.bmc_type == scheme
    assert access.driver == "ipmi"
    assert access.raid_interface == "no-raid"
    assert not access.inspect_interface
    assert not access.supports_secure_boot
    assert access.needs_mac is (scheme == "libvirt")
    expected: dict[str, Any] = {
        "ipmi_address": "192.168.122.1",
        "ipmi_port": "623",
        "ipmi_username": "root",
        "ipmi_password": "calvin",
        "ipmi_priv_level": "ADMINISTRATOR",
    }
    assert access.driver_info(ROOT) == expected | info


@pytest.mark.parametrize("path", ["", "/", "/redfish/v1", "/redfish/v1/"])
def test_a_service_root_is_no_system(path):
    """Without a system in the path the driver is left to find the only one."""
    info = bmc.parse(f"redfish://bmc{path}").driver_info(ROOT)
    assert "redfish_system_id" not in info
    assert info["redfish_address"] == "https://bmc"


def test_uefihttp_always_sends_its_path():
    """The UEFI HTTP scheme passes the system even when it is empty, as upstream does."""
    info = bmc.parse("redfish-uefihttp://bmc").driver_info(ROOT)
    assert info["redfish_system_id"] == ""


@pytest.mark.parametrize(
    ("address", "key"), [("ipmi://b", "ipmi_verify_ca"), ("redfish://b", "redfish_verify_ca")]
)
def test_verification_is_only_mentioned_when_off(address, key):
    """The driver's default stays in force unless the user switched verification off."""
    assert key not in bmc.parse(address).driver_info(ROOT)
    unverified = bmc.parse(address, disable_certificate_verification=True)
    assert unverified.driver_info(ROOT)[key] is False


def test_ipv6_keeps_its_brackets_in_a_url():
    """A Redfish address is a URL again."""
    info = bmc.parse("redfish://[fe80::1]:8443/redfish/v1/Systems/1").driver_info(ROOT)
    assert info["redfish_address"] == "https://[fe80::1]:8443"


@pytest.mark.parametrize("address", ["foo://bar", "irmc://192.168.1.1", "foo:bar", "http://b/x"])
def test_an_unknown_scheme_is_named(address):
    """The message names the scheme and the address."""
    with pytest.raises(bmc.UnknownBMCTypeError) as caught:
        bmc.parse(address)
    assert address.partition(":")[0] in str(caught.value)
    assert address in str(caught.value)


@pytest.mark.parametrize(
    "address",
    [
        "ipmi://[fe80::1",
        "redfish://bmc:notaport/x",
        "redfish://bmc:99999/x",
        "redfish://my-bmc!.example/x",
        "redfish://a b/x",
        "ipmi://-x-",
        "redfish://[not-an-ip]/",
    ],
)
def test_a_broken_address_is_refused(address):
    """What cannot be reached by any driver is refused with the reason."""
    with pytest.raises(bmc.InvalidBMCAddressError) as caught:
        bmc.parse(address)
    assert address in str(caught.value)


def test_an_empty_host_may_be_filled_in_later():
    """A scheme alone parses, as the reference does."""
    assert bmc.parse("redfish://").address.host == ""


def test_credentials_never_show():
    """Neither login nor driver data appear in a representation."""
    assert "calvin" not in repr(ROOT)
    assert "root" not in repr(ROOT)


def test_plugins_add_schemes():
    """A driver of another distribution is found by its scheme; built-in ones stay."""
    mine = bmc.Driver(
        schemes=("acme",),
        driver="acme",
        address_key="acme_address",
        build_driver_info=lambda address, _credentials, _unverified: {"acme_address": address.host},
    )
    registry = bmc.Registry()
    registry.register(mine)
    assert registry.parse("acme://b").driver_info(ROOT) == {"acme_address": "b"}
    assert "redfish" in registry.schemes


@pytest.mark.parametrize(
    ("point", "words"),
    [
        ("metal3_nowhere:drivers", "metal3_nowhere"),
        ("json:no_such_function", "no_such_function"),
        ("json:loads", "TypeError"),
        ("builtins:int", "TypeError"),
        ("platform:uname", "metal3.bmc.Driver"),
    ],
)
def test_a_broken_plugin_is_named(point, words):
    """Whatever is wrong with it."""
    with pytest.raises(bmc.BrokenPluginError) as caught:
        _registry.plugin_drivers(EntryPoint("acme", point, bmc.ENTRY_POINT_GROUP))
    assert point in str(caught.value)
    assert words in str(caught.value)


@given(st.text(max_size=60) | st.from_regex(r"[a-z+]{0,12}:?/{0,3}[\[\]:a-f0-9.%@?#/ -]{0,40}"))
def test_junk_never_crashes(text):
    """Any text either parses or is refused with one of the two errors."""
    with contextlib.suppress(bmc.BMCAddressError):
        assert bmc.parse(text).driver_info(ROOT)
