"""Ends a child, and all that it started, when its parent is gone: however the parent ended.

The parent holds the other end of the child's standard input and never writes to it. The end of
that pipe is the one sign that reaches the child even after ``kill -9`` of the parent.
"""

import contextlib
import os
import signal
import threading

STDIN = 0


def start() -> None:
    """Watch from a thread of its own; the process must lead its process group."""
    if os.getpgrp() != os.getpid():
        raise RuntimeError("only the leader of a process group may end it")
    threading.Thread(target=_watch, name="watchdog", daemon=True).start()


def _watch() -> None:
    with contextlib.suppress(OSError):
        while os.read(STDIN, 1024):
            pass
    os.killpg(os.getpgrp(), signal.SIGKILL)
