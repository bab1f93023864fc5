"""The shared listing: who is woken, how often Ironic is asked, and what happens when it is away."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metal3.provisioner import NotReadyError, Result
from metal3.provisioner.ironic._node import Node
from metal3.provisioner.ironic._session import BACKSTOP
from metal3.provisioner.ironic._snapshot import Snapshot, changed
from metal3.runtime.types import NamespacedName

pytestmark = pytest.mark.looptime


def key(name):
    """A host's identity."""
    return NamespacedName("metal3", name)


def listings(ironic):
    """How often several nodes were read at once."""
    return sum(path == "/v1/nodes" for method, path, _ in ironic.calls if method == "GET")


@asynccontextmanager
async def informing(bench):
    """The informer runs; gives the hosts it woke, in order."""
    woken: list[NamespacedName] = []
    async with asyncio.TaskGroup() as group:
        task = group.create_task(bench.backend.run(woken.append))
        await asyncio.sleep(0.1)
        yield woken
        task.cancel()


async def test_exactly_the_changed_hosts_are_woken(bench, ironic):
    """A new, a changed and a vanished node; the other 97 sleep on."""
    nodes = [ironic.add(f"metal3~host-{n}", provision_state="active") for n in range(100)]
    async with informing(bench) as woken:
        assert woken == []
        ironic.set(nodes[3], power_state="power off")
        del ironic.nodes[nodes[4]["uuid"]]
        ironic.add("metal3~new")
        await asyncio.sleep(61)
        assert sorted(woken) == [key("host-3"), key("host-4"), key("new")]
        await asyncio.sleep(300)
        assert len(woken) == 3


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("provision_state", "error"),
        ("target_power_state", "power off"),
        ("power_state", None),
        ("maintenance", True),
        ("fault", "power failure"),
        ("last_error", "x"),
        ("health", "Critical"),
        ("provision_updated_at", "later"),
        ("instance_uuid", "x"),
    ],
)
async def test_what_counts_as_news(bench, ironic, field, value):
    """Everything a settled host's status depends on."""
    node = ironic.add(provision_state="active")
    async with informing(bench) as woken:
        node[field] = value
        await asyncio.sleep(61)
        assert woken == [key("host-0")]


@pytest.mark.parametrize("field", ["reservation", "driver_info", "properties"])
async def test_what_is_no_news(bench, ironic, field):
    """A lock comes and goes all the time; settings are written by the operator itself."""
    node = ironic.add(provision_state="active")
    async with informing(bench) as woken:
        node[field] = {"x": 1}
        await asyncio.sleep(61)
        assert woken == []


async def test_heartbeats_of_a_waiting_agent_wake_nobody(bench, ironic):
    """They move a time stamp only."""
    node = ironic.add(provision_state="wait call-back", target_provision_state="active")
    async with informing(bench) as woken:
        for _ in range(5):
            ironic.set(node)
            await asyncio.sleep(61)
        assert woken == []


async def test_nodes_of_somebody_else_wake_nobody(bench, ironic):
    """A node without the operator's kind of name belongs to no host."""
    node = ironic.add("a-plain-name")
    async with informing(bench) as woken:
        ironic.set(node, provision_state="active")
        await asyncio.sleep(61)
        assert woken == []


async def test_a_settled_host_costs_no_requests(bench, ironic, access):
    """Registering, adopting, power, health: all from the listing."""
    data = access(state="provisioned")
    async with informing(bench) as woken:
        _, identity = await (await bench.provisioner()).register(
            data, credentials_changed=False, restart_on_failure=False
        )
        await asyncio.sleep(10)
        assert woken[-1] == key("host-0")
        ironic.set(ironic.nodes[identity], provision_state="active", power_state="power on")
        await asyncio.sleep(61)
        ironic.calls.clear()
        for _ in range(10):
            provisioner = await bench.provisioner()
            assert await provisioner.register(
                data, credentials_changed=False, restart_on_failure=False
            ) == (Result.complete(), identity)
            assert (
                await provisioner.adopt(state="provisioned", restart_on_failure=False)
                == Result.complete()
            )
            assert (await provisioner.update_hardware_state()).powered_on is True
            assert await provisioner.power_on(force=False) == Result.complete()
            assert await provisioner.health() == ""
        assert ironic.calls == []


async def test_a_restart_with_many_hosts_costs_a_few_requests(bench, ironic, access):
    """Nodes and ports come by the page, not by the host."""
    await informed_fleet(bench, ironic, access, 300)
    bench.configure()
    ironic.calls.clear()
    async with informing(bench):
        for number in range(300):
            result, _ = await (await mine(bench, number)).register(
                access(state="provisioned"), credentials_changed=False, restart_on_failure=False
            )
            assert result == Result.complete()
    assert ironic.writes() == []
    assert len(ironic.calls) <= 5


def mac(number):
    """The boot MAC address of one host of many."""
    return f"52:54:00:00:{number >> 8:02x}:{number & 255:02x}"


