"""Which requests an event leads to."""

import asyncio
from contextlib import asynccontextmanager
from typing import ClassVar

import pytest

from metal3.api.meta import v1 as metav1
from metal3.runtime.event import CreateEvent, DeleteEvent, GenericEvent, UpdateEvent
from metal3.runtime.handler import (
    EnqueueRequestForObject,
    EnqueueRequestForOwner,
    enqueue_requests_from_map_func,
    handle,
)
from metal3.runtime.reconcile import Request
from metal3.runtime.workqueue import LOW_PRIORITY, PriorityQueue

pytestmark = pytest.mark.looptime(start=0)


class Owner(metav1.Object):
    """A kind that owns things."""

    gvk: ClassVar = metav1.GroupVersionKind("test.example", "v2", "Owner")
    plural: ClassVar[str] = "owners"


class Realm(metav1.Object):
    """A cluster-scoped kind that owns things."""

    gvk: ClassVar = metav1.GroupVersionKind("test.example", "v2", "Realm")
    plural: ClassVar[str] = "realms"
    namespaced: ClassVar[bool] = False


def _owned(*owners, name="x", controller=None, version="1"):
    obj = metav1.Object.named(name, "ns")
    obj.metadata.resource_version = version
    obj.metadata.owner_references = [
        metav1.OwnerReference(
            api_version="test.example/v1",
            kind="Owner",
            name=owner,
            uid=owner,
            controller=(owner == controller) or None,
        )
        for owner in owners
    ]
    return obj


async def _requests(handler, event):
    queue = PriorityQueue[Request]()
    handle(handler, event, queue)
    return [await queue.get_with_priority() for _ in range(len(queue))]


@pytest.mark.parametrize(
    ("event", "priority"),
    [
        (CreateEvent(object=_owned(), is_in_initial_list=True), LOW_PRIORITY),
        (CreateEvent(object=_owned()), 0),
        (UpdateEvent(object_old=_owned(), object_new=_owned()), LOW_PRIORITY),
        (UpdateEvent(object_old=_owned(), object_new=_owned(version="2")), 0),
        (DeleteEvent(object=_owned()), 0),
        (GenericEvent(object=_owned()), 0),
    ],
    ids=["initial", "create", "resync", "update", "delete", "generic"],
)
async def test_the_object_itself(event, priority):
    """Every event asks for its object; what is shown only once more is less urgent."""
    assert await _requests(EnqueueRequestForObject(), event) == [(Request("ns", "x"), priority)]


async def test_all_owners_of_the_kind_whatever_their_version():
    """Other kinds and groups do not count."""
    obj = _owned("a", "b")
    obj.metadata.owner_references[1].kind = "Other"
    found = await _requests(EnqueueRequestForOwner(Owner), CreateEvent(object=obj))
    assert found == [(Request("ns", "a"), 0)]


async def test_only_the_controller():
    """Of several owners, the one that manages the object."""
    obj = _owned("a", "b", controller="b")
    handler = EnqueueRequestForOwner(Owner, is_controller=True)
    assert await _requests(handler, CreateEvent(object=obj)) == [(Request("ns", "b"), 0)]
    assert await _requests(handler, CreateEvent(object=_owned("a"))) == []


async def test_who_lost_the_object_is_woken_as_well_as_who_got_it():
    """An update asks for the old owner and the new one."""
    event = UpdateEvent(object_old=_owned("old"), object_new=_owned("new", version="2"))
    found = await _requests(EnqueueRequestForOwner(Owner), event)
    assert [request.name for request, _ in found] == ["old", "new"]


async def test_a_cluster_scoped_owner_has_no_namespace():
    """The owner's scope decides, not the object's."""
    obj = _owned("r")
    obj.metadata.owner_references[0].kind = "Realm"
    found = await _requests(EnqueueRequestForOwner(Realm), CreateEvent(object=obj))
    assert found == [(Request("", "r"), 0)]


async def test_a_map_function_names_any_objects():
    """Each is asked for once, even if the function names it for old and new."""
    handler = enqueue_requests_from_map_func(
        lambda obj: [Request("ns", "always"), Request("ns", obj.metadata.name)]
    )
    event = UpdateEvent(object_old=_owned(name="x"), object_new=_owned(name="x", version="2"))
    assert [r.name for r, _ in await _requests(handler, event)] == ["always", "x"]


@asynccontextmanager
async def _started(fn):
    handler, queue = enqueue_requests_from_map_func(fn), PriorityQueue[Request]()
    async with asyncio.TaskGroup() as group:

        async def nest():
            async with asyncio.TaskGroup() as tasks:
                handler.start(queue, tasks)

        running = group.create_task(nest())
        await asyncio.sleep(0)
        yield handler, queue
        running.cancel()


async def test_an_async_map_function_does_not_hold_up_the_stream():
    """Events return at once; requests come when the function has answered."""

    async def slow(obj):
        await asyncio.sleep(5)
        return [Request("ns", f"of-{obj.metadata.name}")]

    async with _started(slow) as (handler, queue):
        handler.create(CreateEvent(object=_owned(name="x")), queue)
        assert len(queue) == 0
        await asyncio.sleep(6)
        assert await queue.get() == Request("ns", "of-x")


async def test_a_failing_map_function_is_asked_again():
    """A wake-up is not lost because the API server was away for a moment."""
    calls = []

    async def flaky(obj):
        calls.append(obj)
        if len(calls) < 4:
            raise ConnectionError("away")
        return [Request("ns", "target")]

    async with _started(flaky) as (handler, queue):
        handler.create(CreateEvent(object=_owned()), queue)
        await asyncio.sleep(1)
        assert await queue.get() == Request("ns", "target")
        assert len(calls) == 4


async def test_many_events_of_one_object_are_mapped_as_first_and_last():
    """What is between them needs no answer of its own, and no memory."""
    asked = []

    async def fn(obj):
        asked.append(obj.metadata.resource_version)
        return []

    async with _started(fn) as (handler, queue):
        for version in range(1, 100):
            event = UpdateEvent(
                object_old=_owned(version=str(version)), object_new=_owned(version=str(version + 1))
            )
            handler.update(event, queue)
        await asyncio.sleep(1)
    assert asked == ["1", "100"]
