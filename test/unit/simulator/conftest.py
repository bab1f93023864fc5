"""A host, and an Ironic that only the agent's side of it is of interest."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from metal3.simulator import SimulatedHost
from metal3.simulator._agent import AgentSettings
from metal3.simulator._agent_api import AgentAPI, Answer
from metal3.simulator._hosts import macs, system_uuid
from metal3.simulator._machine import Machine

NODE = "0b072fa1-9697-4e7e-b47b-439923d8ae11"
TOKEN = "t" * 40
LOOKUP_STATES = {"wait call-back", "clean wait", "inspect wait", "service wait"}


class FakeIronic(AgentAPI):
    """Answers agents as Ironic does in a provision state; ``None`` is an Ironic that is away."""

    def __init__(self):
        self.state = "clean wait"
        self.token_is_out = False
        self.calls = []
        self.bodies = []

    def of(self, kind):
        """How often a call was made."""
        return sum(1 for call in self.calls if call == kind)

    async def _call(self, method, path, **arguments):
        kind = path.split("/")[2]
        self.calls.append(kind)
        self.bodies.append(arguments.get("json") or {})
        if self.state is None:
            return Answer(status=0, body={})
        if kind == "heartbeat":
            return Answer(status=202, body={})
        accepted = {"inspect wait"} if kind == "continue_inspection" else LOOKUP_STATES
        if self.state not in accepted:
            return Answer(status=404, body={})
        token = "******" if self.token_is_out else TOKEN
        self.token_is_out = True
        body = {"node": {"uuid": NODE}, "config": {"agent_token": token}}
        return Answer(status=200, body=body)


@pytest.fixture
def ironic():
    """The Ironic of this test."""
    return FakeIronic()


@pytest.fixture
def host():
    """The host of this test."""
    return SimulatedHost(
        index=0,
        name="node-0",
        system_uuid=system_uuid(0),
        macs=macs(0),
        bmc_address="redfish+http://127.0.0.1:1/redfish/v1/Systems/x",
        username="admin",
        password="password",
    )


@pytest.fixture
def settings(ironic):
    """Agents that call every three seconds and work for one."""
    return AgentSettings(
        api=ironic,
        callback_url="http://127.0.0.1:3",
        heartbeat=timedelta(seconds=3),
        step_time=timedelta(seconds=1),
        custom_deploy_steps=("custom_deploy",),
    )


@pytest.fixture
def powered_off():
    """Systems that were switched off from inside."""
    return []


@pytest.fixture
def machine(host, settings, tmp_path: Path, powered_off):
    """The machine of the host."""

    async def power_off(system):
        powered_off.append(system)

    return Machine(
        host=host,
        settings=settings,
        http_root=tmp_path,
        boot_time=timedelta(0),
        power_off=power_off,
    )


@pytest.fixture
def until():
    """Wait until something holds; the test's own time limit ends what never does."""

    async def wait(condition):
        async with asyncio.timeout(30):
            while not condition():  # noqa: ASYNC110  # any condition, not one event
                await asyncio.sleep(0.01)

    return wait
