"""Channel: wake-ups from anywhere, at any time."""

import asyncio
import threading

import pytest

from metal3.api.meta import v1 as metav1
from metal3.runtime.predicate import Funcs
from metal3.runtime.reconcile import Request
from metal3.runtime.source import Channel
from metal3.runtime.types import NamespacedName
from metal3.runtime.workqueue import PriorityQueue

A = NamespacedName("ns", "a")


async def _start(channel):
    queue = PriorityQueue[Request]()
    async with asyncio.TaskGroup() as tasks:
        await channel.start(queue, tasks)
    return queue


async def test_wake_ups_before_the_start_are_kept():
    """A backend may see a change before the controller runs."""
    channel = Channel()
    channel.wake(A)
    channel.wake(A, priority=3)
    queue = await _start(channel)
    assert await queue.get_with_priority() == (A, 3)
    assert len(queue) == 0


async def test_any_thread_may_wake():
    """The queue is touched only in its event loop."""
    channel = Channel()
    queue = await _start(channel)
    thread = threading.Thread(target=channel.wake, args=(A,))
    thread.start()
    async with asyncio.timeout(5):
        assert await queue.get() == Request("ns", "a")
    thread.join()


async def test_objects_go_through_predicates():
    """What is sent as an object can be filtered, also before the start."""
    channel = Channel(predicates=(Funcs(generic=lambda e: e.object.metadata.name != "no"),))
    channel.send(metav1.Object.named("early", "ns"))
    channel.send(metav1.Object.named("no", "ns"))
    queue = await _start(channel)
    channel.send(metav1.Object.named("late", "ns"))
    assert [(await queue.get()).name for _ in range(len(queue))] == ["early", "late"]


async def test_a_channel_feeds_one_controller():
    """A second start would leave the first without wake-ups."""
    channel = Channel()
    await _start(channel)
    with pytest.raises(ExceptionGroup) as raised:
        await _start(channel)
    assert "one controller" in str(raised.value.exceptions[0])
