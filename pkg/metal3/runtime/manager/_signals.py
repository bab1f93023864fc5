"""SIGTERM and SIGINT: the first asks to stop, the second insists."""

import asyncio
import os
import signal
from typing import Final

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
_INSISTED: Final = 1  # the code controller-runtime leaves with


def setup_signal_handler() -> asyncio.Event:
    """An event that is set by the first signal; the second ends the process at once, with code 1.

    To be called once, in the event loop's thread.
    """
    stop = asyncio.Event()

    def handle() -> None:
        if stop.is_set():
            os._exit(_INSISTED)
        stop.set()

    for number in _SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, handle)
    return stop
