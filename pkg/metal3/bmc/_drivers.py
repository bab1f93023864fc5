"""The drivers that are built in: the table of schemes as code (Ironic's interface names)."""

from typing import Any, Final

from ._access import Driver
from ._address import Address
from ._credentials import Credentials

DEFAULT_IPMI_PORT: Final = "623"
DEFAULT_PRIVILEGE: Final = "ADMINISTRATOR"
_SERVICE_ROOTS: Final = frozenset({"", "/", "/redfish/v1", "/redfish/v1/"})


def _ipmi_info(address: Address, credentials: Credentials, unverified: bool) -> dict[str, Any]:  # noqa: FBT001 - the shape of DriverInfo
    info: dict[str, Any] = {
        "ipmi_address": address.host,
        "ipmi_port": DEFAULT_IPMI_PORT if address.port is None else str(address.port),
        "ipmi_username": credentials.username,
        "ipmi_password": credentials.password,
        "ipmi_priv_level": address.query.get("privilegelevel") or DEFAULT_PRIVILEGE,
    }
    if unverified:
        info["ipmi_verify_ca"] = False
    return info


def _redfish_base(address: Address, credentials: Credentials, unverified: bool) -> dict[str, Any]:  # noqa: FBT001 - the shape of DriverInfo
    transport = address.scheme.partition("+")[2] or "https"
    info: dict[str, Any] = {
        "redfish_address": f"{transport}://{address.authority}",
        "redfish_username": credentials.username,
        "redfish_password": credentials.password,
    }
    if unverified:
        info["redfish_verify_ca"] = False
    return info


def _redfish_info(address: Address, credentials: Credentials, unverified: bool) -> dict[str, Any]:  # noqa: FBT001 - the shape of DriverInfo
    info = _redfish_base(address, credentials, unverified)
    # Without a system the driver looks for the only one the BMC has.
    if address.path not in _SERVICE_ROOTS:
        info["redfish_system_id"] = address.path
    return info


def _uefihttp_info(address: Address, credentials: Credentials, unverified: bool) -> dict[str, Any]:  # noqa: FBT001 - the shape of DriverInfo
    # Upstream sends the path here even when it is empty.
    info = _redfish_base(address, credentials, unverified)
    return info | {"redfish_system_id": address.path}


def _with_transports(*names: str) -> tuple[str, ...]:
    return tuple(f"{name}{suffix}" for name in names for suffix in ("", "+http", "+https"))


IPMI: Final = Driver(
    schemes=("ipmi",),
    driver="ipmi",
    build_driver_info=_ipmi_info,
    address_key="ipmi_address",
    raid_interface="no-raid",
)

# Virtual machines behind an IPMI emulator: they cannot tell their MAC address.
LIBVIRT: Final = Driver(
    schemes=("libvirt",),
    driver="ipmi",
    build_driver_info=_ipmi_info,
    address_key="ipmi_address",
    raid_interface="no-raid",
    needs_mac=True,
)

REDFISH: Final = Driver(
    schemes=_with_transports("redfish", "ilo5-redfish"),
    driver="redfish",
    build_driver_info=_redfish_info,
    address_key="redfish_address",
    raid_interface="redfish",
    firmware_interface="redfish",
    inspect_interface="redfish",
    supports_secure_boot=True,
)

REDFISH_VIRTUAL_MEDIA: Final = Driver(
    schemes=_with_transports("redfish-virtualmedia", "ilo5-virtualmedia"),
    driver="redfish",
    build_driver_info=_redfish_info,
    address_key="redfish_address",
    boot_interface="redfish-virtual-media",
    raid_interface="redfish",
    firmware_interface="redfish",
    inspect_interface="redfish",
    supports_secure_boot=True,
    supports_iso_preprovisioning_image=True,
    requires_provisioning_network=False,
)

REDFISH_UEFIHTTP: Final = Driver(
    schemes=_with_transports("redfish-uefihttp"),
    driver="redfish",
    build_driver_info=_uefihttp_info,
    address_key="redfish_address",
    boot_interface="redfish-https",
    raid_interface="redfish",
    firmware_interface="redfish",
    inspect_interface="redfish",
    supports_secure_boot=True,
    supports_iso_preprovisioning_image=True,
    requires_provisioning_network=False,
)

IDRAC_REDFISH: Final = Driver(
    schemes=_with_transports("idrac-redfish"),
    driver="idrac",
    build_driver_info=_redfish_info,
    address_key="redfish_address",
    management_interface="idrac-redfish",
    power_interface="idrac-redfish",
    raid_interface="idrac-redfish",
    bios_interface="idrac-redfish",
    firmware_interface="redfish",
    vendor_interface="idrac-redfish",
    inspect_interface="redfish",
    supports_secure_boot=True,
)

IDRAC_VIRTUAL_MEDIA: Final = Driver(
    schemes=_with_transports("idrac-virtualmedia"),
    driver="idrac",
    build_driver_info=_redfish_info,
    address_key="redfish_address",
    boot_interface="idrac-redfish-virtual-media",
    management_interface="idrac-redfish",
    power_interface="idrac-redfish",
    raid_interface="idrac-redfish",
    bios_interface="idrac-redfish",
    firmware_interface="redfish",
    vendor_interface="idrac-redfish",
    inspect_interface="redfish",
    supports_secure_boot=True,
    supports_iso_preprovisioning_image=True,
    requires_provisioning_network=False,
)

BUILT_IN: Final = (
    IPMI,
    LIBVIRT,
    REDFISH,
    REDFISH_VIRTUAL_MEDIA,
    REDFISH_UEFIHTTP,
    IDRAC_REDFISH,
    IDRAC_VIRTUAL_MEDIA,
)
