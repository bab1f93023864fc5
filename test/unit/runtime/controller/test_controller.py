"""What a controller makes of a reconciler's answers, on virtual time."""

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from structlog import contextvars
from structlog.testing import capture_logs

from metal3.runtime import metrics
from metal3.runtime.controller import Controller, ControllerOptions
from metal3.runtime.log import get_logger
from metal3.runtime.reconcile import Request, Result, TerminalError
from metal3.runtime.rest import ConflictError, ServiceUnavailableError
from metal3.runtime.source import Channel

pytestmark = pytest.mark.looptime(start=0)

A, B, C = (Request("ns", name) for name in "abc")


class Scripted:
    """A reconciler that follows a script for each object, and keeps the times."""

    def __init__(self, *script):
        self.script = list(script)
        self.times = []
        self.running = 0
        self.most = 0

    async def reconcile(self, req):
        """Do what is next in the script; nothing when it is over."""
        self.times.append((req.name, round(asyncio.get_running_loop().time(), 3)))
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            step = self.script.pop(0) if self.script else Result()
            if isinstance(step, BaseException):
                raise step
            return await step() if callable(step) else step
        finally:
            self.running -= 1


def _sample(series, **labels):
    return metrics.REGISTRY.get_sample_value(series, labels) or 0.0


@asynccontextmanager
async def _running(name, reconciler, **options):
    channel = Channel()
    controller = Controller(name, reconciler, ControllerOptions(**options))
    controller.watch(channel)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(controller.run())
        try:
            yield channel
        finally:
            task.cancel()


async def test_a_failing_object_backs_off_and_recovers():
    """Errors are tried again after 5, 10, 20 ms; success clears the count."""
    seen = Scripted(OSError("1"), OSError("2"), OSError("3"), Result(), OSError("4"))
    async with _running("backoff", seen) as channel:
        channel.wake(A)
        await asyncio.sleep(1)
        channel.wake(A)
        await asyncio.sleep(1)
    assert [time for _, time in seen.times] == [0, 0.005, 0.015, 0.035, 1, 1.005]
    assert _sample("controller_runtime_reconcile_errors_total", controller="backoff") == 4
    assert (
        _sample("controller_runtime_reconcile_total", controller="backoff", result="success") == 2
    )
    assert _sample("workqueue_retries_total", name="backoff", controller="backoff") == 4


async def test_one_bad_object_does_not_stop_the_others():
    """Each object stands for itself."""

    class Picky:
        def __init__(self):
            self.seen = []

        async def reconcile(self, req):
            """Fail for one object."""
            self.seen.append(req)
            if req == A:
                raise OSError("bad")
            return Result()

    picky = Picky()
    async with _running("picky", picky) as channel:
        for key in (A, B, C):
            channel.wake(key)
        await asyncio.sleep(0.001)
    assert picky.seen == [A, B, C]


async def test_requeue_after_is_exact_and_clears_the_backoff():
    """The delay a reconciler asks for is kept, and is no failure."""
    seen = Scripted(OSError("1"), Result(requeue_after=timedelta(seconds=42)), OSError("2"))
    async with _running("requeue", seen) as channel:
        channel.wake(A)
        await asyncio.sleep(100)
    assert [time for _, time in seen.times] == [0, 0.005, 42.005, 42.01]
    labels = {"controller": "requeue", "result": "requeue_after"}
    assert _sample("controller_runtime_reconcile_total", **labels) == 1


async def test_a_change_comes_before_the_requeue():
    """Who waits ten minutes is woken by a change, and then does what its answer says."""
    seen = Scripted(Result(requeue_after=timedelta(minutes=10)), Result())
    async with _running("woken", seen) as channel:
        channel.wake(A)
        await asyncio.sleep(1)
        channel.wake(A)
        await asyncio.sleep(3600)
    assert [time for _, time in seen.times] == [0, 1]