async def mine(bench, number):
    """The provisioner of one host of many."""
    return await bench.provisioner(name=f"host-{number}", boot_mac_address=mac(number))


async def informed_fleet(bench, ironic, access, count):
    """Hosts that are registered and active."""
    for number in range(count):
        _, identity = await (await mine(bench, number)).register(
            access(), credentials_changed=False, restart_on_failure=False
        )
        ironic.set(ironic.nodes[identity], provision_state="active", target_provision_state=None)
    ironic._due.clear()


async def test_idle_and_busy_pace(bench, ironic):
    """Once a minute at rest; often while something moves, slower the longer it takes."""
    ironic.add(provision_state="manageable")
    ironic.step_time = 5
    async with informing(bench):
        ironic.calls.clear()
        await asyncio.sleep(600)
        assert listings(ironic) == 10
        provisioner = await bench.provisioner()
        ironic.calls.clear()
        await provisioner.deprovision(restart_on_failure=False, automated_cleaning_mode="metadata")
        await asyncio.sleep(10)
        assert 10 <= listings(ironic) <= 25
        ironic.step_time = 3600
        node = next(iter(ironic.nodes.values()))
        ironic.set(node, provision_state="manageable")
        await asyncio.sleep(61)
        await (await bench.provisioner()).deprovision(
            restart_on_failure=False, automated_cleaning_mode="metadata"
        )
        await asyncio.sleep(600)
        ironic.calls.clear()
        await asyncio.sleep(600)
        assert 50 <= listings(ironic) <= 70


async def test_a_step_wakes_its_host_when_it_ends(bench, ironic):
    """The answer only says to come back in a minute; the wake-up comes within a second or two."""
    ironic.add(provision_state="manageable")
    async with informing(bench) as woken:
        started = asyncio.get_running_loop().time()
        result = await (await bench.provisioner()).deprovision(
            restart_on_failure=False, automated_cleaning_mode="metadata"
        )
        assert result == Result.again(BACKSTOP)
        await asyncio.sleep(ironic.step_time + 2)
        assert woken[-1] == key("host-0")
        assert (
            await (await bench.provisioner()).deprovision(
                restart_on_failure=False, automated_cleaning_mode="metadata"
            )
        ) == Result.complete()
        assert asyncio.get_running_loop().time() - started < ironic.step_time + 3


async def test_a_step_that_leaves_no_trace_wakes_its_host(bench, ironic):
    """Power that fails with the very error that was there before, between two listings."""
    ironic.add(provision_state="active", power_state="power off", last_error="no power")
    ironic.step_time = 0.01
    ironic.fails["power"] = "no power"
    async with informing(bench) as woken:
        await (await bench.provisioner()).power_on(force=False)
        await asyncio.sleep(3)
        assert woken == [key("host-0")]


async def test_a_node_that_was_written_is_read_again(bench, ironic):
    """Nobody decides on a listing older than the last write, unless its outcome is certain."""
    ironic.add(provision_state="inspect wait")
    async with informing(bench):
        await (await bench.provisioner()).power_off(
            "hard", force=False, automated_cleaning_mode="metadata"
        )
        assert ironic.targets() == ["abort"]
        ironic.calls.clear()
        await (await bench.provisioner()).update_hardware_state()
        assert [method for method, _, _ in ironic.calls] == ["GET"]


async def test_what_ironic_began_when_it_accepted_is_known(bench, ironic):
    """The next look at the host waits without asking."""
    ironic.add(provision_state="manageable")
    async with informing(bench):
        await (await bench.provisioner()).deprovision(
            restart_on_failure=False, automated_cleaning_mode="metadata"
        )
        ironic.calls.clear()
        result = await (await bench.provisioner()).deprovision(
            restart_on_failure=False, automated_cleaning_mode="metadata"
        )
        assert result.dirty
        assert ironic.calls == []


async def test_a_step_that_fails_at_once_is_told(bench, ironic):
    """It was known to have begun, and was over before anybody looked."""
    ironic.add(provision_state="manageable")
    ironic.step_time = 0
    ironic.fails["provide"] = "no agent"
    async with informing(bench) as woken:
        provisioner = await bench.provisioner()
        await provisioner.deprovision(restart_on_failure=False, automated_cleaning_mode="metadata")
        await asyncio.sleep(1)
        assert woken == [key("host-0")]
        result = await (await bench.provisioner()).deprovision(
            restart_on_failure=False, automated_cleaning_mode="metadata"
        )
        assert "no agent" in result.error_message


async def test_an_ironic_that_is_away_turns_hosts_away_and_wakes_them_later(bench, ironic):
    """Not ready while it is gone; each known host woken once when it is back."""
    for name in ("a", "b"):
        ironic.add(f"metal3~{name}", provision_state="active")
    async with informing(bench) as woken:
        await (await bench.provisioner(name="a")).update_hardware_state()
        ironic.down = True
        await asyncio.sleep(61)
        with pytest.raises(NotReadyError, match="cannot be reached"):
            await bench.provisioner(name="b")
        await asyncio.sleep(3600)
        assert woken == []
        ironic.down = False
        await asyncio.sleep(31)
        assert sorted(woken) == [key("a"), key("b")]
        await bench.provisioner(name="b")


