"""Turning SIGINT and SIGTERM into the end of a coroutine."""

import asyncio
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stop_event() -> Iterator[asyncio.Event]:
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


async def until_stopped(work: Callable[[], Coroutine[Any, Any, int]], *, interrupted: int) -> int:
    """Run ``work``; a signal cancels it and gives the code ``interrupted``."""
    with stop_event() as stopped:
        working = asyncio.ensure_future(work())
        waiting = asyncio.ensure_future(stopped.wait())
        try:
            await asyncio.wait({working, waiting}, return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                working.cancel()
            try:
                return await working
            except asyncio.CancelledError:
                return interrupted
        finally:
            waiting.cancel()
            if not working.done():
                working.cancel()
