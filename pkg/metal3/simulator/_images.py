"""Tiny files that stand in for images: nothing ever boots them."""

import hashlib
from pathlib import Path

from ._config import LabPaths

DISK = "disk.raw"
ISO = "ramdisk.iso"
KERNEL = "ramdisk.kernel"
RAMDISK = "ramdisk.initramfs"
ESP = "esp.img"
LIVE_ISO = "live.iso"
RAMDISK_CONTENT = b"a simulated ramdisk\n"
DISK_SIZE = 1 << 16
MBR_SIGNATURE = b"\x55\xaa"
MBR_SIGNATURE_OFFSET = 510


def write(paths: LabPaths) -> str:
    """Write all images; returns the SHA-256 of the instance image."""
    disk = bytearray(DISK_SIZE)
    # Ironic looks for a partition table in a raw image.
    disk[MBR_SIGNATURE_OFFSET : MBR_SIGNATURE_OFFSET + 2] = MBR_SIGNATURE
    contents = {
        DISK: bytes(disk),
        ISO: RAMDISK_CONTENT,
        KERNEL: b"a simulated kernel\n",
        RAMDISK: RAMDISK_CONTENT,
        LIVE_ISO: b"a simulated live image\n",
        ESP: bytes(1 << 20),
    }
    for name, content in contents.items():
        (paths.images / name).write_bytes(content)
    return hashlib.sha256(contents[DISK]).hexdigest()


def is_ready_made_ramdisk(image: Path) -> bool:
    """Whether this is a copy of the ISO that boots straight into an agent."""
    if not image.exists() or image.stat().st_size != len(RAMDISK_CONTENT):
        return False
    return image.read_bytes() == RAMDISK_CONTENT
