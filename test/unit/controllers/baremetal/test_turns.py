"""Who may begin a long step: the line, its limits, and who holds nobody up."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers.baremetal import BaremetalOptions
from metal3.controllers.baremetal.host.capacity import BACKEND, EXPIRY, CapacityQueue
from metal3.provisioner import BackendError
from metal3.provisioner.fixture import FixtureOptions
from metal3.runtime.types import NamespacedName

A, B, C, D = (NamespacedName("metal3", name) for name in "abcd")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + EXPIRY + timedelta(seconds=1)
ALL = frozenset({BACKEND})
RACK1 = frozenset({("rack", "1")})
RACK2 = frozenset({("rack", "2")})
State = metal3api.ProvisioningState
IMAGE = {"url": "http://images/a.qcow2", "checksum": "abc"}

pytestmark = pytest.mark.looptime(start=0)


@pytest.fixture
def woken():
    """Hosts that the queue woke, in order."""
    return []


@pytest.fixture
def queue(woken):
    """A queue with the backend's limit only."""
    return CapacityQueue(wake=woken.append)


@pytest.fixture
def racks(woken):
    """A queue with one slot for each rack besides."""
    return CapacityQueue(wake=woken.append, limits={"rack": 1})


def test_turns_go_to_those_who_waited_longest(queue, woken):
    """A late host does not overtake; a free slot wakes the first in line."""
    queue.grant(A, ALL)
    queue.wait(B, ALL, NOW)
    queue.wait(C, ALL, NOW)
    assert not queue.may_ask(C, ALL, NOW)
    assert queue.may_ask(A, ALL, NOW)
    queue.leave(A)
    assert woken == [B]
    assert queue.may_ask(B, ALL, NOW)
    queue.grant(B, ALL)
    assert woken == [B, C]
    assert queue.may_ask(C, ALL, NOW)
    assert queue.waiting == (C,)


def test_who_leaves_the_line_does_not_block_it(queue, woken):
    """The next one is woken at once; one that is never seen again holds up nobody for ever."""
    queue.wait(A, ALL, NOW)
    queue.wait(B, ALL, NOW)
    queue.leave(A)
    assert woken == [B]
    queue.wait(C, ALL, LATER)
    assert queue.may_ask(C, ALL, LATER)


def test_who_steps_aside_keeps_its_place(queue, woken):
    """A host in passing trouble lets others go first, and is the first again after it."""
    queue.wait(A, ALL, NOW)
    queue.wait(B, ALL, NOW)
    queue.step_aside(A)
    assert woken == [B]
    assert queue.may_ask(B, ALL, NOW)
    queue.step_aside(A)
    assert woken == [B]
    queue.wait(A, ALL, NOW)
    assert not queue.may_ask(B, ALL, NOW)


def test_the_line_moves_on_behind_one_that_stepped_aside(queue, woken):
    """Whoever goes next hands the turn on, although somebody stands before it."""
    for key in (A, B, C):
        queue.wait(key, ALL, NOW)
    queue.step_aside(A)
    queue.grant(B, ALL)
    assert woken == [B, C]
    queue.leave(C)
    assert woken == [B, C]


def test_a_full_rack_holds_up_nobody_in_another(racks, woken):
    """Each value of the label has slots of its own, and a line of its own."""
    racks.grant(A, RACK1 | ALL)
    racks.wait(B, RACK1 | ALL, NOW)
    assert racks.full(RACK1) == ("rack", "1")
    assert racks.may_ask(C, RACK2 | ALL, NOW)
    racks.grant(C, RACK2 | ALL)
    racks.wait(D, RACK2 | ALL, NOW)
    woken.clear()
    racks.leave(C)
    assert woken == [D]
    racks.grant(D, RACK2 | ALL)
    woken.clear()
    racks.leave(A)
    assert woken == [B]


