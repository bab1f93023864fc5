"""The machines as their BMCs see them: power, boot device, media, firmware.

Lives in the process that plays the BMCs, whatever protocol they speak. Every power change is told
to the lab, where the agents follow it, and all state is kept in a file, so that it survives.
"""

import json
import random
import re
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ._bmc_faults import FaultFile

ON, OFF, RESTART = "On", "Off", "Restart"
BIOS_DEFAULTS = {
    "BootMode": "Uefi",
    "EmbeddedSata": "Raid",
    "L2Cache": "10x256 KiB",
    "NicBoot1": "NetworkBoot",
    "NumCores": "10",
    "ProcTurboMode": "Enabled",
    "QuietBoot": "true",
    "SecureBootStatus": "Enabled",
    "SerialNumber": "SIM0001",
    "SysPassword": "",
}
VERSION_DEFAULTS = {"BiosVersion": "1.0.0"}
BMC_VERSION = "1.00"
# The version in an image's name, as in bmc-2.10.bin.
IMAGE_VERSION = re.compile(r"(\d+(?:\.\d+)+)")


@dataclass(frozen=True, kw_only=True)
class PowerEvent:
    """A power change that a BMC accepted.

    ``action`` is ``On``, ``Off`` or ``Restart``, ``delay`` the seconds until it takes effect;
    ``boot_image`` is the file of the inserted medium when the machine boots from one.
    """

    system: str
    action: str
    delay: float
    boot_device: str
    boot_image: str | None


@dataclass(kw_only=True)
class System:
    """One machine's state. ``pending`` is a power state and the time from which it holds."""

    uuid: str
    name: str
    macs: list[str]
    power: str = OFF
    pending: tuple[str, float] | None = None
    boot_device: str = "Hdd"
    boot_mode: str = "UEFI"
    secure_boot: bool = False
    http_boot_uri: str | None = None
    media: dict[str, tuple[str, bool]] = field(default_factory=dict[str, tuple[str, bool]])
    bios: dict[str, str] = field(default_factory=lambda: dict(BIOS_DEFAULTS))
    pending_bios: dict[str, str] = field(default_factory=dict[str, str])
    versions: dict[str, str] = field(default_factory=lambda: dict(VERSION_DEFAULTS))
    staged_versions: dict[str, str] = field(default_factory=dict[str, str])
    bmc_version: str = BMC_VERSION

    def settle(self, now: float) -> None:
        """Let a pending power change take effect once its time has come."""
        if self.pending and now >= self.pending[1]:
            self.power, self.pending = self.pending[0], None

    def apply_firmware(self) -> None:
        """What firmware does while it boots: pending settings and versions become current."""
        self.bios |= self.pending_bios
        self.versions |= self.staged_versions
        self.pending_bios, self.staged_versions = {}, {}


class SystemStore:
    """All machines of a lab; safe to use from several threads.

    ``tell`` is called with every accepted power change, outside the lock.
    """

    def __init__(
        self,
        *,
        systems: list[System],
        state_file: Path,
        faults: FaultFile,
        power_delay: tuple[float, float],
        tell: Callable[[PowerEvent], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._state_file = state_file
        self._faults = faults
        self._power_delay = power_delay
        self._tell = tell
        self._clock = clock
        self._lock = threading.RLock()
        self._systems = {system.uuid: system for system in systems} | self._load()

    @property
    def uuids(self) -> list[str]:
        """Every system's UUID."""
        return list(self._systems)

    @contextmanager
    def reading(self, uuid: str) -> Generator[System]:
        """The system, with its power settled; raises ``KeyError`` if there is none."""
        with self._lock:
            system = self._systems[uuid]
            system.settle(self._clock())
            yield system

    @contextmanager
    def changing(self, uuid: str) -> Generator[System]:
        """As :meth:`reading`, and what was changed is kept."""
        with self.reading(uuid) as system:
            yield system
            self._save()

    def set_power(self, uuid: str, action: str) -> None:
        """Begin a power change: ``On``, ``Off`` or ``Restart``.

        Asking for the state that is there, or on its way, changes nothing. Where power is stuck
        the change is accepted and forgotten.
        """
        if self._faults.of(uuid).power_stuck:
            return
        with self.changing(uuid) as system:
            target = OFF if action == OFF else ON
            coming = system.pending[0] if system.pending else system.power
            if action != RESTART and coming == target:
                return
            if action == RESTART:
                system.power = OFF
            delay = random.uniform(*self._power_delay)  # noqa: S311  # not a secret
            system.pending = (target, self._clock() + delay)
            if target == ON:
                system.apply_firmware()
            event = _event(system, action, delay)
        self._tell(event)

    def power_off_from_inside(self, uuid: str) -> None:
        """The operating system switched the machine off: at once, whatever ails the BMC."""
        with self.changing(uuid) as system:
            system.power, system.pending = OFF, None
            event = _event(system, OFF, 0.0)
        self._tell(event)

    def update_firmware(self, uuid: str, image: str) -> None:
        """Flash an image: of the BMC if its file name starts with ``bmc``, else of the BIOS.

        The BMC runs it at once, the BIOS from the next boot on. The version is the one in the
        file name, or else the next minor one.
        """
        name = image.rpartition("/")[2]
        found = IMAGE_VERSION.search(name)
        with self.changing(uuid) as system:
            if name.startswith("bmc"):
                system.bmc_version = found.group(1) if found else _next(system.bmc_version)
            else:
                old = system.versions["BiosVersion"]
                system.staged_versions["BiosVersion"] = found.group(1) if found else _next(old)

    def _load(self) -> dict[str, System]:
        if not self._state_file.exists():
            return {}
        content: dict[str, dict[str, Any]] = json.loads(self._state_file.read_text())
        return {uuid: System(**fields) for uuid, fields in content.items()}

    def _save(self) -> None:
        content = {uuid: asdict(system) for uuid, system in self._systems.items()}
        temporary = self._state_file.with_suffix(".new")
        temporary.write_text(json.dumps(content))
        temporary.replace(self._state_file)


def _next(version: str) -> str:
    major, _, rest = version.partition(".")
    minor, dot, patch = rest.partition(".")
    return f"{major}.{int(minor) + 1}{dot}{patch}"


def _event(system: System, action: str, delay: float) -> PowerEvent:
    medium = system.media.get(system.boot_device)
    return PowerEvent(
        system=system.uuid,
        action=action,
        delay=delay,
        boot_device=system.boot_device,
        boot_image=medium[0] if medium else None,
    )
