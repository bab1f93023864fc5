"""Programs under measurement: started, listened to, weighed, ended."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

CACHE: Final = Path(__file__).parents[2] / ".cache" / "bench"
TICKS_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")
KIB_PER_MIB: Final = 1024
LAST_WORDS: Final = 4096
GRACE: Final = 20.0


@dataclass(kw_only=True)
class Rival:
    """A running program that says on stdout how far it is."""

    name: str
    process: asyncio.subprocess.Process
    log: Path
    started: float = field(default_factory=time.monotonic)

    async def says(self, word: str, *, within: float) -> tuple[float, str]:
        """Wait for the line that begins with word: seconds since the start, and its rest."""
        try:
            async with asyncio.timeout(within):
                while line := (await self.output.readline()).decode():
                    if line.startswith(word):
                        return time.monotonic() - self.started, line.removeprefix(word).strip()
        except TimeoutError:
            raise RuntimeError(f"{self.name}: no {word!r} within {within} s") from None
        words = await asyncio.to_thread(self.log.read_text)
        raise RuntimeError(f"{self.name} ended before {word!r}: {words[-LAST_WORDS:]}")

    @property
    def output(self) -> asyncio.StreamReader:
        """The program's stdout."""
        if self.process.stdout is None:
            raise RuntimeError(f"{self.name} was started without a pipe")
        return self.process.stdout

    def peak_mib(self) -> float:
        """Give the most memory that was ever resident (VmHWM)."""
        return peak_mib(self.process.pid)

    def cpu_seconds(self) -> float:
        """Give user and system time so far."""
        return cpu_seconds(self.process.pid)


def end_on_sigterm() -> None:
    """Have SIGTERM unwind like an error, so that what was started is ended, too."""
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))


def say(what: str) -> None:
    """Tell the person who waits."""
    print(f"bench: {what}", file=sys.stderr, flush=True)


def cpu_seconds(pid: int) -> float:
    """Give user and system time of all threads so far."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(after_name[11]) + int(after_name[12])) / TICKS_PER_SECOND


def peak_mib(pid: int) -> float:
    """Give a process's VmHWM."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / KIB_PER_MIB


@asynccontextmanager
async def rival(
    name: str, argv: Sequence[str], env: Mapping[str, str], folder: Path
) -> AsyncIterator[Rival]:
    """Run a program; at the end close its stdin, and kill it if that is not enough."""
    log = folder / f"{name}.log"
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            *argv,
            env={**os.environ, **env},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
        )
    try:
        yield Rival(name=name, process=process, log=log)
    finally:
        await end(process, lambda: _close(process))


def _close(process: asyncio.subprocess.Process) -> None:
    if process.stdin:
        process.stdin.close()


async def end(process: asyncio.subprocess.Process, ask: Callable[[], None]) -> None:
    """Ask the process to end, and kill it when it has not after GRACE."""
    try:
        if process.returncode is None:
            ask()
        async with asyncio.timeout(GRACE):
            await process.wait()
    except TimeoutError:
        pass  # it had its time
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