async def test_a_terminal_error_is_not_tried_again():
    """It is counted and logged once."""
    seen = Scripted(TerminalError("the spec cannot work"))
    with capture_logs() as logs:
        async with _running("terminal", seen) as channel:
            channel.wake(A)
            await asyncio.sleep(3600)
    assert len(seen.times) == 1
    name = "controller_runtime_terminal_reconcile_errors_total"
    assert _sample(name, controller="terminal") == 1
    assert [line["log_level"] for line in logs if "for good" in line["event"]] == ["error"]


async def test_a_reconciliation_that_takes_too_long_is_cancelled_and_tried_again():
    """The deadline is an error with backoff, and says so."""

    async def hang():
        await asyncio.Event().wait()

    seen = Scripted(hang, Result())
    with capture_logs() as logs:
        async with _running("slow", seen, reconcile_timeout=timedelta(seconds=30)) as channel:
            channel.wake(A)
            await asyncio.sleep(60)
    assert [time for _, time in seen.times] == [0, 30.005]
    assert any("longer than" in str(line.get("error")) for line in logs)


async def test_a_timeout_of_its_own_is_not_mistaken_for_the_deadline():
    """The reconciler's error is reported as it was."""
    seen = Scripted(TimeoutError("the BMC did not answer"))
    with capture_logs() as logs:
        async with _running("own", seen, reconcile_timeout=timedelta(seconds=30)) as channel:
            channel.wake(A)
            await asyncio.sleep(1)
    assert "the BMC did not answer" in [str(line.get("error")) for line in logs]


@pytest.mark.parametrize(
    "mistake", [TypeError("oops"), KeyError("k"), asyncio.CancelledError()], ids=repr
)
async def test_mistakes_are_counted_as_panics_and_survived(mistake):
    """A bug, or a cancellation out of nowhere, costs one attempt and not the worker."""
    name = f"panic {type(mistake).__name__}"
    seen = Scripted(mistake, Result())
    async with _running(name, seen) as channel:
        channel.wake(A)
        await asyncio.sleep(1)
    assert len(seen.times) == 2
    assert _sample("controller_runtime_reconcile_panics_total", controller=name) == 1


async def test_an_answer_that_is_no_result_is_a_mistake():
    """Forgetting to return is told, rather than taken for success."""

    async def forgets():
        return None

    seen = Scripted(forgets)
    async with _running("forgets", seen) as channel:
        channel.wake(A)
        await asyncio.sleep(0.001)
    assert _sample("controller_runtime_reconcile_panics_total", controller="forgets") == 1


@pytest.mark.parametrize(
    ("error", "level", "has_traceback"),
    [
        pytest.param(ConflictError("newer"), "info", False, id="conflict-is-ordinary"),
        pytest.param(ServiceUnavailableError("no"), "error", False, id="api"),
        pytest.param(ZeroDivisionError("bug"), "error", True, id="bug"),
    ],
)
async def test_one_line_for_each_outcome(error, level, has_traceback):
    """A traceback only where it tells something."""
    with capture_logs() as logs:
        async with _running("lines", Scripted(error)) as channel:
            channel.wake(A)
            await asyncio.sleep(0.001)
    lines = [line for line in logs if line["event"].startswith("reconciliation")]
    assert [line["log_level"] for line in lines] == [level]
    assert ("exc_info" in lines[0]) is has_traceback


async def test_so_many_at_once_and_never_the_same_object_twice():
    """Concurrency is bounded; an object that is woken while it is worked on comes afterwards."""

    class Overlap(Scripted):
        def __init__(self):
            super().__init__()
            self.in_work = set()

        async def reconcile(self, req):
            """Take two seconds."""
            assert req not in self.in_work
            self.in_work.add(req)
            self.times.append((req.name, asyncio.get_running_loop().time()))
            self.most = max(self.most, len(self.in_work))
            await asyncio.sleep(2)
            self.in_work.discard(req)
            return Result()

    seen = Overlap()
    async with _running("overlap", seen, max_concurrent_reconciles=2) as channel:
        for key in (A, B, C):
            channel.wake(key)
        await asyncio.sleep(1)
        channel.wake(A)
        assert _sample("controller_runtime_active_workers", controller="overlap") == 2
        assert _sample("workqueue_depth", name="overlap", controller="overlap") == 1
        name = "workqueue_longest_running_processor_seconds"
        assert _sample(name, name="overlap", controller="overlap") == 1
        await asyncio.sleep(10)
    assert sorted(seen.times) == [("a", 0), ("a", 2), ("b", 0), ("c", 2)]
    assert seen.most == 2
    assert _sample("controller_runtime_max_concurrent_reconciles", controller="overlap") == 2
    assert _sample("controller_runtime_active_workers", controller="overlap") == 0