async def test_an_ironic_that_comes_late_is_waited_for(bench, ironic):
    """Hosts that asked before are woken once, the others are not."""
    ironic.down = True
    ironic.add("metal3~other", provision_state="active")
    async with informing(bench) as woken:
        with pytest.raises(NotReadyError):
            await bench.provisioner()
        ironic.down = False
        await asyncio.sleep(5)
        assert woken == [key("host-0")]


async def test_an_ironic_without_conductor_is_not_ready(bench, ironic):
    """It answers, but no driver works."""
    ironic.drivers = []
    async with informing(bench):
        await asyncio.sleep(5)
        with pytest.raises(NotReadyError, match="no drivers"):
            await bench.provisioner()


async def test_an_ironic_away_is_not_hammered(bench, ironic):
    """Half a minute between two attempts in the end."""
    attempts = []
    real = ironic.send

    async def send(*args, **kwargs):
        attempts.append(asyncio.get_running_loop().time())
        return await real(*args, **kwargs)

    ironic.send = send
    ironic.down = True
    async with informing(bench):
        await asyncio.sleep(600)
    assert len(attempts) <= 26


async def test_pages_are_put_together(bench, ironic):
    """Whatever page size Ironic insists on."""
    ironic.page = 7
    for number in range(50):
        node = ironic.add(f"metal3~host-{number}")
        ironic.add_port(mac(number), node["uuid"])
    async with informing(bench):
        assert len(bench.backend.informer.snapshot.nodes) == 50
        assert all(bench.backend.informer.ports(uuid) for uuid in ironic.nodes)


FIELDS = ("provision_state", "power_state", "last_error", "reservation")
NODES = st.dictionaries(
    st.sampled_from("abcdef"),
    st.fixed_dictionaries({name: st.sampled_from(["x", "y"]) for name in FIELDS}),
)


@settings(max_examples=200)
@given(NODES, NODES)
@pytest.mark.looptime(enabled=False)
def test_the_difference_is_exact(old, new):
    """Precisely the nodes that came, went, or differ in what is watched."""
    watched = FIELDS[:3]
    different = {
        uuid
        for uuid in old.keys() | new.keys()
        if uuid not in old or uuid not in new or any(old[uuid][f] != new[uuid][f] for f in watched)
    }
    assert {node.uuid for node in changed(snapshot(old), snapshot(new))} == different


def snapshot(nodes):
    """A listing of these nodes."""
    return Snapshot(0, {uuid: Node({"uuid": uuid, **raw}, 0) for uuid, raw in nodes.items()}, {})


async def test_a_deleted_node_is_no_ghost(bench, ironic, access):
    """A listing that was under way while the node was deleted does not bring it back."""
    ironic.add(provision_state="available")
    real = ironic.send

    async def slow_listing(method, path, **kwargs):
        reply = await real(method, path, **kwargs)
        await asyncio.sleep(1 if path.startswith("/v1/nodes?") else 0)
        return reply

    async with informing(bench):
        ironic.send = slow_listing
        bench.backend.informer.nudge()
        await asyncio.sleep(0.9)
        assert await (await bench.provisioner()).delete() == Result.complete()
        await asyncio.sleep(1)
        result, identity = await (await bench.provisioner(provisioner_id="")).register(
            access(), credentials_changed=False, restart_on_failure=False
        )
        assert result.dirty
        assert list(ironic.nodes) == [identity]


async def test_a_host_whose_id_nobody_noted_is_verified_once(bench, ironic, access):
    """The node is found by its name: no second node, no second try, and the failure is told."""
    ironic.step_time = 0.3
    ironic.fails["manage"] = "401"
    async with informing(bench) as woken:
        results: list[Result] = []
        for _ in range(8):
            provisioner = await bench.provisioner(provisioner_id="")
            result, _ = await provisioner.register(
                access(), credentials_changed=not results, restart_on_failure=False
            )
            results.append(result)
            await asyncio.sleep(1)
    assert ironic.targets() == ["manage"]
    assert "refused the credentials" in results[-1].error_message
    assert [call for call in ironic.calls if call[:2] == ("POST", "/v1/nodes")] == ironic.writes()[
        :1
    ]
    assert woken == [key("host-0")]


async def test_all_nodes_are_known_without_asking(bench, ironic):
    """With the host each belongs to; nothing is claimed while Ironic does not answer."""
    assert bench.backend.machines() is None
    ironic.add("metal3~host-0", provision_state="active")
    ironic.add("by-hand")
    async with informing(bench):
        ironic.calls.clear()
        found = {m.name: (m.host, m.state) for m in bench.backend.machines()}
        assert found == {
            "metal3~host-0": (key("host-0"), "active"),
            "by-hand": (None, "manageable"),
        }
        assert ironic.calls == []
        ironic.down = True
        await asyncio.sleep(120)
        assert bench.backend.machines() is None
