"""A manager that has to lead before it works, and must stop at once when it leads no longer."""

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, ClassVar

import pytest
from pydantic import Field

from metal3 import ctrl
from metal3.api.coordination_k8s_io import v1 as coordinationv1
from metal3.api.meta import v1 as metav1
from metal3.runtime.client import ServiceUnavailableError
from metal3.runtime.client.fake import FakeClient
from metal3.runtime.leaderelection import LeaderElectionOptions
from metal3.runtime.manager import LeadershipLostError
from metal3.runtime.manager._assembly import Cluster

pytestmark = pytest.mark.looptime(start=0)


class Widget(metav1.Object):
    """A kind of its own."""

    gvk: ClassVar = metav1.GroupVersionKind("test.example", "v1", "Widget")
    plural: ClassVar[str] = "widgets"
    status: dict[str, Any] = Field(default_factory=dict)


def _manager(client, identity):
    return ctrl.Manager(
        client,
        ctrl.ManagerOptions(
            leader_election=LeaderElectionOptions(name="op", namespace="ns", identity=identity),
            graceful_shutdown_timeout=timedelta(seconds=30),
        ),
    )


class Stamp:
    """Writes its name into every widget, again each second, whatever happens to it."""

    def __init__(self, client, name, *, stubborn=False):
        self.client, self.name, self.stubborn = client, name, stubborn
        self.refused = []

    async def reconcile(self, req):
        """Write; a stubborn one also on the way out."""
        try:
            await self._write(req)
            await asyncio.sleep(0.5 if not self.stubborn else 3600)
        finally:
            if self.stubborn:
                try:
                    await self._write(req)
                except LeadershipLostError as error:
                    self.refused.append(error)
                    raise
        return ctrl.Result(requeue_after=timedelta(seconds=1))

    async def _write(self, req):
        widget = await self.client.get(Widget, req)
        widget.status["by"] = self.name
        await self.client.status.update(widget)


async def test_only_the_leader_works_and_the_next_takes_over_when_it_stops():
    """The second waits, also with its cache full, and begins when the first has ended."""
    client = FakeClient(Widget.named("w", "ns"))
    stops, managers = [asyncio.Event(), asyncio.Event()], []
    async with asyncio.TaskGroup() as group:
        for name, stop in zip(("one", "two"), stops, strict=True):
            mgr = _manager(client, name)
            ctrl.new_controller_managed_by(mgr).for_(Widget).complete(Stamp(mgr.client, name))
            group.create_task(mgr.start(stop))
            managers.append(mgr)
            await asyncio.sleep(1)
        await asyncio.sleep(30)
        assert [mgr.elected.is_set() for mgr in managers] == [True, False]
        assert (await client.get(Widget, ctrl.Request("ns", "w"))).status == {"by": "one"}
        stops[0].set()
        await asyncio.sleep(5)
        assert (await client.get(Widget, ctrl.Request("ns", "w"))).status == {"by": "two"}
        stops[1].set()


async def test_losing_the_lease_ends_all_work_at_once_and_nothing_is_written_afterwards(looptime):
    """No graceful time: the reconciler is cancelled, and its last words are refused."""
    client = FakeClient(Widget.named("w", "ns"))
    mgr = _manager(client, "one")
    stamp = Stamp(mgr.client, "one", stubborn=True)
    ctrl.new_controller_managed_by(mgr).for_(Widget).complete(stamp)
    task = asyncio.ensure_future(mgr.start())
    await asyncio.sleep(1)
    client.fail_next("*", coordinationv1.Lease, ServiceUnavailableError("away"), times=10**6)
    client.actions.clear()
    with pytest.raises(LeadershipLostError):
        await task
    assert looptime == pytest.approx(10, abs=0.5)
    assert len(stamp.refused) == 1
    assert [
        action for action in client.actions if action.kind == "Widget" and action.is_write
    ] == []


async def test_events_are_not_written_either_once_leadership_is_lost():
    """What was said in the last moment is dropped."""
    client = FakeClient(Widget.named("w", "ns"))
    mgr = _manager(client, "one")
    recorder = mgr.get_event_recorder_for("op")

    class LastWords:
        async def reconcile(self, req):
            """Speak when it is too late."""
            try:
                await asyncio.Event().wait()
            finally:
                recorder.normal(Widget.named(req.name, req.namespace), "Bye", "too late")

    ctrl.new_controller_managed_by(mgr).for_(Widget).complete(LastWords())
    task = asyncio.ensure_future(mgr.start())
    await asyncio.sleep(1)
    client.fail_next("*", coordinationv1.Lease, ServiceUnavailableError("away"), times=10**6)
    with pytest.raises(LeadershipLostError):
        await task
    assert [action for action in client.actions if action.kind == "Event"] == []


async def test_a_controller_that_warms_up_works_as_soon_as_it_leads():
    """What changed while another led is in the queue already."""
    client, seen = FakeClient(Widget.named("w", "ns")), []

    class Seeing:
        async def reconcile(self, req):
            """Keep the name."""
            seen.append(req.name)
            return ctrl.Result()

    mgr, stop, first_stop = _manager(client, "two"), asyncio.Event(), asyncio.Event()
    options = ctrl.ControllerOptions(enable_warmup=True)
    controller = (
        ctrl.new_controller_managed_by(mgr).for_(Widget).with_options(options).complete(Seeing())
    )
    async with asyncio.TaskGroup() as group:
        group.create_task(_manager(client, "one").start(first_stop))
        await asyncio.sleep(1)
        group.create_task(mgr.start(stop))
        await asyncio.sleep(1)
        await client.create(Widget.named("late", "ns"))
        await asyncio.sleep(10)
        assert (seen, controller.queue.depth()) == ([], 2)
        first_stop.set()
        await asyncio.sleep(5)
        assert seen == ["late", "w"]
        stop.set()


async def test_a_process_that_was_stopped_for_a_while_writes_nothing_when_it_goes_on(monkeypatch):
    """The clock is asked, since the renewal may not yet have found out that it is too late."""
    client = FakeClient(Widget.named("w", "ns"))
    mgr = _manager(client, "one")
    task = asyncio.ensure_future(mgr.start())
    await mgr.elected.wait()
    widget = await client.get(Widget, ctrl.Request("ns", "w"))
    await mgr.client.status.update(widget)
    loop = asyncio.get_running_loop()
    before = loop.time
    monkeypatch.setattr(loop, "time", lambda: before() + 60)
    client.actions.clear()
    with pytest.raises(LeadershipLostError):
        await mgr.client.status.update(await client.get(Widget, ctrl.Request("ns", "w")))
    assert [action for action in client.actions if action.is_write] == []
    with pytest.raises(LeadershipLostError):
        await task


async def test_a_lost_lease_is_an_error_also_when_closing_takes_long(monkeypatch):
    """Closing is cancelled then, which must not look like an orderly stop."""

    @asynccontextmanager
    async def slowly(_cluster):
        try:
            yield
        finally:
            await asyncio.sleep(1)

    monkeypatch.setattr(Cluster, "connected", slowly)
    client = FakeClient(Widget.named("w", "ns"))
    mgr = _manager(client, "one")
    task = asyncio.ensure_future(mgr.start())
    await mgr.elected.wait()
    client.fail_next("*", coordinationv1.Lease, ServiceUnavailableError("away"), times=10**6)
    with pytest.raises(LeadershipLostError):
        await task