def test_the_backends_limit_goes_in_turn_across_racks(racks, woken):
    """Who waits for the backend only is not overtaken by another rack."""
    racks.wait(A, RACK1 | ALL, NOW)
    assert racks.is_next(A, NOW)
    assert not racks.may_ask(B, RACK2 | ALL, NOW)
    assert racks.may_ask(C, RACK2, NOW), "a host the backend does not limit need not wait for it"


def test_who_leaves_the_middle_of_the_line_lets_those_behind_go(racks, woken):
    """It held up its rack only, and was not the first."""
    racks.wait(A, ALL, NOW)
    racks.wait(B, RACK1 | ALL, NOW)
    racks.wait(C, RACK1, NOW)
    assert not racks.may_ask(C, RACK1, NOW)
    racks.leave(B)
    assert C in woken


def test_only_labels_that_are_limited_count(racks):
    """A host without the label, or a label without a limit, is bound by nothing here."""
    assert racks.groups_of({"rack": "1", "size": "big"}, by_backend=False) == RACK1
    assert racks.groups_of({"size": "big"}, by_backend=False) == frozenset()
    assert racks.groups_of({"size": "big"}, by_backend=True) == ALL


def limited(make_host, name, rack="1", **spec):
    """A host in a rack."""
    host = make_host(name, **spec)
    host.metadata.labels["rack"] = rack
    return host


async def test_one_host_of_a_rack_at_a_time(bench, make_host):
    """The second of the rack waits and says why; one of another rack goes on."""
    options = BaremetalOptions(limits_per_label={"rack": 1})
    others = [limited(make_host, "host-1"), limited(make_host, "host-2", rack="2")]
    b = bench(limited(make_host, "host-0"), *others, options=options)
    one, two = (b.key._replace(name=host.metadata.name) for host in others)
    await b.until(State.INSPECTING)
    await b.reconcile()
    for key in (one, two):
        for _ in range(4):
            await b.reconcile(key)
        await asyncio.sleep(0.5)
        await b.reconcile(key)
    host = await b.host(one)
    assert host.status.operational_status == "delayed"
    message = b.condition(host, "Progressing").message
    assert "1 of 1 slots for hosts with the label rack=1" in message
    assert (await b.host(two)).status.provisioning.state == "inspecting"
    await b.until(State.PREPARING)
    assert one in b.woken
    await b.reconcile(one)
    assert (await b.host(one)).status.provisioning.state == "inspecting"


async def test_slots_are_remembered_over_a_restart(bench, make_host):
    """A host that is under way keeps its slot although the operator that gave it is gone."""
    options = BaremetalOptions(limits_per_label={"rack": 1})
    b = bench(limited(make_host, "host-0"), limited(make_host, "host-1"), options=options)
    other = b.key._replace(name="host-1")
    await b.until(State.INSPECTING)
    for _ in range(4):
        await b.reconcile(other)
    b.restart()
    await asyncio.sleep(0.5)
    await b.reconcile(other)
    assert (await b.host(other)).status.operational_status == "delayed"
    await b.until(State.PREPARING)
    assert b.woken == [other]


async def head_of_line(bench, make_host):
    """Three hosts and one slot: the first has it, the others wait in order."""
    names = ("host-1", "host-2")
    hosts = [make_host(name) for name in names]
    b = bench(None, *hosts, fixture=FixtureOptions(limit=1))
    await b.until(State.INSPECTING)
    await b.reconcile()
    keys = [b.key._replace(name=name) for name in names]
    for key in keys:
        for _ in range(4):
            await b.reconcile(key)
    await asyncio.sleep(0.4)
    for key in keys:
        while (await b.host(key)).status.operational_status != "delayed":
            await b.reconcile(key)
            await asyncio.sleep(0.05)
    b.woken.clear()
    return b, *keys


async def change(b, key, edit):
    """What a user does to the host at the head."""
    host = await b.host(key)
    edit(host)
    await b.client.update(host)


HEADS = {
    "paused": lambda h: h.metadata.annotations.update({metal3api.PAUSED_ANNOTATION: ""}),
    "detached": lambda h: h.metadata.annotations.update(
        {metal3api.DETACHED_ANNOTATION: '{"force": true}'}
    ),
    "secret-renamed": lambda h: setattr(h.spec.bmc, "credentials_name", "no-such-secret"),
    "externally-provisioned": lambda h: setattr(h.spec, "externally_provisioned", True),
}


