"""The life of a simulated agent, with a fake Ironic and virtual time."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from metal3.simulator import _kernel_params
from metal3.simulator._agent import Agent
from metal3.simulator._agent_commands import CLEAN, DEPLOY, FAILED, RUNNING, SERVICE, SUCCEEDED
from metal3.simulator._failures import StepFailures

NODE = "0b072fa1-9697-4e7e-b47b-439923d8ae11"
TOKEN = "t" * 40
STEP = {"step": "erase_devices", "interface": "deploy", "priority": 10}

pytestmark = pytest.mark.looptime


@pytest.fixture
def failures():
    """Failures to come."""
    return StepFailures()


@pytest.fixture
def may_call():
    """Whether the agent can be heard of."""
    event = asyncio.Event()
    event.set()
    return event


@pytest.fixture
def alive(host, settings, failures, may_call, powered_off):
    """A context in which an agent lives, booted with some kernel parameters."""

    async def power_off():
        powered_off.append(host.system_uuid)

    @asynccontextmanager
    async def live(params=None):
        agent = Agent(
            host=host,
            settings=settings,
            params=params or {},
            failures=failures,
            may_call=may_call,
            power_off=power_off,
        )
        async with asyncio.TaskGroup() as group:
            life = group.create_task(agent.run())
            yield agent
            life.cancel()

    return live


async def test_an_agent_looks_its_node_up_and_calls_regularly(alive, ironic, until):
    """Each heartbeat carries the token and where the agent listens."""
    async with alive() as agent:
        await until(lambda: ironic.of("heartbeat") == 3)
        assert (agent.node, agent.token) == (NODE, TOKEN)
        heartbeat = ironic.bodies[-1]
    assert heartbeat["agent_token"] == TOKEN
    assert heartbeat["callback_url"].startswith("http://127.0.0.1:3/")


async def test_an_agent_hands_in_its_inventory_while_ironic_waits_for_it(alive, ironic, until):
    """Inspection comes before lookup, so that the token is not lost to it."""
    ironic.state = "inspect wait"
    async with alive() as agent:
        await until(lambda: ironic.of("heartbeat") == 1)
        assert agent.token == TOKEN
    assert ironic.calls[0] == "continue_inspection"
    assert ironic.of("lookup") == 0
    assert len(ironic.bodies[0]["inventory"]["interfaces"]) == 2


async def test_a_boot_for_inspection_waits_for_it(alive, ironic, until):
    """The kernel parameters say what is wanted: no lookup may take the token away."""
    ironic.state = "clean wait"
    async with alive({_kernel_params.INSPECTION: "http://ironic"}) as agent:
        await until(lambda: ironic.of("continue_inspection") == 3)
        ironic.state = "inspect wait"
        await until(lambda: agent.token == TOKEN)
    assert ironic.of("lookup") == 0


async def test_a_boot_for_deploying_does_not_offer_its_inventory(alive, ironic, until):
    """A real ramdisk without the inspection parameter goes straight to lookup."""
    async with alive({_kernel_params.API_URL: "http://ironic"}):
        await until(lambda: ironic.of("heartbeat") == 1)
    assert ironic.of("continue_inspection") == 0


async def test_a_token_of_the_kernel_command_line_is_used(alive, ironic, until):
    """Ironic put it into the medium, and then only answers with asterisks."""
    ironic.token_is_out = True
    params = {_kernel_params.API_URL: "http://ironic", _kernel_params.TOKEN: "k" * 40}
    async with alive(params) as agent:
        await until(lambda: ironic.of("heartbeat") == 1)
        assert agent.token == "k" * 40


async def test_an_agent_outlives_ironic(alive, ironic, until):
    """It keeps asking while Ironic is away, before and after it was found."""
    ironic.state = None
    async with alive() as agent:
        await until(lambda: len(ironic.calls) > 5)
        ironic.state = "clean wait"
        await until(lambda: agent.node is not None)
        ironic.state = None
        calls = ironic.of("heartbeat")
        await until(lambda: ironic.of("heartbeat") == calls + 3)


async def test_a_silent_agent_says_nothing_until_it_is_healed(alive, ironic, may_call, until):
    """Not even lookup: Ironic must run into its timeout."""
    may_call.clear()
    async with alive():
        await asyncio.sleep(100)
        assert ironic.calls == []
        may_call.set()
        await until(lambda: ironic.of("heartbeat") == 1)


@pytest.mark.parametrize(
    ("command", "kind"), [(CLEAN, "clean"), (DEPLOY, "deploy"), (SERVICE, "service")]
)
async def test_a_step_takes_its_time_and_is_given_back(alive, ironic, until, command, kind):
    """Ironic compares the step of the answer with the one it is waiting for."""
    async with alive() as agent:
        await until(lambda: ironic.of("heartbeat") == 1)
        running = agent.execute(command, {"step": STEP})
        assert running.status == RUNNING
        await running.done.wait()
        assert running.status == SUCCEEDED
        assert running.render()["command_result"][f"{kind}_step"] == STEP


async def test_the_end_of_a_step_is_reported_before_the_next_heartbeat_is_due(alive, ironic, until):
    """Otherwise every step would cost a heartbeat interval."""
    async with alive() as agent:
        await until(lambda: ironic.of("heartbeat") == 1)
        start = asyncio.get_running_loop().time()
        agent.execute(CLEAN, {"step": STEP})
        await until(lambda: ironic.of("heartbeat") == 2)
        assert asyncio.get_running_loop().time() - start < 2


async def test_a_step_fails_as_often_as_it_was_told_to(alive, ironic, failures, until):
    """With the message that Ironic will show."""
    failures.add(DEPLOY, "checksum mismatch", 1)
    async with alive() as agent:
        await until(lambda: ironic.of("heartbeat") == 1)
        first = agent.execute(DEPLOY, {"step": STEP})
        await first.done.wait()
        second = agent.execute(DEPLOY, {"step": STEP})
        await second.done.wait()
    assert first.status == FAILED
    assert first.render()["command_error"]["message"] == "checksum mismatch"
    assert second.status == SUCCEEDED


async def test_questions_are_answered_at_once(alive, ironic, until):
    """A custom step is offered beside those that every agent has."""
    async with alive() as agent:
        await until(lambda: ironic.of("heartbeat") == 1)
        answer = agent.execute("deploy.get_deploy_steps", {"node": {}, "ports": []})
    assert answer.status == SUCCEEDED
    (steps,) = answer.render()["command_result"]["deploy_steps"].values()
    assert [step["step"] for step in steps] == ["write_image", "inject_files", "custom_deploy"]


async def test_an_unknown_command_is_no_command(alive, ironic, until):
    """The server turns this into a 404."""
    async with alive() as agent:
        await until(lambda: ironic.of("heartbeat") == 1)
        with pytest.raises(KeyError):
            agent.execute("standby.make_coffee", {})


async def test_power_off_goes_through_the_machine(alive, ironic, until, powered_off, host):
    """The agent switches its own machine off."""
    async with alive() as agent:
        await until(lambda: ironic.of("heartbeat") == 1)
        await agent.execute("standby.power_off", {}).done.wait()
    assert powered_off == [host.system_uuid]


async def test_a_machine_that_goes_off_leaves_no_command_behind(alive, ironic, until):
    """Whoever waits for the command is let go."""
    async with alive() as agent:
        await until(lambda: ironic.of("heartbeat") == 1)
        command = agent.execute(CLEAN, {"step": STEP})
    async with asyncio.timeout(10):
        await command.done.wait()
    assert command.abandoned
