"""Questions about images, RAID volumes and root device hints."""

from urllib.parse import urlsplit

from .baremetalhost_types import (
    ChecksumType,
    Image,
    ImageFormat,
    RAIDConfig,
    RootDeviceHints,
    SoftwareRAIDVolume,
)


def is_live_iso(image: Image) -> bool:
    """Whether the image is booted and never written."""
    return image.format == ImageFormat.LIVE_ISO


def is_oci(image: Image) -> bool:
    """Whether the image comes from a container registry."""
    return urlsplit(image.url).scheme.lower() == "oci"


def image_checksum(image: Image) -> tuple[str, str] | None:
    """Digest (or URL of it) and algorithm, where ``auto`` stands for "find out yourself".

    None for images that have none: live ISOs, and images from a registry, which are addressed by
    their digest. Raises ValueError when the digest is missing, out of place, or of no known type.
    """
    if is_live_iso(image):
        return None
    if is_oci(image):
        if image.checksum:
            raise ValueError("an image from an OCI registry must not have a checksum")
        return None
    if not image.checksum:
        raise ValueError("checksum is required for normal images")
    if image.checksum_type and image.checksum_type not in set(ChecksumType):
        raise ValueError(f"unknown checksumType {image.checksum_type!r}")
    return image.checksum, image.checksum_type or ChecksumType.AUTO


def has_hints(hints: RootDeviceHints | None) -> bool:
    """Whether at least one hint is given."""
    return hints is not None and bool(hints.to_dict())


def has_hardware_raid(raid: RAIDConfig | None) -> bool:
    """Whether volumes are to be made on a controller."""
    return raid is not None and bool(raid.hardware_raid_volumes)


def has_software_raid(raid: RAIDConfig | None) -> bool:
    """Whether volumes are to be made by the operating system."""
    return raid is not None and bool(raid.software_raid_volumes)


def is_raid_unset(raid: RAIDConfig | None) -> bool:
    """Whether nothing is asked for; an empty list asks for the removal of all volumes."""
    return raid is None or (
        raid.hardware_raid_volumes is None and raid.software_raid_volumes is None
    )


def root_volume(raid: RAIDConfig | None) -> SoftwareRAIDVolume | None:
    """The software volume that the image is to be written to, if one is marked."""
    volumes = raid.software_raid_volumes if raid is not None else None
    return next((volume for volume in volumes or () if volume.root_volume), None)
