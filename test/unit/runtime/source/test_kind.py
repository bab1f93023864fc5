"""Kind: from the cache's events to requests."""

import asyncio
from contextlib import asynccontextmanager
from typing import ClassVar

import pytest

from metal3.api.meta import v1 as metav1
from metal3.runtime.cache import Cache
from metal3.runtime.client.fake import FakeClient
from metal3.runtime.handler import EnqueueRequestForObject
from metal3.runtime.predicate import Funcs, LabelChangedPredicate
from metal3.runtime.reconcile import Request
from metal3.runtime.source import Kind
from metal3.runtime.workqueue import LOW_PRIORITY, PriorityQueue

pytestmark = pytest.mark.looptime(start=0)


class Widget(metav1.Object):
    """A kind of its own."""

    gvk: ClassVar = metav1.GroupVersionKind("test.example", "v1", "Widget")
    plural: ClassVar[str] = "widgets"


@asynccontextmanager
async def _fed(client, *predicates):
    cache, queue = Cache(client), PriorityQueue[Request]()
    source = Kind(cache, Widget, EnqueueRequestForObject(), predicates)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(cache.run())
        await source.start(queue, tasks)
        await source.wait_for_sync()
        await asyncio.sleep(1)
        yield queue
        running.cancel()


async def test_the_initial_list_yields_to_changes():
    """Of 3 objects that are there, the one that changes comes first."""
    client = FakeClient(*(Widget.named(name, "ns") for name in "abc"))
    async with _fed(client) as queue:
        changed = await client.get(Widget, Request("ns", "c"))
        changed.metadata.labels["x"] = "y"
        await client.update(changed)
        await asyncio.sleep(1)
        got = [await queue.get_with_priority() for _ in range(len(queue))]
    low = LOW_PRIORITY
    assert [(r.name, priority) for r, priority in got] == [("c", 0), ("a", low), ("b", low)]


async def test_all_predicates_must_pass():
    """Only label changes of other objects than b get through."""
    client = FakeClient(Widget.named("a", "ns"), Widget.named("b", "ns"))
    not_b = Funcs(update=lambda e: e.object_new.metadata.name != "b", create=lambda _: False)
    async with _fed(client, LabelChangedPredicate(), not_b) as queue:
        for name in "ab":
            widget = await client.get(Widget, Request("ns", name))
            widget.metadata.labels["x"] = "y"
            await client.update(widget)
            widget = await client.get(Widget, Request("ns", name))
            widget.metadata.annotations["x"] = "y"
            await client.update(widget)
        await asyncio.sleep(1)
        assert [await queue.get() for _ in range(len(queue))] == [Request("ns", "a")]


async def test_a_broken_predicate_loses_no_wake_up():
    """An event whose predicate raises passes: looking once too often costs little."""

    def broken(event):
        raise KeyError(event)

    async with _fed(FakeClient(Widget.named("a", "ns")), Funcs(create=broken)) as queue:
        assert len(queue) == 1


async def test_a_deletion_wakes():
    """The reconciler is asked for an object that is gone."""
    client = FakeClient(Widget.named("a", "ns"))
    async with _fed(client) as queue:
        queue.done(await queue.get())
        await client.delete(Widget.named("a", "ns"))
        await asyncio.sleep(1)
        assert await queue.get_with_priority() == (Request("ns", "a"), 0)
