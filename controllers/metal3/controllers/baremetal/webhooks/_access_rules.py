"""Rules on how a host is reached: BMC address, boot MAC address, boot mode, RAID controller."""

import re
from typing import Final

from metal3 import bmc
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.webhook import FieldError, invalid, not_supported, required

MAC: Final = re.compile(r"[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}")
MODES: Final = tuple(str(mode) for mode in metal3api.InspectionMode)


def access_errors(host: metal3api.BareMetalHost) -> list[FieldError]:
    """All that is wrong with the BMC details and what depends on the driver they choose."""
    details = host.spec.bmc
    if details is None or not details.address:
        return _mac_errors(host)
    try:
        access = bmc.parse(
            details.address,
            disable_certificate_verification=bool(details.disable_certificate_verification),
        )
    except bmc.BMCAddressError as error:
        return [invalid("spec.bmc.address", details.address, str(error)), *_mac_errors(host)]
    return [
        *_system_errors(access, details.address),
        *_mac_errors(host),
        *_needs_mac(host, access),
        *_driver_errors(host, access),
    ]


def _system_errors(access: bmc.AccessDetails, address: str) -> list[FieldError]:
    """A pasted link to a manager or chassis never works: say so now and not after minutes."""
    if access.address_key != "redfish_address":
        return []
    wrong = re.search(r"/redfish/v1/(Managers|Chassis)(/|$)", access.address.path, re.IGNORECASE)
    if not wrong:
        return []
    why = f"names one of {wrong[1]}, a System is needed, as in /redfish/v1/Systems/1"
    return [invalid("spec.bmc.address", address, why)]


def _mac_errors(host: metal3api.BareMetalHost) -> list[FieldError]:
    mac = host.spec.boot_mac_address
    if not mac or MAC.fullmatch(mac):
        return []
    return [invalid("spec.bootMACAddress", mac, "must be six pairs of hex digits joined by colons")]


def _needs_mac(host: metal3api.BareMetalHost, access: bmc.AccessDetails) -> list[FieldError]:
    if host.spec.boot_mac_address:
        return []
    if access.needs_mac:
        return [required("spec.bootMACAddress", f"driver {access.bmc_type} needs it")]
    if metal3api.inspection_is_disabled(host):
        return [required("spec.bootMACAddress", "inspection is disabled, so nothing can find it")]
    return []


def _driver_errors(host: metal3api.BareMetalHost, access: bmc.AccessDetails) -> list[FieldError]:
    errors: list[FieldError] = []
    if metal3api.has_hardware_raid(host.spec.raid) and access.raid_interface == "no-raid":
        why = f"driver {access.bmc_type} cannot configure hardware RAID"
        errors.append(invalid("spec.raid.hardwareRAIDVolumes", "[...]", why))
    secure = host.spec.boot_mode == metal3api.BootMode.UEFI_SECURE_BOOT
    if secure and not access.supports_secure_boot:
        why = f"driver {access.bmc_type} cannot switch secure boot"
        errors.append(invalid("spec.bootMode", host.spec.boot_mode, why))
    fast = host.spec.inspection_mode == metal3api.InspectionMode.FAST
    if fast and not access.inspect_interface:
        why = f"driver {access.bmc_type} cannot inspect without booting an agent"
        errors.append(invalid("spec.inspectionMode", host.spec.inspection_mode, why))
    return errors


def inspection_errors(host: metal3api.BareMetalHost) -> list[FieldError]:
    """The field and the deprecated annotation must not contradict each other."""
    mode = host.spec.inspection_mode
    if mode and mode not in MODES:
        return [not_supported("spec.inspectionMode", mode, MODES)]
    annotation = host.metadata.annotations.get(metal3api.INSPECT_ANNOTATION)
    if mode and annotation and mode != annotation:
        why = f"contradicts the annotation {metal3api.INSPECT_ANNOTATION}: {annotation}"
        return [invalid("spec.inspectionMode", mode, why)]
    return []
