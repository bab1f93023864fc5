"""Turning SIGINT and SIGTERM into the end of a coroutine."""

import asyncio
import signal
from collections.abc import Coroutine, Generator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stop_event() -> Generator[asyncio.Event]:
    """An event that the first SIGINT or SIGTERM sets; a second one ends the process at once."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()

    def on_signal(number: int) -> None:
        if stopped.is_set():
            loop.remove_signal_handler(number)
            signal.raise_signal(number)
        stopped.set()

    for number in _SIGNALS:
        loop.add_signal_handler(number, on_signal, number)
    try:
        yield stopped
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)


async def run_until_signal(work: Coroutine[Any, Any, int], *, interrupted: int) -> int:
    """Run ``work`` to its end; a signal cancels it and gives the code ``interrupted``."""
    code = interrupted
    with stop_event() as stopped:
        async with asyncio.TaskGroup() as group:
            working = group.create_task(work)
            watching = group.create_task(_cancel_on(stopped, working))
            try:
                code = await working
            except asyncio.CancelledError:
                if not stopped.is_set():
                    raise
            finally:
                watching.cancel()
    return code


async def _cancel_on(stopped: asyncio.Event, task: "asyncio.Task[int]") -> None:
    await stopped.wait()
    task.cancel()


def run_loop(work: Coroutine[Any, Any, T]) -> T:
    """``asyncio.run`` on a loop of our own, which leaves the thread's default loop alone."""
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        return runner.run(work)
