"""PriorityQueue on virtual time: order, delays, shutting down, counting."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from metal3.runtime.workqueue import LOW_PRIORITY, PriorityQueue, ShutDownError

pytestmark = pytest.mark.looptime(start=0)


def _seconds(number):
    return timedelta(seconds=number)


async def test_items_come_out_in_the_order_they_went_in():
    """Equal priority: first in, first out."""
    queue = PriorityQueue[Any]()
    for item in "abc":
        queue.add(item)
    assert [await queue.get() for _ in range(3)] == ["a", "b", "c"]


async def test_changes_overtake_the_initial_list():
    """A thousand low-priority items do not delay one change."""
    queue = PriorityQueue[Any]()
    for number in range(1000):
        queue.add(number, priority=LOW_PRIORITY)
    queue.add("change")
    assert await queue.get_with_priority() == ("change", 0)
    assert await queue.get_with_priority() == (0, LOW_PRIORITY)


async def test_a_second_add_may_raise_the_priority_but_never_lower_it():
    """The highest priority an item was added with is the one it has, and it comes out once."""
    queue = PriorityQueue[Any]()
    queue.add("x", priority=LOW_PRIORITY)
    queue.add("y", priority=-1)
    queue.add("x", priority=5)
    queue.add("x", priority=-7)
    assert await queue.get_with_priority() == ("x", 5)
    assert await queue.get_with_priority() == ("y", -1)
    assert queue.depth() == 0


async def test_an_item_in_work_is_not_handed_out_again():
    """What is added while it is worked on waits for done, and then comes once."""
    queue = PriorityQueue[Any]()
    queue.add("x")
    await queue.get()
    queue.add("x")
    queue.add("x")
    second = asyncio.ensure_future(queue.get())
    await asyncio.sleep(10)
    assert not second.done()
    queue.done("x")
    assert await second == "x"
    queue.done("x")
    assert len(queue) == 0


async def test_delayed_items_come_out_when_due(looptime):
    """Items leave the queue in the order they fall due, not the order they went in."""
    queue = PriorityQueue[Any]()
    queue.add_after("later", timedelta(hours=1))
    queue.add_after("sooner", _seconds(5))
    assert (await queue.get(), looptime.__int__()) == ("sooner", 5)
    assert await queue.get() == "later"
    assert looptime == 3600


async def test_of_two_delays_the_earlier_wins(looptime):
    """Bringing forward works, putting off does not, and the item comes once."""
    queue = PriorityQueue[Any]()
    queue.add_after("x", _seconds(100))
    queue.add_after("x", _seconds(10))
    queue.add_after("x", _seconds(50))
    assert await queue.get() == "x"
    assert looptime == 10
    queue.done("x")
    await asyncio.sleep(200)
    assert (queue.depth(), len(queue)) == (0, 0)


async def test_an_add_takes_the_place_of_a_delay(looptime):
    """Who is looked at now need not be looked at again for the old reason."""
    queue = PriorityQueue[Any]()
    queue.add_after("x", _seconds(100))
    queue.add("x")
    assert await queue.get() == "x"
    assert looptime == 0
    queue.done("x")
    assert len(queue) == 0


async def test_several_getters_are_all_served_by_one_timer():
    """Items that fall due at the same time do not wait for another event to be handed out."""
    queue = PriorityQueue[Any]()
    async with asyncio.TaskGroup() as group:
        getters = [group.create_task(queue.get()) for _ in range(3)]
        await asyncio.sleep(0)
        for item in "abc":
            queue.add_after(item, _seconds(1))
    assert sorted(getter.result() for getter in getters) == ["a", "b", "c"]


async def test_a_cancelled_getter_passes_its_wake_up_on():
    """An item that was announced to somebody who left goes to somebody else."""
    queue = PriorityQueue[Any]()
    async with asyncio.TaskGroup() as group:
        leaving = group.create_task(queue.get())
        staying = group.create_task(queue.get())
        await asyncio.sleep(0)
        queue.add("x")
        leaving.cancel()
        async with asyncio.timeout(1):
            assert await staying == "x"


async def test_failures_back_off_until_forgotten(looptime):
    """5 ms, 10 ms, 20 ms; after forget, 5 ms again."""
    queue = PriorityQueue[Any]()
    waits = []
    for _ in range(3):
        before = asyncio.get_running_loop().time()
        queue.add_rate_limited("x")
        await queue.get()
        waits.append(round((asyncio.get_running_loop().time() - before) * 1000))
        queue.done("x")
    assert waits == [5, 10, 20]
    assert queue.num_requeues("x") == 3
    queue.forget("x")
    assert queue.num_requeues("x") == 0


async def test_shut_down_ends_all_getters_and_takes_nothing_in():
    """Everybody who waits is told, and later adds are ignored."""
    queue = PriorityQueue[Any]()
    async with asyncio.TaskGroup() as group:
        getters = [group.create_task(_ends(queue)) for _ in range(3)]
        await asyncio.sleep(1)
        queue.shut_down()
    assert [getter.result() for getter in getters] == [True, True, True]
    queue.add("x")
    queue.add_after("y", _seconds(1))
    assert (len(queue), queue.is_shutting_down) == (0, True)
    with pytest.raises(ShutDownError):
        await queue.get()


async def _ends(queue):
    with pytest.raises(ShutDownError):
        await queue.get()
    return True


async def test_drain_waits_for_what_is_ready_and_in_work(looptime):
    """Ready items are still worked on, delayed ones are dropped, and then it is over."""
    queue = PriorityQueue[Any]()
    done = []
    queue.add("in work")
    await queue.get()
    queue.add("in work")  # again, while it is worked on
    queue.add("ready")
    queue.add_after("delayed", _seconds(1000))

    async def work():
        await asyncio.sleep(5)
        queue.done("in work")
        while True:
            try:
                item = await queue.get()
            except ShutDownError:
                return
            await asyncio.sleep(1)
            done.append(item)
            queue.done(item)

    async with asyncio.TaskGroup() as group:
        group.create_task(work())
        await queue.shut_down_with_drain()
    assert sorted(done) == ["in work", "ready"]
    assert looptime == 7


async def test_an_object_woken_often_leaves_nothing_behind():
    """Long requeues that are overtaken by changes do not pile up."""
    queue = PriorityQueue[Any]()
    queue.add_after("first in line", timedelta(minutes=30))
    for _ in range(10_000):
        queue.add_after("x", timedelta(hours=1))
        queue.add("x")
        await queue.get()
        queue.done("x")
    assert len(queue) == 1
    assert len(queue._schedule._delayed) < 200
