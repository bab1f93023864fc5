"""The commands that Ironic sends to an agent, and what ours answers.

Names and shapes are the Ironic Python Agent's. A command is either done when it is answered, or
runs for a while; Ironic then asks again, or hears of its end by the next heartbeat.
"""

import asyncio
import base64
import io
import tarfile
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

RUNNING, SUCCEEDED, FAILED = "RUNNING", "SUCCEEDED", "FAILED"
CLEAN = "clean.execute_clean_step"
DEPLOY = "deploy.execute_deploy_step"
SERVICE = "service.execute_service_step"
MANAGER = "GenericHardwareManager"
MANAGER_VERSION = {"generic_hardware_manager": "1.2"}

JSON = dict[str, Any]


@dataclass(kw_only=True)
class Command:
    """One command and how it went."""

    name: str
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    status: str = RUNNING
    result: JSON | None = None
    error: JSON | None = None
    done: asyncio.Event = field(default_factory=asyncio.Event)
    abandoned: bool = False

    def succeed(self, result: JSON | None) -> None:
        """It went well."""
        self.status, self.result = SUCCEEDED, result
        self.done.set()

    def fail(self, message: str, *, kind: str = "CommandExecutionError") -> None:
        """It went wrong; ``message`` is what Ironic will show."""
        self.status = FAILED
        self.error = {"type": kind, "code": 500, "message": message, "details": message}
        self.done.set()

    def abandon(self) -> None:
        """The machine went off: nobody will answer for it any more."""
        self.abandoned = True
        self.done.set()

    def render(self) -> JSON:
        """As the agent's API shows it; the extension is not part of the name there."""
        return {
            "id": self.id,
            "command_name": self.name,
            "command_status": self.status,
            "command_error": self.error,
            "command_result": self.result,
        }


def _step(name: str, priority: int, interface: str = "deploy") -> JSON:
    return {
        "step": name,
        "priority": priority,
        "interface": interface,
        "reboot_requested": False,
        "abortable": True,
    }


CLEAN_STEPS = (
    _step("erase_devices", 10),
    _step("erase_devices_metadata", 99),
    _step("delete_configuration", 0, "raid"),
    _step("create_configuration", 0, "raid"),
)
DEPLOY_STEPS = (_step("write_image", 0), _step("inject_files", 0))
SERVICE_STEPS = (_step("burnin_cpu", 0), _step("burnin_memory", 0))


@dataclass(frozen=True, kw_only=True)
class CommandTable:
    """How each command is answered.

    ``at_once`` by what is returned; ``taking_time`` after ``work`` is done, which is given the
    name of the command; both are given the command's parameters.
    """

    custom_deploy_steps: tuple[str, ...]
    power_off: Callable[[], Awaitable[None]]
    work: Callable[[str], Awaitable[None]]

    def at_once(self, name: str, params: Mapping[str, Any]) -> JSON | None:
        """The answer of a command that takes no time; raises ``KeyError`` for any other."""
        custom = tuple(_step(step, 0) for step in self.custom_deploy_steps)
        answers: Mapping[str, Callable[[], JSON | None]] = {
            "clean.get_clean_steps": lambda: _steps("clean_steps", CLEAN_STEPS),
            "deploy.get_deploy_steps": lambda: _steps("deploy_steps", DEPLOY_STEPS + custom),
            "service.get_service_steps": lambda: _steps("service_steps", SERVICE_STEPS),
            "standby.get_partition_uuids": lambda: {"root uuid": "0x00000001"},
            "standby.sync": lambda: None,
            # An answer of "running" would cost Ironic's waiting interval of six seconds.
            "image.install_bootloader": lambda: None,
            "rescue.finalize_rescue": lambda: None,
            "log.collect_system_logs": _logs,
        }
        return answers[name]()

    async def taking_time(self, name: str, params: Mapping[str, Any]) -> JSON | None:
        """The answer of a command that takes a while; raises ``KeyError`` for an unknown one."""
        if name in POWER_OFF:
            await self.power_off()
            return None
        kind = STEP_COMMANDS[name]
        await self.work(name)
        result = {"result": "done"} if kind == "deploy" else None
        return {f"{kind}_result": result, f"{kind}_step": params.get("step")}


STEP_COMMANDS = {CLEAN: "clean", DEPLOY: "deploy", SERVICE: "service"}
POWER_OFF = frozenset({"standby.power_off", "system.lockdown"})
TAKING_TIME = POWER_OFF | STEP_COMMANDS.keys()


def _steps(key: str, steps: tuple[JSON, ...]) -> JSON:
    return {key: {MANAGER: list(steps)}, "hardware_manager_version": MANAGER_VERSION}


def _logs() -> JSON:
    content = b"simulated agent\n"
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        entry = tarfile.TarInfo("journal")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return {"system_logs": base64.b64encode(buffer.getvalue()).decode()}
