"""One boot of the deploy ramdisk on one host: the life of a simulated agent.

It finds out which node it is (by handing in its inventory while Ironic waits for that, else by
lookup), calls Ironic every now and then, and does what Ironic tells it meanwhile.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog

from . import _inventory, _kernel_params
from ._agent_api import AgentAPI, Answer
from ._agent_commands import RUNNING, TAKING_TIME, Command, CommandTable
from ._failures import StepFailures
from ._hosts import SimulatedHost

log = structlog.get_logger(__name__)

AGENT_VERSION = "11.5.0"
FIRST_RETRY = timedelta(milliseconds=300)
LONGEST_RETRY = timedelta(seconds=3)
# Ironic still holds the node's lock just after it was given a result.
REPORT_DELAY = timedelta(milliseconds=300)
# Ironic hands a token out once a boot; afterwards it answers with asterisks.
SHORTEST_TOKEN = 32


@dataclass(frozen=True, kw_only=True)
class AgentSettings:
    """What all agents of a lab share; ``callback_url`` is where they listen."""

    api: AgentAPI
    callback_url: str
    heartbeat: timedelta
    step_time: timedelta
    custom_deploy_steps: tuple[str, ...]


class Agent:
    """An agent; lives inside :meth:`run`, which only ends by being cancelled.

    ``may_call`` is clear while the host must not be heard of.
    """

    def __init__(
        self,
        *,
        host: SimulatedHost,
        settings: AgentSettings,
        params: dict[str, str],
        failures: StepFailures,
        may_call: asyncio.Event,
        power_off: Callable[[], Awaitable[None]],
    ) -> None:
        self.commands: list[Command] = []
        self._host = host
        self._settings = settings
        self._params = params
        self._failures = failures
        self._may_call = may_call
        self._table = CommandTable(
            custom_deploy_steps=settings.custom_deploy_steps, power_off=power_off, work=self._work
        )
        self._wake = asyncio.Event()
        self._group: asyncio.TaskGroup | None = None
        self._node: str | None = None
        self._token = _usable(params.get(_kernel_params.TOKEN))
        self._is_inspected = False

    @property
    def node(self) -> str | None:
        """UUID of the node, once Ironic has told it."""
        return self._node

    @property
    def token(self) -> str | None:
        """What Ironic must show with each command."""
        return self._token

    async def run(self) -> None:
        """Live."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                await self._join()
                await self._call_regularly()
        finally:
            self._group = None
            for command in self.commands:
                if command.status == RUNNING:
                    command.abandon()

    def execute(self, name: str, params: dict[str, Any]) -> Command:
        """Begin a command, or do it at once; raises ``KeyError`` if there is none of that name."""
        command = Command(name=name.rpartition(".")[2])
        if name in TAKING_TIME:
            if self._group is None:
                raise RuntimeError("the agent is gone")
            self.commands.append(command)
            self._group.create_task(self._execute(command, name, params))
            return command
        command.succeed(self._table.at_once(name, params))
        self.commands.append(command)
        return command

    async def _execute(self, command: Command, name: str, params: dict[str, Any]) -> None:
        try:
            command.succeed(await self._table.taking_time(name, params))
        except StepFailedError as e:
            command.fail(str(e))
        await asyncio.sleep(REPORT_DELAY.total_seconds())
        self._wake.set()

    async def _work(self, name: str) -> None:
        await asyncio.sleep(self._settings.step_time.total_seconds())
        message = self._failures.take(name)
        if message is not None:
            raise StepFailedError(message)

    async def _join(self) -> None:
        """Ask again and again until Ironic says which node this is."""
        delay = FIRST_RETRY
        while not await self._introduce():
            await asyncio.sleep(delay.total_seconds())
            delay = min(delay * 1.5, LONGEST_RETRY)

    async def _introduce(self) -> bool:
        await self._may_call.wait()
        wants_inspection = _kernel_params.INSPECTION in self._params
        if (wants_inspection or not self._params) and await self._inspect():
            return True
        if wants_inspection:
            return False
        return self._adopt(await self._settings.api.lookup(self._host.macs))

    async def _inspect(self) -> bool:
        data = _inventory.inspection_data(self._host)
        self._is_inspected = self._adopt(await self._settings.api.continue_inspection(data))
        return self._is_inspected

    def _adopt(self, answer: Answer) -> bool:
        """Take over who we are; false when Ironic did not say so."""
        if not answer.ok or "node" not in answer.body:
            return False
        self._node = str(answer.body["node"]["uuid"])
        self._token = self._token or _usable(answer.body["config"].get("agent_token"))
        if self._token is None:
            log.warning("the token was given out before in this boot", host=self._host.name)
        return True

    async def _call_regularly(self) -> None:
        while True:
            await self._may_call.wait()
            self._wake.clear()
            await self._late_inspection()
            await self._heartbeat()
            try:
                async with asyncio.timeout(self._settings.heartbeat.total_seconds()):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _late_inspection(self) -> None:
        """Without kernel parameters lookup may have won although an inspection is wanted."""
        if not (self._params or self._is_inspected or self.commands):
            await self._inspect()

    async def _heartbeat(self) -> None:
        body = {
            "callback_url": f"{self._settings.callback_url}/{self._host.system_uuid}",
            "agent_version": AGENT_VERSION,
            "agent_token": self._token,
        }
        answer = await self._settings.api.heartbeat(self._node or "", body)
        if not answer.ok:
            log.debug("heartbeat refused", host=self._host.name, status=answer.status)


class StepFailedError(Exception):
    """A step was made to fail."""


def _usable(token: object) -> str | None:
    return token if isinstance(token, str) and len(token) >= SHORTEST_TOKEN else None
