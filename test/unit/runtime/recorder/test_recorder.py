"""What is written for what was said, on virtual time."""

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import ClassVar

import pytest

from metal3.api.meta import v1 as metav1
from metal3.runtime.recorder import (
    Broadcaster,
    BroadcasterOptions,
    FakeRecorder,
    SinkGoneError,
    SinkRefusedError,
    SinkUnavailableError,
)

pytestmark = pytest.mark.looptime(start=0)


class Widget(metav1.Object):
    """A kind of its own."""

    gvk: ClassVar = metav1.GroupVersionKind("test.example", "v1", "Widget")
    plural: ClassVar[str] = "widgets"


class Realm(Widget):
    """A cluster-scoped kind."""

    gvk: ClassVar = metav1.GroupVersionKind("test.example", "v1", "Realm")
    namespaced: ClassVar[bool] = False


class Sink:
    """Keeps what was written, and raises what it is told to."""

    def __init__(self):
        self.calls = []
        self.errors = []
        self.unreachable_for = {}
        self.takes = 0.0
        self.in_work = []

    async def create(self, event):
        """Keep it."""
        await self._write("create", event)

    async def update_series(self, event):
        """Keep it."""
        await self._write("series", event)

    async def _write(self, verb, event):
        self.in_work.append(event.metadata.name)
        assert self.in_work.count(event.metadata.name) == 1, "two writers have one event"
        try:
            await asyncio.sleep(self.takes)
        finally:
            self.in_work.remove(event.metadata.name)
        if self.unreachable_for.get(event.reason, 0):
            self.unreachable_for[event.reason] -= 1
            raise SinkUnavailableError
        if self.errors:
            raise self.errors.pop(0)
        series = event.series.count if event.series else 1
        self.calls.append((verb, event.reason, series))
        self.last = event.to_dict()


def _now():
    elapsed = timedelta(seconds=asyncio.get_running_loop().time())
    return datetime(2026, 1, 1, tzinfo=UTC) + elapsed


@asynccontextmanager
async def _running(sink, **options):
    numbers = count(1)
    broadcaster = Broadcaster(
        sink,
        BroadcasterOptions(instance="pod-1", **options),
        now=_now,
        unique=lambda: f"{next(numbers):x}",
    )
    async with asyncio.TaskGroup() as group:
        task = group.create_task(broadcaster.run())
        try:
            yield broadcaster
        finally:
            task.cancel()


def _widget(name="w", namespace="ns"):
    widget = Widget.named(name, namespace)
    widget.metadata.uid = f"uid-{name}"
    return widget


async def test_an_event_says_who_what_about_whom():
    """All the fields the server asks for."""
    sink = Sink()
    async with _running(sink) as broadcaster:
        recorder = broadcaster.recorder_for("widget-controller")
        recorder.warning(_widget(), "Broke", "it fell down", related=_widget("other"))
        await asyncio.sleep(1)
    assert sink.last == {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": "w.1", "namespace": "ns"},
        "eventTime": "2026-01-01T00:00:00.000000Z",
        "reportingController": "widget-controller",
        "reportingInstance": "pod-1",
        "action": "Broke",
        "reason": "Broke",
        "type": "Warning",
        "note": "it fell down",
        "regarding": _reference("w"),
        "related": _reference("other"),
    }


def _reference(name):
    return {
        "apiVersion": "test.example/v1",
        "kind": "Widget",
        "namespace": "ns",
        "name": name,
        "uid": f"uid-{name}",
        "resourceVersion": "",
    }


async def test_events_of_cluster_scoped_objects_live_in_default():
    """An Event always has a namespace."""
    sink = Sink()
    async with _running(sink) as broadcaster:
        broadcaster.recorder_for("c").normal(Realm.named("r"), "Said", "hello")
        await asyncio.sleep(1)
    assert sink.last["metadata"] == {"name": "r.1", "namespace": "default"}


async def test_the_same_again_counts_up_within_six_minutes():
    """One event with a series; after the window, a new one."""
    sink = Sink()
    async with _running(sink) as broadcaster:
        recorder = broadcaster.recorder_for("c")
        for _ in range(3):
            recorder.normal(_widget(), "Tried", "again")
            await asyncio.sleep(60)
        await asyncio.sleep(600)
        recorder.normal(_widget(), "Tried", "again")
        await asyncio.sleep(1)
    assert sink.calls == [
        ("create", "Tried", 1),
        ("series", "Tried", 2),
        ("series", "Tried", 3),
        ("create", "Tried", 1),
    ]


async def test_other_words_or_objects_are_other_events():
    """Only what is equal in every part is a repetition."""
    sink = Sink()
    async with _running(sink) as broadcaster:
        recorder = broadcaster.recorder_for("c")
        recorder.normal(_widget(), "A", "x")
        recorder.warning(_widget(), "A", "x")
        recorder.normal(_widget(), "A", "y")
        recorder.normal(_widget("v"), "A", "x")
        broadcaster.recorder_for("d").normal(_widget(), "A", "x")
        await asyncio.sleep(1)
    assert [verb for verb, *_ in sink.calls] == ["create"] * 5


