"""IPMI BMCs of our systems: pyghmi's own server side, all of them in one process and one thread."""

import importlib
import time
from typing import Any

from ._bmc_faults import FaultFile
from ._credentials import Login
from ._ports import LOOPBACK
from ._systems import OFF, ON, RESTART, SystemStore

# pyghmi has no type information.
_bmc: Any = importlib.import_module("pyghmi.ipmi.bmc")
# A wrong password: longer than IPMI allows, so that nobody has it.
UNKNOWN = "x" * 30
DEVICES = {"network": "Pxe", "hd": "Hdd", "optical": "Cd", "default": "Hdd"}
NAMES = {"Pxe": "network", "Hdd": "hd", "Cd": "optical"}
CANNOT_EXECUTE = 0xD5


class IPMIBMC(_bmc.Bmc):  # type: ignore[misc]  # pyright: ignore[reportUntypedBaseClass]  # pyghmi's way
    """The BMC of one system; a slow one makes its neighbours wait, as they share a thread."""

    def __init__(
        self, *, store: SystemStore, faults: FaultFile, system: str, port: int, login: Login
    ) -> None:
        self._login = login
        super().__init__({login.username: login.password}, port, address=LOOPBACK)
        self._store = store
        self._faults = faults
        self._system = system

    def sessionless_data(self, data: bytes, sockaddr: object) -> None:
        """A new caller; a dead BMC does not answer."""
        faults = self._faults.of(self._system)
        if faults.down:
            return
        password = UNKNOWN if faults.wrong_password else self._login.password
        self.authdata = {self._login.username: password}
        super().sessionless_data(data, sockaddr)

    def handle_raw_request(self, request: dict[str, Any], session: Any) -> None:
        """A request inside a session."""
        faults = self._faults.of(self._system)
        if faults.down:
            return
        if faults.delay:
            time.sleep(faults.delay)
        super().handle_raw_request(request, session)

    def get_power_state(self) -> str:
        """``on`` or ``off``."""
        with self._store.reading(self._system) as system:
            return system.power.lower()

    def power_on(self) -> None:
        """Begin to switch on."""
        self._store.set_power(self._system, ON)

    def power_off(self) -> None:
        """Begin to switch off."""
        self._store.set_power(self._system, OFF)

    def power_shutdown(self) -> None:
        """Let the operating system switch off."""
        self.power_off()

    def power_reset(self) -> int:
        """Restart; refused while the machine is off, as the standard wants it."""
        if self.get_power_state() == "off":
            return CANNOT_EXECUTE
        self._store.set_power(self._system, RESTART)
        return 0

    def power_cycle(self) -> int:
        """Restart by way of off."""
        return self.power_reset()

    def get_boot_device(self) -> str:
        """Where it boots from."""
        with self._store.reading(self._system) as system:
            return NAMES.get(system.boot_device, "hd")

    def set_boot_device(self, bootdevice: str) -> None:
        """Where to boot from, from now on."""
        with self._store.changing(self._system) as system:
            system.boot_device = DEVICES.get(bootdevice, "Hdd")

    def cold_reset(self) -> int:
        """The BMC restarts: nothing is lost."""
        return 0


def listen() -> None:
    """Serve all BMCs of this process, for ever."""
    _bmc.Bmc.listen()
