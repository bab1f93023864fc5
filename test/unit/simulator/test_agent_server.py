"""The agents' own API, as Ironic's conductor uses it."""

import asyncio

import aiohttp
import pytest
from aiohttp.test_utils import TestClient, TestServer

from metal3.simulator._agent_commands import CLEAN
from metal3.simulator._agent_server import AgentServer
from metal3.simulator._systems import OFF, ON, PowerEvent

TOKEN = "t" * 40


@pytest.fixture
async def client(machine, host):
    """A client of the server, and a machine that lives."""
    server = TestServer(AgentServer({host.system_uuid: machine}).application())
    async with asyncio.TaskGroup() as group, TestClient(server) as client:
        life = group.create_task(machine.run())
        yield client
        life.cancel()


@pytest.fixture
def switch(machine, host, tmp_path):
    """Switch the machine on, into the ramdisk, or off."""

    def change(action):
        script = tmp_path / f"{host.boot_mac}.conf"
        script.write_text("kernel http://files/kernel ipa-api-url=http://ironic\n")
        event = PowerEvent(
            system=host.system_uuid, action=action, delay=0, boot_device="Pxe", boot_image=None
        )
        machine.power_changed(event)

    return change


@pytest.fixture
async def agent(client, switch, machine, until):
    """The agent, once it knows its node."""
    switch(ON)
    await until(lambda: machine.agent and machine.agent.token)
    return machine.agent


@pytest.fixture
def commands(host):
    """Where commands go."""
    return f"/{host.system_uuid}/v1/commands/"


async def test_a_command_needs_the_token(client, agent, commands):
    """Neither sending nor reading works without it."""
    body = {"name": "standby.sync", "params": {}}
    for query in ({}, {"agent_token": "wrong"}):
        assert (await client.post(commands, json=body, params=query)).status == 401
        assert (await client.get(commands, params=query)).status == 401
    assert agent.commands == []


async def test_a_command_is_answered_and_remembered(client, agent, commands):
    """Ironic reads the list to see how its last command went."""
    query = {"agent_token": TOKEN, "wait": "true"}
    reply = await client.post(commands, json={"name": "standby.sync", "params": {}}, params=query)
    answer = await reply.json()
    assert (answer["command_name"], answer["command_status"]) == ("sync", "SUCCEEDED")
    listed = await (await client.get(commands, params=query)).json()
    assert listed["commands"] == [answer]
    one = await client.get(commands + answer["id"], params=query)
    assert await one.json() == answer
    assert (await client.get(commands + "other", params=query)).status == 404


async def test_only_one_command_at_a_time(client, agent, commands):
    """A second one is refused while a step runs."""
    query = {"agent_token": TOKEN}
    step = {"name": CLEAN, "params": {"step": {"step": "erase_devices"}}}
    assert (await client.post(commands, json=step, params=query)).status == 200
    refused = await client.post(commands, json=step, params=query)
    assert refused.status == 409
    assert "busy" in (await refused.json())["faultstring"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"no json", 400),
        (b"[]", 400),
        (b'{"params": {}}', 400),
        (b'{"name": "x.y", "params": 3}', 400),
        (b'{"name": "standby.make_coffee", "params": {}}', 404),
    ],
)
async def test_nonsense_is_refused(client, agent, commands, body, status):
    """With an error in the form that Ironic shows."""
    reply = await client.post(commands, data=body, params={"agent_token": TOKEN})
    assert reply.status == status
    assert (await reply.json())["faultstring"]


async def test_a_machine_that_is_off_does_not_answer(
    client, agent, commands, switch, until, machine
):
    """The connection ends without an answer, for known and unknown machines alike."""
    switch(OFF)
    await until(lambda: machine.agent is None)
    for path in (commands, "/unknown/v1/commands/"):
        with pytest.raises(aiohttp.ClientConnectionError):
            await client.get(path, params={"agent_token": TOKEN})


async def test_whoever_waits_for_a_command_is_let_go_at_power_off(
    client, agent, commands, switch, until
):
    """Ironic would otherwise hang until its own timeout."""
    step = {"name": CLEAN, "params": {"step": {"step": "erase_devices"}}}
    query = {"agent_token": TOKEN, "wait": "true"}
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(_fails(client.post(commands, json=step, params=query)))
        await until(lambda: agent.commands)
        switch(OFF)
    assert waiting.result()


async def _fails(call):
    with pytest.raises(aiohttp.ClientConnectionError):
        await call
    return True
