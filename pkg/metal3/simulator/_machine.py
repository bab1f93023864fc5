"""One simulated machine: follows what its BMC reports, and boots what it is told to boot."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

import structlog

from . import _images, _kernel_params
from ._agent import Agent, AgentSettings
from ._failures import StepFailures
from ._hosts import SimulatedHost
from ._systems import OFF, RESTART, PowerEvent

log = structlog.get_logger(__name__)

NETWORK, DISK = "Pxe", "Hdd"


class MachineState(StrEnum):
    """What a machine is doing."""

    OFF = "off"
    BOOTING = "booting"
    RAMDISK = "ramdisk"
    """The deploy ramdisk runs, and with it an agent."""
    INSTANCE = "instance"
    """It runs what is on its disk, or a medium that is no deploy ramdisk."""


class Machine:
    """A machine; :meth:`run` is its life, which only ends by being cancelled."""

    def __init__(
        self,
        *,
        host: SimulatedHost,
        settings: AgentSettings,
        http_root: Path,
        boot_time: timedelta,
        power_off: Callable[[str], Awaitable[None]],
    ) -> None:
        self.host = host
        self.state = MachineState.OFF
        self.boots = 0
        self.failures = StepFailures()
        self.may_call = asyncio.Event()
        self.may_call.set()
        self.agent: Agent | None = None
        self._settings = settings
        self._http_root = http_root
        self._boot_time = boot_time
        self._power_off = power_off
        self._boot: PowerEvent | None = None
        self._changed = asyncio.Event()

    def power_changed(self, event: PowerEvent) -> None:
        """What the BMC says: off takes effect at once, on after the event's delay."""
        is_up = self.state is not MachineState.OFF
        if event.action == OFF:
            self._boot, self.state = None, MachineState.OFF
        elif is_up and event.action != RESTART:
            return
        else:
            self._boot, self.state = event, MachineState.BOOTING
        self._changed.set()

    async def run(self) -> None:
        """Live."""
        while True:
            self._changed.clear()
            self.state = MachineState.BOOTING if self._boot else MachineState.OFF
            async with asyncio.TaskGroup() as group:
                session = group.create_task(self._session(self._boot)) if self._boot else None
                await self._changed.wait()
                if session:
                    session.cancel()

    async def _session(self, boot: PowerEvent) -> None:
        await asyncio.sleep(boot.delay + self._boot_time.total_seconds())
        self.boots += 1
        params = await asyncio.to_thread(self._ramdisk_params, boot)
        if params is None:
            self.state = MachineState.INSTANCE
            return
        self.agent = Agent(
            host=self.host,
            settings=self._settings,
            params=params,
            failures=self.failures,
            may_call=self.may_call,
            power_off=lambda: self._power_off(self.host.system_uuid),
        )
        self.state = MachineState.RAMDISK
        try:
            await self.agent.run()
        except ExceptionGroup:
            log.exception("agent died", host=self.host.name)
        finally:
            self.agent = None

    def _ramdisk_params(self, boot: PowerEvent) -> dict[str, str] | None:
        """Kernel parameters of the deploy ramdisk; ``None`` if something else is booted."""
        if boot.boot_device == DISK:
            return None
        if boot.boot_device == NETWORK:
            params = _kernel_params.from_ipxe(self._http_root, self.host.boot_mac)
        elif boot.boot_image is None:
            return None
        else:
            image = Path(boot.boot_image)
            if _images.is_ready_made_ramdisk(image):
                return {}
            params = _kernel_params.from_iso(image)
        return params if _kernel_params.is_of_ramdisk(params) else None
