"""Machines in the backend that nobody owns."""

import asyncio

import pytest

from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers.baremetal import BaremetalOptions
from metal3.controllers.baremetal.orphans import INTERVAL, REPEAT, OrphanWatch
from metal3.provisioner import Machine
from metal3.runtime.metrics import REGISTRY

State = metal3api.ProvisioningState
pytestmark = pytest.mark.looptime(start=0)


async def looks(watch, times):
    """Time goes by."""
    for _ in range(times):
        await asyncio.sleep(INTERVAL.total_seconds())
        await watch.look()


def said(b):
    """Warnings about orphans so far, as the host's name and the text."""
    return [(e.key, e.message) for e in b.recorder.events if e.reason == "OrphanedNode"]


def count():
    """What the gauge shows."""
    return REGISTRY.get_sample_value("metal3_orphaned_nodes")


async def lost(b):
    """The host goes by force: its finalizer is taken away, so the backend never hears of it."""
    await b.until(State.AVAILABLE)
    await b.client.delete(await b.host())
    await b.edit(lambda h: setattr(h.metadata, "finalizers", []))
    await b.reconcile()


async def test_a_node_without_a_host_is_named_and_kept(bench):
    """In an Event, on the second look, and again before the Event is forgotten; not removed."""
    b = bench()
    watch = OrphanWatch(env=b.env)
    await lost(b)
    await looks(watch, 1)
    assert (said(b), count()) == ([], 0)
    await looks(watch, 5)
    ((key, message),) = said(b)
    assert key == "BareMetalHost metal3/host-0"
    assert "metal3~host-0" in message
    assert "create the host again" in message
    assert count() == 1
    await looks(watch, REPEAT // INTERVAL)
    assert len(said(b)) == 2
    assert b.key in b.backend.nodes


async def test_a_host_that_comes_back_owns_its_node(bench, make_host):
    """The gauge goes down; the node is found by its name."""
    b = bench()
    watch = OrphanWatch(env=b.env)
    await lost(b)
    await looks(watch, 2)
    node = b.backend.nodes[b.key].id
    await b.client.create(make_host())
    await looks(watch, 1)
    assert count() == 0
    host = await b.until(State.AVAILABLE)
    assert host.status.provisioning.id == node


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda h: None, id="at rest"),
        pytest.param(
            lambda h: h.metadata.annotations.update({metal3api.PAUSED_ANNOTATION: ""}), id="paused"
        ),
        pytest.param(
            lambda h: h.metadata.annotations.update({metal3api.DETACHED_ANNOTATION: ""}),
            id="detached",
        ),
    ],
)
async def test_nodes_of_hosts_are_no_orphans(bench, change):
    """Whatever their users asked for, and after a restart too."""
    b = bench()
    await b.until(State.AVAILABLE)
    await b.edit(change)
    b.restart()
    watch = OrphanWatch(env=b.env)
    await looks(watch, 3)
    assert (said(b), count()) == ([], 0)


async def test_a_backend_that_does_not_answer_accuses_nobody(bench):
    """Neither do its old listings."""
    b = bench()
    watch = OrphanWatch(env=b.env)
    await lost(b)
    b.backend.down = True
    await looks(watch, 5)
    assert said(b) == []


@pytest.mark.parametrize(
    ("watched", "names"),
    [
        pytest.param((), {"elsewhere~host-9", "by-hand"}, id="everything"),
        pytest.param(("metal3",), set(), id="own-namespace"),
        pytest.param(("elsewhere",), {"elsewhere~host-9"}, id="that-namespace"),
    ],
)
async def test_only_nodes_of_watched_namespaces_count(bench, monkeypatch, watched, names):
    """Another operator may serve the others, with the same Ironic."""
    b = bench(options=BaremetalOptions(namespaces=watched))
    await b.until(State.AVAILABLE)
    host = b.key._replace(namespace="elsewhere", name="host-9")
    machines = [
        *b.backend.machines(),
        Machine(id="9", name="elsewhere~host-9", state="active", host=host),
        Machine(id="8", name="by-hand", state="available", host=None),
    ]
    monkeypatch.setattr(type(b.backend), "machines", lambda _: machines)
    watch = OrphanWatch(env=b.env)
    await looks(watch, 2)
    assert count() == len(names)
    assert bool(said(b)) == ("elsewhere~host-9" in names)


async def test_a_look_that_fails_stops_nobody(bench, monkeypatch):
    """It is told in the log, and the next one is made; the manager goes on."""
    b = bench()
    await lost(b)
    watch = OrphanWatch(env=b.env)
    machines, calls = b.backend.machines(), []

    def fail_once(_backend):
        calls.append(1)
        if len(calls) == 1:
            raise RuntimeError("broken")
        return machines

    monkeypatch.setattr(type(b.backend), "machines", fail_once)
    running = asyncio.ensure_future(watch.run())
    await asyncio.sleep(5 * INTERVAL.total_seconds())
    running.cancel()
    assert len(calls) > 1
    assert len(said(b)) == 1
