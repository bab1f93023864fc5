"""A child process: started in a group of its own, watched while it comes up, always ended."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from pathlib import Path

from ._errors import StartError

TAIL_LINES = 20
TAIL_BYTES = 64 * 1024
PROBE_INTERVAL = timedelta(milliseconds=100)
# What a process writes that will never come up but does not end by itself either.
HOPELESS = ("Forking too fast",)


class ChildProcess:
    """One child process.

    It leads its own process group, its output goes to ``log_file``, and its standard input is a
    pipe that only ends when this process does (see ``_watchdog``). ``more_logs`` are files of its
    own that may tell why it failed.
    """

    def __init__(
        self,
        *,
        name: str,
        argv: tuple[str, ...],
        env: Mapping[str, str],
        log_file: Path,
        more_logs: tuple[Path, ...] = (),
    ) -> None:
        self.name = name
        self.log_file = log_file
        self._argv = argv
        self._env = dict(env)
        self._logs = (log_file, *more_logs)
        self._process: asyncio.subprocess.Process | None = None
        self._log_starts: dict[Path, int] = {}

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._process.pid if self.is_running() and self._process else None

    def is_running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Start it; says nothing about whether it is ready."""
        self._log_starts = {log: _size(log) for log in self._logs}
        with self.log_file.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *self._argv,
                env=self._env,
                stdin=asyncio.subprocess.PIPE,
                stdout=output,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
            )

    async def wait_ready(self, probe: Callable[[], Awaitable[bool]], timeout: timedelta) -> None:  # noqa: ASYNC109  # also names the child in the error
        """Call ``probe`` until it says yes.

        Raises :class:`StartError`, with the end of the log, if the process ends, if its log says
        that it never will be ready, or after ``timeout``.
        """
        try:
            async with asyncio.timeout(timeout.total_seconds()):
                while not await probe():
                    self._check()
                    await asyncio.sleep(PROBE_INTERVAL.total_seconds())
        except TimeoutError as e:
            seconds = timeout.total_seconds()
            raise StartError(
                self.name, f"not ready after {seconds:g} seconds", log=self.tail()
            ) from e

    async def run(self, timeout: timedelta) -> None:  # noqa: ASYNC109  # also names the child in the error
        """Start it and wait for its end; raises :class:`StartError` unless it succeeds."""
        await self.start()
        process = self._process
        assert process is not None  # noqa: S101  # start() has just set it
        try:
            async with asyncio.timeout(timeout.total_seconds()):
                code = await process.wait()
        except TimeoutError as e:
            raise StartError(self.name, "did not end in time", log=self.tail()) from e
        finally:
            await self.stop(timedelta(0))
        if code:
            raise StartError(self.name, f"failed with exit code {code}", log=self.tail())

    async def stop(self, grace: timedelta) -> None:
        """End it politely, then by force after ``grace``; a second call does nothing.

        Nothing of its group is left, even if the wait is cancelled.
        """
        process, self._process = self._process, None
        if process is None:
            return
        try:
            if process.returncode is None and grace:
                with contextlib.suppress(ProcessLookupError):
                    process.terminate()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(grace.total_seconds()):
                        await process.wait()
        finally:
            _kill_group(process.pid)
            if process.stdin:
                process.stdin.close()
        await process.wait()

    def tail(self, lines: int = TAIL_LINES) -> str:
        """The last lines written since the start, of all its logs."""
        found = [line for log in self._logs for line in self._written(log).splitlines()]
        return "\n".join(found[-lines:])

    def _check(self) -> None:
        process = self._process
        if process is None:
            raise StartError(self.name, "was not started")
        if process.returncode is not None:
            reason = f"ended with code {process.returncode}"
            raise StartError(self.name, reason, log=self.tail())
        for log in self._logs:
            text = self._written(log)
            sign = next((sign for sign in HOPELESS if sign in text), None)
            if sign:
                raise StartError(self.name, f"cannot start ({sign})", log=self.tail())

    def _written(self, log: Path) -> str:
        if not log.exists():
            return ""
        with log.open("rb") as file:
            file.seek(max(self._log_starts.get(log, 0), _size(log) - TAIL_BYTES))
            return file.read(TAIL_BYTES).decode(errors="replace")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _kill_group(leader: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)
