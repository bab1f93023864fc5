"""The kernel command line of a boot: what Ironic wants the ramdisk to know.

A network boot reads it from the iPXE script that Ironic wrote for the MAC address, a boot from an
ISO that Ironic built from the boot loader's configuration inside.
"""

import io
import re
from pathlib import Path

import pycdlib
from pycdlib.pycdlibexception import PyCdlibException

API_URL = "ipa-api-url"
INSPECTION = "ipa-inspection-callback-url"
TOKEN = "ipa-agent-token"  # noqa: S105  # its name, not its value
KERNEL_LINE = re.compile(r"^\s*(?:kernel|linux)\s+(.*)$", re.MULTILINE)
ISO_MAGIC = b"CD001"
ISO_MAGIC_OFFSET = 0x8001
GRUB_CONFIG = "grub.cfg"
MAX_SCRIPT = 1 << 20


def from_ipxe(http_root: Path, mac: str) -> dict[str, str]:
    """The parameters of a network boot; empty when Ironic has nothing for this MAC address."""
    script = http_root / f"{mac}.conf"
    return parse(script.read_text()[:MAX_SCRIPT]) if script.exists() else {}


def from_iso(image: Path) -> dict[str, str]:
    """The parameters inside an ISO; empty when it is none, or has no boot loader configuration."""
    if not _is_iso(image):
        return {}
    try:
        return parse(_grub_config(image))
    except PyCdlibException:
        return {}


def parse(script: str) -> dict[str, str]:
    """``key=value`` words of the first kernel line."""
    line = KERNEL_LINE.search(script)
    if not line:
        return {}
    words = (word.partition("=") for word in line.group(1).split())
    return {key: value for key, equals, value in words if equals}


def is_of_ramdisk(params: dict[str, str]) -> bool:
    """Whether these are the parameters of a deploy ramdisk, and not of an instance's kernel."""
    return API_URL in params or INSPECTION in params


def _is_iso(image: Path) -> bool:
    if not image.exists():
        return False
    with image.open("rb") as file:
        file.seek(ISO_MAGIC_OFFSET)
        return file.read(len(ISO_MAGIC)) == ISO_MAGIC


def _grub_config(image: Path) -> str:
    iso = pycdlib.PyCdlib()
    iso.open(str(image))
    try:
        for folder, _, files in iso.walk(rr_path="/"):
            if GRUB_CONFIG in files:
                content = io.BytesIO()
                iso.get_file_from_iso_fp(content, rr_path=f"{folder.rstrip('/')}/{GRUB_CONFIG}")
                return content.getvalue()[:MAX_SCRIPT].decode(errors="replace")
    finally:
        iso.close()
    return ""
