"""Looks at the nodes that changed last, in place of all of them."""

import asyncio
from itertools import count

import looptime
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from metal3.provisioner.ironic import _nodes, _snapshot
from metal3.provisioner.ironic._client import Client
from metal3.provisioner.ironic._nodes import NodeInformer
from metal3.provisioner.ironic._pace import IDLE

from .fake_ironic import FakeIronic
from .test_informer import informing, key, listings

FLEET = 300


@pytest.fixture
def fleet(ironic):
    """Many nodes, of which the first can be given something long to do."""
    ironic.step_time = 1000
    nodes = [ironic.add(f"metal3~host-{n}", provision_state="active") for n in range(FLEET)]
    ironic.set(nodes[0], provision_state="manageable")
    return nodes


@pytest.fixture
def sizes(ironic):
    """How many nodes each reading of several gave."""
    found: list[int] = []
    page = ironic._page

    def counting(*args):
        answer = page(*args)
        found.append(len(answer.get("nodes", ())))
        return answer

    ironic._page = counting
    return found


async def start_something(bench):
    """From now on the informer looks often."""
    await (await bench.provisioner()).deprovision(
        restart_on_failure=False, automated_cleaning_mode="metadata"
    )


@pytest.mark.looptime
async def test_a_look_reads_no_more_than_the_newest(bench, ironic, fleet, sizes):
    """However many nodes there are, and the one that changed wakes its host."""
    async with informing(bench) as woken:
        await start_something(bench)
        sizes.clear()
        await asyncio.sleep(4)
        woken.clear()
        ironic.set(fleet[200], power_state="power off")
        await asyncio.sleep(4)
        assert woken == [key("host-200")]
        assert len(sizes) > 5
        assert max(sizes) == _snapshot.FEWEST


@pytest.mark.looptime
async def test_a_look_reads_as_many_as_changed_lately(bench, ironic, fleet, sizes):
    """When more changed than it expected it reads on, and expects more from then on."""
    async with informing(bench) as woken:
        await start_something(bench)
        await asyncio.sleep(10)
        woken.clear()
        sizes.clear()
        for node in fleet[1:41]:
            ironic.set(node, power_state="power off")
        await asyncio.sleep(4)
        assert sorted(woken) == sorted(key(f"host-{n}") for n in range(1, 41))
        assert sizes[:2] == [_snapshot.FEWEST, _snapshot.MOST]
        assert set(sizes[2:]) == {52}
        await asyncio.sleep(10)
        ironic.set(fleet[200], power_state="power off")
        await asyncio.sleep(10)
        assert sizes[-1] == _snapshot.FEWEST


@pytest.mark.looptime
async def test_all_are_read_when_more_changed_than_a_look_shows(bench, ironic, fleet, sizes):
    """Nobody is forgotten."""
    async with informing(bench) as woken:
        await start_something(bench)
        await asyncio.sleep(10)
        woken.clear()
        for node in fleet[1:]:
            ironic.set(node, power_state="power off")
        await asyncio.sleep(4)
        assert sorted(woken) == sorted(key(f"host-{n}") for n in range(1, FLEET))
        assert FLEET in sizes


@pytest.mark.looptime
async def test_what_somebody_deletes_is_found_within_a_minute(bench, ironic, fleet):
    """No look at the newest can show it."""
    async with informing(bench) as woken:
        await start_something(bench)
        await asyncio.sleep(2)
        woken.clear()
        del ironic.nodes[fleet[7]["uuid"]]
        await asyncio.sleep(IDLE)
        assert woken == [key("host-7")]
        assert listings(ironic) < 80


NAMES = st.sampled_from("abcdefgh")
STATES = st.sampled_from(["active", "available", "deploying", "error"])


class Looks(RuleBasedStateMachine):
    """Nodes change in any way; after each look every one of them is known as it is."""

    def __init__(self):
        super().__init__()
        self.loop = looptime.new_event_loop()
        self.ironic = FakeIronic()
        self.client = Client(self.ironic)
        self.informer = NodeInformer(self.client)
        self.woken: list[object] = []
        self.numbers = count()

    def teardown(self):
        """Nothing runs on."""
        self.loop.close()

    @initialize(names=st.sets(NAMES))
    def begin(self, names):
        """Some are there."""
        for name in sorted(names):
            self.ironic.add(name, provision_state="active")
        self.look()

    @rule(name=NAMES)
    def add(self, name):
        """Somebody makes a node, and changes it."""
        if name not in {node["name"] for node in self.ironic.nodes.values()}:
            node = self.ironic.add(name, provision_state="active")
            self.loop.run_until_complete(self._seen_by_others())
            self.ironic.set(node, last_error=str(next(self.numbers)))

    async def _seen_by_others(self) -> None:
        self.ironic._stamp()

    @rule(name=NAMES, state=STATES)
    def change(self, name, state):
        """One node changes."""
        for node in self.ironic.nodes.values():
            if node["name"] == name:
                self.ironic.set(node, provision_state=state)

    @rule(seconds=st.sampled_from([0.5, 3, 30]))
    def wait(self, seconds):
        """Time goes by."""
        self.loop.run_until_complete(asyncio.sleep(seconds))

    @rule()
    def look(self):
        """The informer looks; what it sees is true."""
        self.loop.run_until_complete(self.informer._tick(self.woken.append))
        seen = self.informer.snapshot.nodes
        assert {u: n.state for u, n in seen.items()} == {
            uuid: node["provision_state"] for uuid, node in self.ironic.nodes.items()
        }

    @invariant()
    def names_are_known(self):
        """The index of names fits the nodes."""
        snapshot = self.informer.snapshot
        assert {n.name: n for n in snapshot.nodes.values()} == dict(snapshot.by_name)


@pytest.mark.looptime(enabled=False)
def test_every_look_shows_what_is_there(monkeypatch):
    """With looks so small that changes do not fit into them."""
    monkeypatch.setattr(_snapshot, "FEWEST", 1)
    monkeypatch.setattr(_snapshot, "MOST", 3)
    monkeypatch.setattr(_nodes, "MOST", 3)
    size = settings(max_examples=60, stateful_step_count=25, deadline=None)
    run_state_machine_as_test(Looks, settings=size)