@pytest.mark.parametrize("edit", [pytest.param(edit, id=name) for name, edit in HEADS.items()])
async def test_a_head_that_drops_out_wakes_the_next_at_once(bench, make_host, edit):
    """Whatever becomes of the first in line, the second does not wait for a timer."""
    b, first, second = await head_of_line(bench, make_host)
    await change(b, first, edit)
    await b.reconcile(first)
    assert b.woken == [second]


async def test_a_head_that_is_deleted_wakes_the_next_at_once(bench, make_host):
    """A deletion needs no slot here, so the line moves on."""
    b, first, second = await head_of_line(bench, make_host)
    await b.client.delete(await b.host(first))
    await b.reconcile(first)
    assert b.woken == [second]


async def test_a_head_in_passing_trouble_holds_nobody_up(bench, make_host, monkeypatch):
    """While the backend or the API fails it, the next may go first."""
    b, first, second = await head_of_line(bench, make_host)

    async def broken(*_):
        raise BackendError("no answer")

    monkeypatch.setattr(type(b.backend), "provisioner", broken)
    with pytest.raises(BackendError):
        await b.reconcile(first)
    assert b.woken == [second]


async def settled(b, key, done, *, looks=400):
    """Reconcile another host until it is as wanted."""
    for _ in range(looks):
        host = await b.host(key)
        if done(host):
            return
        await b.reconcile(key)
        await asyncio.sleep(0.05)
    raise AssertionError((await b.host(key)).status.to_dict())


def is_delayed(host):
    """Whether it waits in line."""
    return host.status.operational_status == "delayed"


async def test_a_head_that_wants_nothing_any_more_wakes_the_next_at_once(bench, make_host):
    """The image was taken away again while the host was waiting to get it."""
    names = ("host-1", "host-2")
    fixture = FixtureOptions(limit=1, step_times={"provision": timedelta(hours=1)})
    b = bench(None, *(make_host(name) for name in names), fixture=fixture)
    first, second = (b.key._replace(name=name) for name in names)
    for key in (b.key, first, second):
        await settled(b, key, lambda h: h.status.provisioning.state == State.AVAILABLE)
    for key in (b.key, first, second):
        await change(b, key, lambda h: setattr(h.spec, "image", metal3api.Image.from_dict(IMAGE)))
    await settled(b, b.key, lambda h: h.status.provisioning.state == State.PROVISIONING)
    for _ in range(3):
        await b.reconcile()
    for key in (first, second):
        await settled(b, key, is_delayed)
    b.woken.clear()
    await change(b, first, lambda h: setattr(h.spec, "image", None))
    await b.reconcile(first)
    assert b.woken == [second]
    assert not is_delayed(await b.host(first))


async def test_a_head_that_is_detached_in_the_middle_wakes_the_next_at_once(bench, make_host):
    """It failed, lost its slot, and waits for another one in the state it failed in."""
    names = ("host-1", "host-2")
    times = {"inspect": timedelta(hours=1), "register": timedelta(0)}
    fixture = FixtureOptions(limit=1, step_times=times)
    b = bench(None, *(make_host(name) for name in names), fixture=fixture)
    holder, second = (b.key._replace(name=name) for name in names)
    b.backend.options = FixtureOptions(limit=1)
    b.backend.fail(b.key, "inspect")
    await b.drive(lambda h: h.status.error_type is not None)
    b.backend.options = fixture
    await settled(b, holder, lambda h: h.status.provisioning.state == State.INSPECTING)
    await b.reconcile(holder)
    await asyncio.sleep(600)
    await settled(b, b.key, is_delayed)
    await settled(b, second, is_delayed)
    assert (await b.host()).status.provisioning.state == State.INSPECTING
    b.woken.clear()
    await change(b, b.key, HEADS["detached"])
    await b.reconcile()
    assert b.woken == [second]
