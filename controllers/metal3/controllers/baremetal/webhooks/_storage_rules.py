"""Rules on RAID volumes, root device hints and images."""

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.webhook import FieldError, forbidden, invalid, required

URL_SCHEMES: Final = ("http", "https", "ftp", "gopher", "oci")
BY_PATH: Final = "/dev/disk/by-path/"
_DEVICE: Final = re.compile(r"/dev/[^/]+|/dev/disk/by-path/[^/]+")


def raid_errors(host: metal3api.BareMetalHost) -> list[FieldError]:
    """Volumes of one kind only, each with consistent disks, at most one of them for the root."""
    raid = host.spec.raid
    if raid is None:
        return []
    errors: list[FieldError] = []
    if raid.hardware_raid_volumes and raid.software_raid_volumes:
        why = "hardware and software volumes cannot be made on one host"
        errors.append(forbidden("spec.raid.softwareRAIDVolumes", why))
    for index, volume in enumerate(raid.hardware_raid_volumes or ()):
        errors += _hardware_errors(f"spec.raid.hardwareRAIDVolumes[{index}]", volume)
    return errors + _root_volume_errors(host, raid.software_raid_volumes or ())


def _hardware_errors(path: str, volume: metal3api.HardwareRAIDVolume) -> list[FieldError]:
    disks = volume.physical_disks
    if not disks:
        return []
    errors: list[FieldError] = []
    if not volume.controller:
        errors.append(required(f"{path}.controller", "physicalDisks are named on a controller"))
    count = volume.number_of_physical_disks
    if count is not None and count != len(disks):
        why = f"physicalDisks names {len(disks)}"
        errors.append(invalid(f"{path}.numberOfPhysicalDisks", count, why))
    return errors


def _root_volume_errors(
    host: metal3api.BareMetalHost, volumes: Sequence[metal3api.SoftwareRAIDVolume]
) -> list[FieldError]:
    path = "spec.raid.softwareRAIDVolumes"
    roots = [(index, volume) for index, volume in enumerate(volumes) if volume.root_volume]
    errors = [
        forbidden(f"{path}[{index}].rootVolume", "another volume is the root volume already")
        for index, _ in roots[1:]
    ]
    errors += [
        invalid(f"{path}[{index}].level", volume.level, "the root volume must be RAID level 1")
        for index, volume in roots
        if volume.level != metal3api.SoftwareRAIDLevel.VALUE_1
    ]
    if roots and metal3api.has_hints(host.spec.root_device_hints):
        why = "a volume is marked as rootVolume, so there is nothing to search for"
        errors.append(forbidden("spec.rootDeviceHints", why))
    return errors


def hint_errors(host: metal3api.BareMetalHost) -> list[FieldError]:
    """A device is named directly, or by its path on the bus; other links are not stable."""
    hints = host.spec.root_device_hints
    name = hints.device_name if hints is not None else None
    if not name or _DEVICE.fullmatch(name):
        return []
    why = f"must be directly in /dev or in {BY_PATH}"
    return [invalid("spec.rootDeviceHints.deviceName", name, why)]


def image_errors(image: metal3api.Image | None, path: str = "spec.image") -> list[FieldError]:
    """A URL that can be fetched, with a checksum where one is needed."""
    if image is None:
        return []
    errors = url_errors(image.url, f"{path}.url")
    try:
        metal3api.image_checksum(image)
    except ValueError as error:
        errors.append(invalid(f"{path}.checksum", image.checksum or "", str(error)))
    return errors


def url_errors(url: str, path: str) -> list[FieldError]:
    """An absolute URL of a scheme that the machinery can read."""
    try:
        parts = urlsplit(url)
    except ValueError as error:
        return [invalid(path, url, f"is no URL: {error}")]
    if not parts.scheme or not (parts.netloc or parts.path.startswith("/")):
        return [invalid(path, url, "must be an absolute URL, as in https://host/path")]
    if parts.scheme.lower() not in URL_SCHEMES:
        why = f"scheme {parts.scheme!r} is not one of {', '.join(URL_SCHEMES)}"
        return [invalid(path, url, why)]
    return []
