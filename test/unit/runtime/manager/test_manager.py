"""A manager with a controller, from start to stop, on a server in memory and on virtual time."""

import asyncio
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any, ClassVar

import pytest
from pydantic import Field

from metal3 import ctrl
from metal3.api.meta import v1 as metav1
from metal3.runtime.client import ServiceUnavailableError
from metal3.runtime.client.fake import FakeClient
from metal3.runtime.manager import Group

pytestmark = pytest.mark.looptime(start=0)


class Widget(metav1.Object):
    """A kind of its own."""

    gvk: ClassVar = metav1.GroupVersionKind("test.example", "v1", "Widget")
    plural: ClassVar[str] = "widgets"
    spec: dict[str, Any] = Field(default_factory=dict)
    status: dict[str, Any] = Field(default_factory=dict)


class Part(Widget):
    """Belongs to a widget."""

    gvk: ClassVar = metav1.GroupVersionKind("test.example", "v1", "Part")
    plural: ClassVar[str] = "parts"


class Recording:
    """A reconciler that keeps what it was asked, and does what the test says."""

    def __init__(self, act=None):
        self.asked = []
        self.act = act
        self.cancelled = 0

    async def reconcile(self, req):
        """Keep the request."""
        self.asked.append(str(req))
        if self.act is not None:
            try:
                return await self.act(req)
            except asyncio.CancelledError:
                self.cancelled += 1
                raise
        return ctrl.Result()


@asynccontextmanager
async def running(mgr):
    """The manager runs while the body does."""
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(mgr.start(stop))
        try:
            yield task
        finally:
            stop.set()


async def test_what_exists_and_what_changes_is_reconciled():
    """Objects that are there at the start, and every change afterwards, reach the reconciler."""
    client = FakeClient(Widget.named("a", "ns"), Widget.named("b", "ns"))
    mgr, seen = ctrl.Manager(client), Recording()
    ctrl.new_controller_managed_by(mgr).for_(Widget).complete(seen)
    async with running(mgr):
        await asyncio.sleep(1)
        assert sorted(seen.asked) == ["ns/a", "ns/b"]
        seen.asked.clear()
        await client.create(Widget.named("c", "ns"))
        await asyncio.sleep(1)
    assert seen.asked == ["ns/c"]


async def test_the_owner_is_woken_by_what_it_owns():
    """A change of a part asks for its widget; parts of nobody ask for nothing."""
    widget = Widget.named("a", "ns")
    widget.metadata.uid = "1"
    client = FakeClient(widget)
    mgr, seen = ctrl.Manager(client), Recording()
    ctrl.new_controller_managed_by(mgr).for_(Widget).owns(Part).complete(seen)
    async with running(mgr):
        await asyncio.sleep(1)
        seen.asked.clear()
        part = Part.named("p", "ns")
        metav1.set_owner_reference(part, metav1.owner_reference(widget, controller=True))
        await client.create(part)
        await client.create(Part.named("nobodys", "ns"))
        await asyncio.sleep(1)
    assert seen.asked == ["ns/a"]


async def test_the_manager_s_client_reads_the_cache_and_writes_to_the_server():
    """A reconciler sees what the cache has, and its writes arrive."""
    client = FakeClient(Widget.named("a", "ns"))
    mgr = ctrl.Manager(client)

    async def act(req):
        widget = await mgr.client.get(Widget, req)
        widget.status["seen"] = True
        await mgr.client.status.update(widget)
        return ctrl.Result()

    ctrl.new_controller_managed_by(mgr).for_(Widget).complete(Recording(act))
    async with running(mgr):
        await asyncio.sleep(1)
    assert (await client.get(Widget, ctrl.Request("ns", "a"))).status == {"seen": True}


async def test_what_runs_may_finish_when_the_manager_stops(looptime):
    """A reconciliation that needs ten more seconds gets them; nothing new is begun."""
    finished = []

    async def act(req):
        await asyncio.sleep(10)
        finished.append(req.name)
        return ctrl.Result()

    mgr = ctrl.Manager(FakeClient(Widget.named("a", "ns"), Widget.named("b", "ns")))
    seen = Recording(act)
    ctrl.new_controller_managed_by(mgr).for_(Widget).complete(seen)
    async with running(mgr):
        await asyncio.sleep(1)
    assert (len(finished), len(seen.asked)) == (1, 1)
    assert looptime == pytest.approx(10, abs=0.1)


