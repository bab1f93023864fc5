"""Hardware profiles (deprecated, but their default still chooses a disk) and root device hints."""

from types import MappingProxyType
from typing import Final

from metal3.api.metal3_io import v1alpha1 as metal3api

DEFAULT_PROFILE: Final = "unknown"
PROFILES: Final = MappingProxyType(
    {
        DEFAULT_PROFILE: metal3api.RootDeviceHints(device_name="/dev/sda"),
        "libvirt": metal3api.RootDeviceHints(device_name="/dev/vda"),
        "dell": metal3api.RootDeviceHints(hctl="0:0:0:0"),
        "dell-raid": metal3api.RootDeviceHints(hctl="0:2:0:0"),
        "openstack": metal3api.RootDeviceHints(device_name="/dev/vdb"),
        "empty": metal3api.RootDeviceHints(),
    }
)


class UnknownProfileError(ValueError):
    """There is no hardware profile of this name."""


def choose_profile(host: metal3api.BareMetalHost) -> str:
    """The profile the host has, or gets; raises UnknownProfileError."""
    address = host.spec.bmc.address if host.spec.bmc else ""
    default = "libvirt" if address.startswith("libvirt") else DEFAULT_PROFILE
    name = host.status.hardware_profile or host.spec.hardware_profile or default
    if name not in PROFILES:
        known = ", ".join(sorted(PROFILES))
        raise UnknownProfileError(f"unknown hardware profile {name!r}: it may be one of {known}")
    return name


def root_device_hints(host: metal3api.BareMetalHost) -> metal3api.RootDeviceHints | None:
    """Which disk to write to; None when a software RAID volume is the root device."""
    if metal3api.root_volume(host.spec.raid) is not None:
        return None
    if host.spec.root_device_hints is not None:
        return host.spec.root_device_hints.deep_copy()
    profile = PROFILES[host.status.hardware_profile or DEFAULT_PROFILE]
    return profile.deep_copy() if metal3api.has_hints(profile) else None
