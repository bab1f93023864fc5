"""Which processor architecture a host has."""

import platform
from typing import Final

from metal3.api.metal3_io import v1alpha1 as metal3api

_NAMES: Final = {"amd64": "x86_64", "arm64": "aarch64"}


def architecture(host: metal3api.BareMetalHost) -> str:
    """What the user says, else what inspection found, else the operator's own."""
    if host.spec.architecture:
        return host.spec.architecture
    hardware = host.status.hardware
    if hardware is not None and hardware.cpu is not None and hardware.cpu.arch:
        return hardware.cpu.arch
    own = platform.machine().lower()
    return _NAMES.get(own, own)