async def test_a_flapping_object_is_cut_off_and_others_are_not():
    """25 at once, then one each five minutes, for each object."""
    sink = Sink()
    async with _running(sink) as broadcaster:
        recorder = broadcaster.recorder_for("c")
        for number in range(100):
            recorder.normal(_widget(), "Flap", f"number {number}")
        recorder.normal(_widget("calm"), "Fine", "as ever")
        await asyncio.sleep(1)
        assert len(sink.calls) == 26
        assert broadcaster.dropped == 75
        await asyncio.sleep(300)
        recorder.normal(_widget(), "Flap", "after a rest")
        recorder.normal(_widget(), "Flap", "too soon")
        await asyncio.sleep(1)
    assert len(sink.calls) == 27


async def test_memory_is_bounded_when_nothing_can_be_written():
    """Beyond the queue's size events are dropped, and recording never waits."""
    broadcaster = Broadcaster(Sink(), BroadcasterOptions(queue_size=10), now=_now)
    recorder = broadcaster.recorder_for("c")
    for number in range(50):
        recorder.normal(_widget(f"w{number}"), "Said", "hello")
    assert broadcaster.dropped == 40


async def test_a_thousand_objects_that_speak_at_once_are_all_heard():
    """Nothing is dropped although the server takes its time, and nothing waits for one another."""
    sink = Sink()
    sink.takes = 0.01
    async with _running(sink) as broadcaster:
        recorder = broadcaster.recorder_for("c")
        for number in range(1000):
            for reason in ("Registered", "Inspected", "Provisioned"):
                recorder.normal(_widget(f"w{number}"), reason, "done")
        await asyncio.sleep(3000 * sink.takes / 8 + 1)
    assert len(sink.calls) == 3000
    assert broadcaster.dropped == 0


async def test_an_event_that_is_said_again_while_it_is_written_counts_up_later():
    """One writer at a time has it, and the last count is stored."""
    sink = Sink()
    sink.takes = 1
    async with _running(sink) as broadcaster:
        recorder = broadcaster.recorder_for("c")
        for _ in range(4):
            recorder.normal(_widget(), "Said", "hello")
            await asyncio.sleep(0.4)
        await asyncio.sleep(10)
    assert sink.calls[0][:2] == ("create", "Said")
    assert sink.calls[-1] == ("series", "Said", 4)


async def test_an_unreachable_server_is_asked_again_and_given_up():
    """Four attempts, then the event is dropped, and the next one gets its chance."""
    sink = Sink()
    sink.unreachable_for = {"First": 4}
    async with _running(sink) as broadcaster:
        recorder = broadcaster.recorder_for("c")
        recorder.normal(_widget(), "First", "lost")
        recorder.normal(_widget(), "Second", "written")
        await asyncio.sleep(30)
    assert sink.calls == [("create", "Second", 1)]
    assert broadcaster.dropped == 1


async def test_a_short_outage_loses_nothing():
    """The event is written once the server is back."""
    sink = Sink()
    sink.errors = [SinkUnavailableError()] * 3
    async with _running(sink) as broadcaster:
        broadcaster.recorder_for("c").normal(_widget(), "Said", "hello")
        await asyncio.sleep(30)
    assert sink.calls == [("create", "Said", 1)]


async def test_what_is_refused_is_not_tried_again():
    """A namespace that is being deleted takes no events, however often one asks."""
    sink = Sink()
    sink.errors = [SinkRefusedError(), SinkRefusedError()]
    async with _running(sink) as broadcaster:
        broadcaster.recorder_for("c").normal(_widget(), "Said", "hello")
        await asyncio.sleep(30)
        assert len(sink.errors) == 1


async def test_an_event_that_expired_is_created_anew():
    """The server forgets events after an hour; a repetition then starts over."""
    sink = Sink()
    async with _running(sink) as broadcaster:
        recorder = broadcaster.recorder_for("c")
        recorder.normal(_widget(), "Said", "hello")
        await asyncio.sleep(1)
        sink.errors = [SinkGoneError()]
        recorder.normal(_widget(), "Said", "hello")
        await asyncio.sleep(1)
    assert sink.calls == [("create", "Said", 1), ("create", "Said", 1)]


async def test_what_was_said_last_is_still_written_at_the_end():
    """Stopping writes what is left, for a moment."""
    sink = Sink()
    async with _running(sink) as broadcaster:
        await asyncio.sleep(1)
        broadcaster.recorder_for("c").normal(_widget(), "Stopped", "good bye")
    assert sink.calls == [("create", "Stopped", 1)]


async def test_long_words_are_cut_and_secrets_taken_out():
    """The server refuses notes over 1,024 bytes; a password is nobody's business."""
    sink = Sink()
    async with _running(sink) as broadcaster:
        note = "at http://admin:hunter2@bmc " + "ü" * 2000
        broadcaster.recorder_for("c").warning(_widget("n" * 253), "R" * 500, note)
        await asyncio.sleep(1)
    assert len(sink.last["note"].encode()) <= 1024
    assert "hunter2" not in sink.last["note"]
    assert (len(sink.last["reason"]), len(sink.last["action"])) == (128, 128)
    assert len(sink.last["metadata"]["name"]) == 253


def test_the_fake_keeps_what_was_said():
    """Tests ask for reasons, or for whole events."""
    fake = FakeRecorder()
    fake.normal(_widget(), "Good", "fine")
    fake.warning(_widget(), "Bad", "not fine", related=_widget("v"))
    assert fake.reasons == ["Good", "Bad"]
    assert (fake.events[1].key, fake.events[1].related) == ("Widget ns/w", "Widget ns/v")
