"""The embedded API server under small writes, alone and with many watchers, beside kube-apiserver.

It is started as a user starts it. Load and watchers are programs of their own and take their share
of the machine, for either server the same.
"""

import asyncio
import itertools
import shutil
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from load import CONFIG_MAPS, NAMESPACE, SENT, WRITERS, Load, open_load
from measure import CACHE, Rival, cpu_seconds, end, peak_mib, rival, say
from report import Claim, Report

from metal3.runtime.envtest import Environment

HERE: Final = Path(__file__).parent
TOP: Final = HERE.parents[2]
DEADLINE: Final = 300.0
WRITES_PER_SECOND: Final = 1000.0


@dataclass(frozen=True, kw_only=True)
class Options:
    """Sizes of a run."""

    writes: int
    watchers: int
    watched_writes: int = 500


async def measure(options: Options) -> Report:
    """Put the same load on both servers, one after the other."""
    about = f"{options.writes} small writes; then {options.watched_writes} under {options.watchers} watchers"
    report = Report(name="apiserver", about=about)
    async with embedded() as (kubeconfig, pid):
        report.rows["embedded"] = await run_one("embedded", kubeconfig, options)
        used = {"server_cpu_s": cpu_seconds(pid), "server_peak_mib": peak_mib(pid)}
        report.rows["embedded"] = {**report.rows["embedded"], **used}
    async with Environment(api="kube") as env:
        report.rows["kube-apiserver"] = await run_one("kube-apiserver", env.kubeconfig, options)
    ours = report.rows["embedded"]
    slowest = min(ours["creates_per_s"], ours["updates_per_s"])
    report.claims += [
        Claim(
            text="small writes a second", measured=slowest, limit=WRITES_PER_SECOND, at_most=False
        ),
        Claim(
            text="watchers that received everything",
            measured=ours["watchers_served"],
            limit=options.watchers,
            at_most=False,
        ),
    ]
    return report


@asynccontextmanager
async def embedded() -> AsyncIterator[tuple[Path, int]]:
    """Run ``metal3 apiserver`` over an empty folder; give its kubeconfig and pid."""
    folder = CACHE / "apiserver"
    await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    folder.mkdir(parents=True)
    argv = [str(TOP / ".venv" / "bin" / "metal3"), "apiserver", f"--data-dir={folder}", "--port=0"]
    with (CACHE / "apiserver.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(*argv, stdout=log, stderr=log)
    try:
        kubeconfig = folder / "kubeconfig"
        async with asyncio.timeout(30):
            while not kubeconfig.exists():  # noqa: ASYNC110 - another process writes it
                await asyncio.sleep(0.05)
        yield kubeconfig, process.pid
    finally:
        await end(process, process.terminate)


async def run_one(name: str, kubeconfig: Path, options: Options) -> dict[str, float]:
    """Measure writes alone, then writes and deliveries with watchers."""
    async with open_load(kubeconfig) as load:
        await load.send("POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
        say(f"{name}: writing")
        creates = await timed(options.writes, lambda i: create(load, i))
        updates = await timed(options.writes, lambda i: update(load, i))
        say(f"{name}: writing under {options.watchers} watchers")
        watched = await run_watched(name, kubeconfig, load, options)
    return {
        "creates_per_s": creates.per_second,
        "updates_per_s": updates.per_second,
        "update_p99_ms": updates.p99_ms,
        **watched,
    }


async def run_watched(
    name: str, kubeconfig: Path, load: Load, options: Options
) -> dict[str, float]:
    """Open the watches, write, wait until every watcher has every event."""
    env = {
        "KUBECONFIG": str(kubeconfig),
        "WATCHERS": str(options.watchers),
        "UPDATES": str(options.watched_writes),
    }
    argv = [sys.executable, str(HERE / "watchers.py")]
    async with rival(f"watchers-{name}", argv, env, CACHE) as watchers:
        await watchers.says("watching", within=DEADLINE)
        started = time.monotonic()
        writes = await timed(options.watched_writes, lambda i: update(load, i))
        served = await received_all(watchers)
        wall = time.monotonic() - started
    return {
        "watched_writes_per_s": writes.per_second,
        "deliveries_per_s": options.watched_writes * options.watchers / wall,
        "watchers_served": options.watchers if served else 0,
    }


async def received_all(watchers: Rival) -> bool:
    """Say whether the watchers got everything; their log tells why not."""
    try:
        await watchers.says("received", within=DEADLINE)
    except RuntimeError as e:
        say(str(e))
        return False
    return True


@dataclass(frozen=True, kw_only=True)
class Timed:
    """A burst of writes."""

    per_second: float
    p99_ms: float


async def timed(count: int, write: Callable[[int], Awaitable[object]]) -> Timed:
    """Issue ``count`` writes, WRITERS at a time."""
    todo, took = iter(range(count)), list[float]()

    async def write_each() -> None:
        for i in todo:
            sent = time.monotonic()
            await write(i)
            took.append((time.monotonic() - sent) * 1000)

    started = time.monotonic()
    async with asyncio.TaskGroup() as group:
        for _ in range(WRITERS):
            group.create_task(write_each())
    wall = time.monotonic() - started
    return Timed(per_second=count / wall, p99_ms=statistics.quantiles(took, n=100)[98])


def config_map(i: int) -> dict[str, object]:
    """Give a small ConfigMap, stamped with the time."""
    return {
        "metadata": {"name": f"small-{i:05}", "annotations": {SENT: str(time.time_ns())}},
        "data": {"key": "some value of a small object", "turn": str(next(_TURN))},
    }


async def create(load: Load, i: int) -> None:
    """Create the i-th ConfigMap."""
    await load.send("POST", CONFIG_MAPS, config_map(i))


async def update(load: Load, i: int) -> None:
    """Replace the i-th ConfigMap, whatever it is now."""
    await load.send("PUT", f"{CONFIG_MAPS}/small-{i:05}", config_map(i))


_TURN: Final = itertools.count()
