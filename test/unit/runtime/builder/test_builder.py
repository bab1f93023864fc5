"""What can be built, and what is refused."""

import asyncio
from datetime import timedelta
from typing import ClassVar

import pytest

from metal3 import ctrl
from metal3.api.meta import v1 as metav1
from metal3.runtime.client.fake import FakeClient
from metal3.runtime.handler import enqueue_requests_from_map_func
from metal3.runtime.predicate import Funcs, LabelChangedPredicate
from metal3.runtime.source import Channel

pytestmark = pytest.mark.looptime(start=0)


class Widget(metav1.Object):
    """A kind of its own."""

    gvk: ClassVar = metav1.GroupVersionKind("test.example", "v1", "Widget")
    plural: ClassVar[str] = "widgets"


class Config(Widget):
    """What widgets read."""

    gvk: ClassVar = metav1.GroupVersionKind("test.example", "v1", "Config")
    plural: ClassVar[str] = "configs"


class Seen(list[str]):
    """A reconciler that keeps names."""

    async def reconcile(self, req):
        """Keep it."""
        self.append(req.name)
        return ctrl.Result()


def _build(mgr):
    return ctrl.new_controller_managed_by(mgr)


async def test_everything_a_reconciler_reads_can_wake_it():
    """Its kind, what maps to it, and what is told from outside."""
    client, seen, channel = FakeClient(), Seen(), Channel()
    mgr, stop = ctrl.Manager(client), asyncio.Event()

    async def users(config):
        return [ctrl.Request("ns", f"user-of-{config.metadata.name}")]

    _build(mgr).for_(Widget).watches(
        Config, enqueue_requests_from_map_func(users)
    ).watches_raw_source(channel).complete(seen)
    async with asyncio.TaskGroup() as group:
        group.create_task(mgr.start(stop))
        await mgr.elected.wait()
        await client.create(Widget.named("w", "ns"))
        await client.create(Config.named("c", "ns"))
        channel.wake(ctrl.NamespacedName("ns", "outside"))
        await asyncio.sleep(1)
        stop.set()
    assert sorted(seen) == ["outside", "user-of-c", "w"]


async def test_event_filters_hold_for_all_kinds_and_predicates_for_one():
    """Both have to pass."""
    client, seen = FakeClient(), Seen()
    mgr, stop = ctrl.Manager(client), asyncio.Event()
    not_hidden = Funcs(create=lambda event: event.object.metadata.name != "hidden")
    _build(mgr).for_(Widget, predicates=(Funcs(create=lambda _: False),)).watches(
        Config, enqueue_requests_from_map_func(lambda c: [ctrl.Request("ns", c.metadata.name)])
    ).with_event_filter(not_hidden).with_event_filter(LabelChangedPredicate()).complete(seen)
    async with asyncio.TaskGroup() as group:
        group.create_task(mgr.start(stop))
        await mgr.elected.wait()
        for obj in (Widget.named("w", "ns"), Config.named("hidden", "ns"), Config.named("c", "ns")):
            await client.create(obj)
        await asyncio.sleep(1)
        stop.set()
    assert seen == ["c"]


async def test_names_and_options_have_sensible_defaults():
    """The kind's name, and what the manager says."""
    options = ctrl.ManagerOptions(
        max_concurrent_reconciles=7, reconcile_timeout=timedelta(minutes=1)
    )
    mgr = ctrl.Manager(FakeClient(), options)
    controller = _build(mgr).for_(Widget).complete(Seen())
    assert controller.name == "widget"
    assert controller.options.max_concurrent_reconciles == 7
    assert controller.options.reconcile_timeout == timedelta(minutes=1)
    own = ctrl.ControllerOptions(max_concurrent_reconciles=2)
    named = _build(mgr).named("other").for_(Widget).with_options(own).complete(Seen())
    assert (named.name, named.options) == ("other", own)


async def test_a_name_is_taken_once_in_a_manager():
    """Two controllers of one name would share their metrics, unless that is wanted."""
    mgr = ctrl.Manager(FakeClient())
    _build(mgr).for_(Widget).complete(Seen())
    with pytest.raises(ValueError, match="'widget' already"):
        _build(mgr).for_(Widget).complete(Seen())
    options = ctrl.ControllerOptions(skip_name_validation=True)
    _build(mgr).for_(Widget).with_options(options).complete(Seen())
    _build(ctrl.Manager(FakeClient())).for_(Widget).complete(Seen())


async def test_a_controller_that_nothing_wakes_is_refused():
    """So are two kinds, owned things without an owner, and no name."""
    mgr = ctrl.Manager(FakeClient())
    with pytest.raises(ValueError, match="nothing would wake"):
        _build(mgr).named("x").complete(Seen())
    with pytest.raises(ValueError, match="one kind"):
        _build(mgr).for_(Widget).for_(Config)
    with pytest.raises(ValueError, match="needs for_"):
        _build(mgr).named("x").owns(Config).complete(Seen())
    with pytest.raises(ValueError, match="needs a name"):
        _build(mgr).watches_raw_source(Channel()).complete(Seen())
    with pytest.raises(ValueError, match="at least 1"):
        ctrl.ControllerOptions(max_concurrent_reconciles=0)