async def test_what_does_not_finish_in_time_is_cancelled(looptime):
    """After the graceful time the manager does not wait any longer."""

    async def act(_):
        await asyncio.Event().wait()

    options = ctrl.ManagerOptions(graceful_shutdown_timeout=timedelta(seconds=5))
    mgr, seen = ctrl.Manager(FakeClient(Widget.named("a", "ns")), options), Recording(act)
    ctrl.new_controller_managed_by(mgr).for_(Widget).complete(seen)
    async with running(mgr):
        await asyncio.sleep(1)
    assert seen.cancelled == 1
    assert looptime == pytest.approx(6, abs=0.1)


async def test_who_swallows_cancellation_is_cancelled_again(looptime):
    """A reconciler that catches everything cannot keep the process alive by it."""

    async def act(_):
        for _ in range(3):
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(1000)

    options = ctrl.ManagerOptions(graceful_shutdown_timeout=timedelta(seconds=5))
    mgr = ctrl.Manager(FakeClient(Widget.named("a", "ns")), options)
    ctrl.new_controller_managed_by(mgr).for_(Widget).complete(Recording(act))
    async with running(mgr):
        await asyncio.sleep(1)
    assert looptime < 20


async def test_cancelling_start_stops_everything():
    """Cancelling is as good as the stop event, and goes up to the caller."""
    mgr, seen = ctrl.Manager(FakeClient(Widget.named("a", "ns"))), Recording()
    ctrl.new_controller_managed_by(mgr).for_(Widget).complete(seen)
    task = asyncio.ensure_future(mgr.start())
    await asyncio.sleep(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert seen.asked == ["ns/a"]
    assert len(asyncio.all_tasks()) == 1


class Stage:
    """A runnable that writes down when it starts and stops."""

    def __init__(self, name, diary, *, fails_after=None):
        self.name, self.diary, self.fails_after = name, diary, fails_after

    def __repr__(self):
        """The name the manager logs."""
        return self.name

    async def run(self):
        """Work, or fail."""
        self.diary.append(f"+{self.name}")
        try:
            if self.fails_after is not None:
                await asyncio.sleep(self.fails_after)
                raise OSError(f"{self.name} broke")
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.01)
            self.diary.append(f"-{self.name}")


async def test_groups_start_in_order_and_stop_in_reverse():
    """Whoever needs something starts after it and stops before it."""
    diary: list[str] = []
    mgr = ctrl.Manager(FakeClient())
    for group in (Group.LEADER_ELECTION, Group.OTHERS, Group.HTTP_SERVERS, Group.WEBHOOKS):
        mgr.add(Stage(group.name, diary), group=group)
    async with running(mgr):
        await asyncio.sleep(1)
    names = ["HTTP_SERVERS", "WEBHOOKS", "OTHERS", "LEADER_ELECTION"]
    assert diary == [f"+{name}" for name in names] + [f"-{name}" for name in reversed(names)]


@pytest.mark.parametrize("group", [Group.HTTP_SERVERS, Group.OTHERS, Group.LEADER_ELECTION])
async def test_a_failing_runnable_stops_the_manager_with_its_error(group):
    """The error goes up as it was, after all others were stopped."""
    diary: list[str] = []
    mgr = ctrl.Manager(FakeClient())
    for other in (Group.HTTP_SERVERS, Group.OTHERS, Group.LEADER_ELECTION):
        mgr.add(Stage(f"well {other.name}", diary), group=other)
    mgr.add(Stage("bad", diary, fails_after=5), group=group)
    with pytest.raises(OSError, match="bad broke"):
        await mgr.start()
    assert sorted(entry[1:] for entry in diary if entry[0] == "-") == sorted(
        entry[1:] for entry in diary if entry[0] == "+"
    )


async def test_a_runnable_may_be_added_while_the_manager_runs():
    """It starts at once, and stops with its group."""
    diary: list[str] = []
    mgr = ctrl.Manager(FakeClient())
    async with running(mgr):
        await mgr.elected.wait()
        mgr.add(Stage("late", diary))
        await asyncio.sleep(1)
        assert diary == ["+late"]
    assert diary == ["+late", "-late"]


async def test_a_manager_starts_once():
    """A second start would run everything twice."""
    mgr = ctrl.Manager(FakeClient())
    async with running(mgr):
        await asyncio.sleep(1)
        with pytest.raises(RuntimeError, match="once"):
            await mgr.start()


async def test_a_kind_that_never_syncs_fails_the_manager_with_its_name():
    """Rather than doing nothing for ever, the process ends and says what is missing."""
    client = FakeClient()
    client.fail_next("*", Widget, ServiceUnavailableError("no"), times=10**6)
    options = ctrl.ManagerOptions(cache_sync_timeout=timedelta(seconds=30))
    mgr = ctrl.Manager(client, options)
    ctrl.new_controller_managed_by(mgr).for_(Widget).complete(Recording())
    with pytest.raises(TimeoutError, match="Widget"):
        await mgr.start()
