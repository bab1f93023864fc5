"""Our systems behind sushy-tools' Redfish front: the driver object its web application calls.

The method names and what they return are sushy-tools'. What a simulated machine does not have is
refused with its ``NotSupportedError``, and the resource is then left out of the answers.
"""

import importlib
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NoReturn

from ._systems import BIOS_DEFAULTS, OFF, ON, RESTART, VERSION_DEFAULTS, System, SystemStore

# sushy-tools has no type information: its errors are used as opaque objects.
_error: Any = importlib.import_module("sushy_tools.error")

ACTIONS = {
    "On": ON,
    "ForceOn": ON,
    "ForceOff": OFF,
    "GracefulShutdown": OFF,
    "ForceRestart": RESTART,
    "GracefulRestart": RESTART,
}
MEMORY = 128
CPUS = 32
# The one system that the BMC shows whose request is being answered.
VISIBLE: ContextVar[str] = ContextVar("visible")


class RedfishDriver:
    """Computer systems as sushy-tools wants them."""

    driver = "<simulator>"

    def __init__(self, store: SystemStore) -> None:
        self._store = store

    @property
    def systems(self) -> list[str]:
        """UUIDs of the systems that the BMC manages: one."""
        return [VISIBLE.get()]

    def uuid(self, identity: str) -> str:
        """The UUID of a system that exists."""
        with self._reading(identity) as system:
            return system.uuid

    def name(self, identity: str) -> str:
        """The system's name."""
        with self._reading(identity) as system:
            return system.name

    def get_power_state(self, identity: str) -> str:
        """``On`` or ``Off``."""
        with self._reading(identity) as system:
            return system.power

    def set_power_state(self, identity: str, state: str) -> None:
        """Begin a change of power, by Redfish's ``ResetType``."""
        self.uuid(identity)
        if state not in ACTIONS:
            raise _error.BadRequest(f"power state {state} is not supported")
        self._store.set_power(identity, ACTIONS[state])

    def get_boot_device(self, identity: str) -> str:
        """``Pxe``, ``Hdd`` or ``Cd``."""
        with self._reading(identity) as system:
            return system.boot_device

    def set_boot_device(self, identity: str, boot_source: str) -> None:
        """Where to boot from, from now on."""
        with self._changing(identity) as system:
            system.boot_device = boot_source

    def get_boot_mode(self, identity: str) -> str:
        """``UEFI`` or ``Legacy``."""
        with self._reading(identity) as system:
            return system.boot_mode

    def set_boot_mode(self, identity: str, boot_mode: str) -> None:
        """``UEFI`` or ``Legacy``."""
        with self._changing(identity) as system:
            system.boot_mode = boot_mode

    def get_secure_boot(self, identity: str) -> bool:
        """Whether Secure Boot is on."""
        with self._reading(identity) as system:
            return system.secure_boot

    def set_secure_boot(self, identity: str, secure: bool) -> None:  # noqa: FBT001  # called by sushy-tools
        """Switch Secure Boot."""
        with self._changing(identity) as system:
            system.secure_boot = secure

    def get_boot_image(self, identity: str, device: str) -> tuple[str | None, bool, bool]:
        """The inserted medium's file, whether it is write-protected, whether there is one."""
        with self._reading(identity) as system:
            path, protected = system.media.get(device, (None, False))
            return path, protected, path is not None

    def set_boot_image(
        self,
        identity: str,
        device: str,
        boot_image: str | None = None,
        write_protected: bool = True,  # noqa: FBT001, FBT002  # called by sushy-tools
    ) -> None:
        """Insert a medium, or take it out."""
        with self._changing(identity) as system:
            if boot_image is None:
                system.media.pop(device, None)
            else:
                system.media[device] = (boot_image, write_protected)

    def get_nics(self, identity: str) -> list[dict[str, str]]:
        """NICs by their MAC addresses."""
        with self._reading(identity) as system:
            return [{"id": mac, "mac": mac} for mac in system.macs]

    def get_bios(self, identity: str) -> dict[str, str]:
        """Settings in force: those asked for since the last boot are not among them."""
        with self._reading(identity) as system:
            return dict(system.bios)

    def set_bios(self, identity: str, attributes: dict[str, str]) -> None:
        """Settings to take over at the next boot."""
        with self._changing(identity) as system:
            unknown = sorted(set(attributes) - set(BIOS_DEFAULTS))
            if unknown:
                raise _error.BadRequest(f"unknown attributes: {', '.join(unknown)}")
            system.pending_bios |= attributes

    def reset_bios(self, identity: str) -> None:
        """Back to the defaults at the next boot."""
        with self._changing(identity) as system:
            system.pending_bios = dict(BIOS_DEFAULTS)

    def get_versions(self, identity: str) -> dict[str, str]:
        """Firmware versions."""
        with self._reading(identity) as system:
            return dict(system.versions)

    def set_versions(self, identity: str, firmware_versions: dict[str, str]) -> None:
        """Take over new firmware."""
        with self._changing(identity) as system:
            system.versions |= firmware_versions

    def reset_versions(self, identity: str) -> None:
        """Back to the firmware it came with."""
        with self._changing(identity) as system:
            system.versions = dict(VERSION_DEFAULTS)

    def get_total_memory(self, identity: str) -> int:
        """Memory in GiB."""
        self.uuid(identity)
        return MEMORY

    def get_total_cpus(self, identity: str) -> int:
        """Number of CPUs."""
        self.uuid(identity)
        return CPUS

    def get_processors(self, identity: str) -> NoReturn:
        """Not offered: sushy-tools 2.2.0 renders this resource as broken JSON."""
        raise _error.NotSupportedError(f"no processors of {identity}")

    def get_simple_storage_collection(self, identity: str) -> NoReturn:
        """Not offered."""
        raise _error.NotSupportedError(f"no simple storage of {identity}")

    def find_or_create_storage_volume(self, data: object) -> NoReturn:
        """Not offered: no RAID."""
        raise _error.NotSupportedError(f"no storage volume {data}")

    def get_http_boot_uri(self, identity: str) -> str | None:
        """Where UEFI HTTP boot loads from."""
        with self._reading(identity) as system:
            return system.http_boot_uri

    def set_http_boot_uri(self, uri: str) -> None:
        """Called without a system; the image inserted just before is what gets booted."""

    @contextmanager
    def _reading(self, identity: str) -> Generator[System]:
        self._find(identity)
        with self._store.reading(identity) as system:
            yield system

    @contextmanager
    def _changing(self, identity: str) -> Generator[System]:
        self._find(identity)
        with self._store.changing(identity) as system:
            yield system

    def _find(self, identity: str) -> None:
        if identity not in self._store.uuids:
            raise _error.NotFound(f"there is no system {identity}")
