"""A lab: real Ironic, emulated BMCs and simulated agents, from start to end of one block."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog

from . import _fault_switch, _images
from ._config import LabConfig
from ._credentials import IRONIC_LOGIN, Login
from ._errors import SimulatorError
from ._faults import Fault
from ._hosts import SimulatedHost
from ._machine import Machine, MachineState
from ._ports import LOOPBACK
from ._running import RunningLab, running

log = structlog.get_logger(__name__)


class Lab:
    """Simulated hardware and the Ironic in front of it, while an ``async with`` block runs.

    Entering raises :class:`SimulatorError` when something does not come up. Leaving stops
    everything that was started, also when it is left by a cancellation. The folder of the lab is
    removed unless it was given, or is to be kept.
    """

    def __init__(self, config: LabConfig | None = None) -> None:
        self.config = config or LabConfig()
        self._stack = AsyncExitStack()
        self._running: RunningLab | None = None

    async def __aenter__(self) -> Self:
        """Start everything."""
        async with AsyncExitStack() as stack:
            self._running = await stack.enter_async_context(running(self.config))
            self._stack = stack.pop_all()
        log.info("lab is up", ironic=self.ironic_url, hosts=self.config.hosts)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop everything."""
        try:
            if isinstance(exc, asyncio.CancelledError):
                await self._stack.__aexit__(exc_type, exc, traceback)
            else:
                # An error of the block goes to the caller as it is, not inside a group.
                await self._stack.aclose()
        finally:
            self._running = None

    @property
    def state_dir(self) -> Path:
        """Where all its files are."""
        return self._lab.paths.root

    @property
    def hosts(self) -> tuple[SimulatedHost, ...]:
        """The simulated hosts, in order."""
        return tuple(machine.host for machine in self._lab.machines.values())

    @property
    def ironic_url(self) -> str:
        """Ironic's address, without a path."""
        return self._lab.ironic.url

    @property
    def ironic_auth(self) -> Login | None:
        """The login of Ironic's API, if it wants one."""
        return IRONIC_LOGIN if self.config.auth == "http_basic" else None

    @property
    def ironic_pid(self) -> int | None:
        """Process id of Ironic's master process, while it runs."""
        return self._lab.ironic.pid

    @property
    def bmc_pid(self) -> int | None:
        """Process id of the process that plays the BMCs."""
        return self._lab.bmc.pid

    @property
    def ca_file(self) -> Path | None:
        """The authority to trust with TLS."""
        return self._lab.paths.ca_file if self.config.tls else None

    @property
    def image_url(self) -> str:
        """An image to provision hosts with, in raw format."""
        return self._file(_images.DISK)

    @property
    def image_checksum(self) -> str:
        """SHA-256 of :attr:`image_url`."""
        return self._lab.image_checksum

    @property
    def live_iso_url(self) -> str:
        """An image to boot from instead of the disk."""
        return self._file(_images.LIVE_ISO)

    @property
    def deploy_kernel_url(self) -> str:
        """Kernel of the deploy ramdisk."""
        return self._file(_images.KERNEL)

    @property
    def deploy_ramdisk_url(self) -> str:
        """Initial file system of the deploy ramdisk."""
        return self._file(_images.RAMDISK)

    @property
    def deploy_iso_url(self) -> str:
        """The deploy ramdisk as an ISO, for virtual media."""
        return self._file(_images.ISO)

    @property
    def bootloader_url(self) -> str:
        """The EFI partition that Ironic needs to build an ISO from kernel and ramdisk."""
        return self._file(_images.ESP)

    def firmware_url(self, component: str, version: str) -> str:
        """An image that brings ``bios`` or ``bmc`` to a version such as ``2.10``."""
        return self._file(f"{component}-{version}.bin")

    @property
    def log_files(self) -> tuple[Path, ...]:
        """What to read when something fails."""
        return (*self._lab.ironic.log_files, self._lab.bmc.log_file)

    def environment(self) -> dict[str, str]:
        """The environment variables that point the bare-metal operator at this lab."""
        variables = {
            "DEPLOY_ISO_URL": self.deploy_iso_url,
            "DEPLOY_KERNEL_URL": self.deploy_kernel_url,
            "DEPLOY_RAMDISK_URL": self.deploy_ramdisk_url,
            "IRONIC_ENDPOINT": f"{self.ironic_url}/v1/",
            "METAL3_AUTH_ROOT_DIR": str(self._lab.paths.auth),
        }
        if self.ca_file:
            variables["IRONIC_CACERT_FILE"] = str(self.ca_file)
        return variables

    def machine_state(self, host: SimulatedHost) -> MachineState:
        """What the machine is doing right now."""
        return self._machine(host).state

    async def fault(self, host: SimulatedHost, fault: Fault) -> None:
        """Switch a fault on, besides those that the host already has."""
        machine = self._machine(host)
        await asyncio.to_thread(_fault_switch.break_bmc, fault, machine.host, self._lab.bmc)
        _fault_switch.break_machine(fault, machine)

    async def heal(self, host: SimulatedHost) -> None:
        """Switch all faults of a host off."""
        machine = self._machine(host)
        await asyncio.to_thread(_fault_switch.heal_bmc, machine.host, self._lab.bmc)
        _fault_switch.heal_machine(machine)

    async def start_ironic(self) -> None:
        """Start Ironic again; raises :class:`StartError` if it does not come up."""
        await self._lab.ironic.start()

    async def stop_ironic(self) -> None:
        """Stop Ironic; its database stays."""
        await self._lab.ironic.stop()

    async def kill_ironic(self) -> None:
        """End Ironic without warning."""
        await self._lab.ironic.kill()

    async def wipe_ironic_database(self) -> None:
        """Let Ironic forget everything: it is stopped, and started again if it was running."""
        was_running = self.ironic_pid is not None
        await self.stop_ironic()
        await self._lab.ironic.wipe()
        if was_running:
            await self.start_ironic()

    @property
    def _lab(self) -> RunningLab:
        if self._running is None:
            raise SimulatorError("the lab is not running")
        return self._running

    def _machine(self, host: SimulatedHost) -> Machine:
        return self._lab.machines[host.system_uuid]

    def _file(self, name: str) -> str:
        return f"http://{LOOPBACK}:{self._lab.ports.files}/images/{name}"
