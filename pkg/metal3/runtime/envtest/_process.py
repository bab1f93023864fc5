"""One server process: started with a log file, watched until ready, ended by pid."""

import asyncio
import os
import socket
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

from ._errors import PortTakenError, StartError

LOG_TAIL: Final = 4096
"""Bytes of a failed server's log that go into the error."""
STOP_GRACE: Final = timedelta(seconds=20)
POLL: Final = timedelta(milliseconds=50)
LOOPBACK: Final = "127.0.0.1"

_CHILD: Final = str(Path(__file__).with_name("_child.py"))


@dataclass(kw_only=True)
class ServerProcess:
    """A child process that works in the folder of its log; start and stop may be repeated."""

    name: str
    argv: Sequence[str]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    """Settings of its own; what is set around us comes first."""
    _process: asyncio.subprocess.Process | None = field(default=None, init=False)

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        process = self._process
        return process.pid if process and process.returncode is None else None

    async def start(self) -> None:
        """Start the program; its output goes to the end of the log file."""
        if self.pid is not None:
            raise StartError(f"{self.name} runs already")
        launcher = (sys.executable, "-I", "-S", _CHILD, str(os.getpid()))
        with await asyncio.to_thread(self.log.open, "ab") as log:
            # A session of its own: Ctrl-C in the terminal is for the test run, which then stops us.
            self._process = await asyncio.create_subprocess_exec(
                *launcher,
                *self.argv,
                stdout=log,
                stderr=log,
                cwd=self.log.parent,
                start_new_session=True,
                env={**self.environment, **os.environ},
            )

    async def stop(self, *, graceful: bool) -> None:
        """End the program: kill it, or ask and kill only after STOP_GRACE. Safe to repeat."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        try:
            if graceful:
                process.terminate()
                async with asyncio.timeout(STOP_GRACE.total_seconds()):
                    await process.wait()
        except TimeoutError:
            pass  # it had its time
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    async def wait_until(self, ready: Callable[[], Awaitable[bool]], *, within: timedelta) -> None:
        """Poll until ready says so; StartError when the process ends first or time runs out."""
        try:
            async with asyncio.timeout(within.total_seconds()):
                while not await ready():
                    await self._check_alive()
                    await asyncio.sleep(POLL.total_seconds())
        except TimeoutError:
            raise StartError(
                f"{self.name} was not ready within {within}\n{await self._log_tail()}"
            ) from None

    async def _check_alive(self) -> None:
        if self._process is None or self._process.returncode is None:
            return
        tail = await self._log_tail()
        kind = PortTakenError if "address already in use" in tail else StartError
        raise kind(f"{self.name} ended with code {self._process.returncode}\n{tail}")

    async def _log_tail(self) -> str:
        content = await asyncio.to_thread(self.log.read_bytes)
        return content[-LOG_TAIL:].decode(errors="replace")


def free_port() -> int:
    """Choose a loopback port that nobody uses now."""
    with socket.socket() as chosen:
        chosen.bind((LOOPBACK, 0))
        port: int = chosen.getsockname()[1]
        return port
