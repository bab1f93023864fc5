"""Being asked to stop by the system."""

import asyncio
import os
import signal

import pytest

from metal3 import ctrl


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_the_first_signal_asks_and_the_second_insists(number, monkeypatch):
    """A pod has its graceful time; who presses Ctrl-C twice means it."""
    left = asyncio.Event()
    monkeypatch.setattr(os, "_exit", lambda code: left.set() if code == 1 else None)
    stop = ctrl.setup_signal_handler()
    try:
        os.kill(os.getpid(), number)
        async with asyncio.timeout(5):
            await stop.wait()
        assert not left.is_set()
        os.kill(os.getpid(), number)
        async with asyncio.timeout(5):
            await left.wait()
    finally:
        for each in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().remove_signal_handler(each)