async def test_stopping_lets_what_runs_finish_and_cancels_it_after_a_while(looptime):
    """Ten seconds are granted here; then the rest is cancelled and nothing hangs."""

    async def quick():
        await asyncio.sleep(5)
        return Result()

    async def hang():
        await asyncio.Event().wait()

    seen = Scripted(quick, hang)
    options = {
        "max_concurrent_reconciles": 2,
        "graceful_shutdown_timeout": timedelta(seconds=10),
    }
    async with _running("stopping", seen, **options) as channel:
        for key in (A, B, C):
            channel.wake(key)
        await asyncio.sleep(1)
    assert [name for name, _ in seen.times] == ["a", "b"]
    assert looptime == 11


async def test_log_lines_name_controller_and_object():
    """Whatever is logged while an object is reconciled can be found by its name."""

    async def speak():
        get_logger("elsewhere").info("hello")
        return Result()

    with capture_logs(processors=[contextvars.merge_contextvars]) as logs:
        async with _running("named", Scripted(speak)) as channel:
            channel.wake(A)
            await asyncio.sleep(0.001)
    (line,) = [line for line in logs if line["event"] == "hello"]
    assert (line["controller"], line["namespace"], line["name"]) == ("named", "ns", "a")
    assert line["reconcileID"]


async def test_sources_that_do_not_sync_end_the_controller_by_name():
    """The error says which source is to blame."""

    class Never(Channel):
        def __repr__(self):
            return "Never"

        async def wait_for_sync(self):
            """Wait for ever."""
            await asyncio.Event().wait()

    controller = Controller(
        "stuck", Scripted(), ControllerOptions(cache_sync_timeout=timedelta(seconds=7))
    )
    controller.watch(Never())
    with pytest.raises(ExceptionGroup) as raised:
        await controller.run()
    (error,) = raised.value.exceptions
    assert "'stuck': Never has not synced within 0:00:07" in str(error)


async def test_warming_up_fills_the_queue_before_work_begins():
    """What was seen before this process led is worked on as soon as it does, and once."""
    seen, channel = Scripted(), Channel()
    controller = Controller("warm", seen, ControllerOptions(enable_warmup=True))
    controller.watch(channel)
    async with asyncio.TaskGroup() as group:
        warmup = group.create_task(controller.warmup())
        await asyncio.sleep(1)
        channel.wake(A)
        await asyncio.sleep(1)
        assert (seen.times, controller.queue.depth()) == ([], 1)
        work = group.create_task(controller.run())
        await asyncio.sleep(1)
        work.cancel()
        warmup.cancel()
    assert seen.times == [("a", 2)]


@pytest.mark.looptime(None)
async def test_a_long_queue_of_nothing_to_do_leaves_others_their_turn():
    """Thousands of reconciliations that never wait do not starve the rest of the process."""
    turns: list[None] = []
    finished = asyncio.Event()

    class Nothing:
        left = 5000

        async def reconcile(self, req):
            """Count down."""
            self.left -= 1
            if not self.left:
                finished.set()
            return Result()

    async def other():
        while not finished.is_set():
            turns.append(None)
            await asyncio.sleep(0)

    nothing = Nothing()
    async with _running("nothing", nothing) as channel, asyncio.TaskGroup() as group:
        for number in range(nothing.left):
            channel.wake(Request("ns", str(number)))
        group.create_task(other())
    assert len(turns) > 5
