"""How long hosts take from create to provisioned, beside the same writes by a bare loop.

The fixture backend on a real kube-apiserver. First the operator runs once under audit, which gives
its writes; then the floor issues these, and the operator runs as a user would start it.
"""

import asyncio
import os
import statistics
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from load import Load, open_load
from login import service_account
from measure import CACHE, cpu_seconds, end, peak_mib, say
from report import Claim, Report

from metal3.runtime.envtest import Environment

from .objects import OWN_WRITES, PREFIX, create_hosts, create_namespace, host_name, secret_name
from .replay import OPERATOR, Recording, Replay, read_audit
from .watching import Progress, provisioned, writes_when_settled

HERE: Final = Path(__file__).parent
TOP: Final = HERE.parents[2]
NAMESPACE: Final = "fleet"
FEW: Final = 20
"""Hosts of which the floor makes its server warm."""
CONNECTIONS: Final = 32
FIRST: Final = 120.0
"""Seconds within which the operator has to be up and have done one host."""
PATIENCE: Final = 10.0
"""How many times the promised time a run may take before it is given up."""
WALL: Final = 10.0
WALL_A_THOUSAND: Final = 60.0
FLOOR: Final = 2.0
WRITES: Final = 16.0
REFUSED_PERCENT: Final = 1.0
MEMORY_MIB: Final = 300.0


@dataclass(frozen=True, kw_only=True)
class Options:
    """Sizes of a run."""

    hosts: int
    rounds: int

    @property
    def wall(self) -> float:
        """Seconds that were promised for so many hosts."""
        return max(WALL, WALL_A_THOUSAND * self.hosts / 1000)


async def measure(options: Options) -> Report:
    """Record, then run floor and operator in turn, each on a server of its own."""
    report = Report(
        name="hosts", about=f"{options.hosts} hosts, fixture backend, median of {options.rounds}"
    )
    recording = await record(options)
    rows: dict[str, list[dict[str, float]]] = {"floor": [], "instant backend": [], "default": []}
    for _ in range(options.rounds):
        for name, done in rows.items():
            say(f"{name}: running")
            async with server() as (load, kubeconfig):
                if name == "floor":
                    figures = await warm_floor(load, recording, options.hosts)
                else:
                    step_time = "0" if name == "instant backend" else ""
                    figures = await run_operator(load, kubeconfig, NAMESPACE, options, step_time)
            done.append(figures)
            say(f"{name}: " + ", ".join(f"{k} {v:.2f}" for k, v in figures.items()))
    for name, rounds in rows.items():
        report.rows[name] = {
            figure: statistics.median(one[figure] for one in rounds) for figure in rounds[0]
        }
    report.rows["floor"] = {**report.rows["floor"], "refused_writes": recording.refused}
    report.claims += claims(report, options)
    return report


@asynccontextmanager
async def server(flags: Sequence[str] = ()) -> AsyncIterator[tuple[Load, Path]]:
    """A kube-apiserver with our kinds, and the kubeconfig of the operator."""
    crds = [TOP / "config" / "crd" / "bases"]
    async with (
        Environment(api="kube", crds=crds, apiserver_flags=list(flags)) as env,
        open_load(await service_account(env.kubeconfig, "load"), connections=CONNECTIONS) as load,
    ):
        yield load, await service_account(env.kubeconfig, OPERATOR)


def claims(report: Report, options: Options) -> list[Claim]:
    """Hold the operator against what was promised."""
    default = report.rows["default"]
    return [
        Claim(
            text="seconds from create to provisioned",
            measured=default["wall_s"],
            limit=options.wall,
        ),
        Claim(
            text="writes a host, Events included",
            measured=default["writes_a_host"],
            limit=WRITES,
        ),
        Claim(
            text="refused writes in percent",
            measured=default["refused_percent"],
            limit=REFUSED_PERCENT,
        ),
        Claim(text="MiB at their peak", measured=default["peak_mib"], limit=MEMORY_MIB),
        Claim(
            text="wall time, of the floor's",
            measured=report.ratio("wall_s", "default", "floor"),
            limit=FLOOR,
        ),
        Claim(
            text="wall time with a backend that takes no time, of the floor's",
            measured=report.ratio("wall_s", "instant backend", "floor"),
            limit=FLOOR,
        ),
    ]


async def record(options: Options) -> Recording:
    """Run the operator under audit and give what it wrote."""
    say("recording the operator's writes")
    log = CACHE / "audit.log"
    log.unlink(missing_ok=True)
    flags = [
        f"--audit-policy-file={HERE / 'audit-policy.yaml'}",
        f"--audit-log-path={log}",
        "--audit-log-mode=blocking",
    ]
    async with server(flags) as (load, kubeconfig):
        await run_operator(load, kubeconfig, NAMESPACE, options, "0")
    return await asyncio.to_thread(read_audit, log, PREFIX)


async def warm_floor(load: Load, recording: Recording, hosts: int) -> dict[str, float]:
    """A few hosts before the clock starts: a server is slow the first time it meets a kind."""
    few = min(FEW, hosts)
    await floor(load, recording, few, "warm")
    return await floor(load, recording, hosts, "floor")


async def floor(load: Load, recording: Recording, hosts: int, namespace: str) -> dict[str, float]:
    """Create the hosts and issue the recorded writes; nothing waits for anything else."""
    await create_namespace(load, namespace)
    names = [host_name(i) for i in range(hosts)]
    owners = {*names, *map(secret_name, names)}
    sequences = [writes for name, writes in recording.by_name.items() if name in owners]
    started = time.monotonic()
    versions = await create_hosts(load, namespace, names)
    await Replay(load=load, old=NAMESPACE, new=namespace, versions=versions).run(sequences)
    wall = time.monotonic() - started
    writes = sum(map(len, sequences))
    return {"wall_s": wall, "writes": writes, "writes_per_s": writes / wall}


async def run_operator(
    load: Load, kubeconfig: Path, namespace: str, options: Options, step_time: str
) -> dict[str, float]:
    """Start the operator, wait until it has done one host, then time the others."""
    await create_namespace(load, namespace)
    async with operator(kubeconfig, namespace, step_time) as process:
        await create_hosts(load, namespace, ["first"])
        await provisioned(load, namespace, {"first"}, FIRST)
        cpu, writes = cpu_seconds(process.pid), await writes_when_settled(load)
        wall = await timed(load, namespace, options, process.pid)
        cpu = cpu_seconds(process.pid) - cpu
        written = (await writes_when_settled(load)).since(writes)
        taken = written.taken - OWN_WRITES * options.hosts
        return {
            "wall_s": wall,
            "cpu_s": cpu,
            "cpu_ms_a_host": cpu / options.hosts * 1000,
            "peak_mib": peak_mib(process.pid),
            "writes_a_host": taken / options.hosts,
            "refused_percent": written.refused / taken * 100,
        }


async def timed(load: Load, namespace: str, options: Options, pid: int) -> float:
    """Seconds from the first create to the last host provisioned."""
    names = [host_name(i) for i in range(options.hosts)]
    progress = Progress(what=namespace, total=options.hosts, pid=pid)
    async with asyncio.TaskGroup() as group:
        reporting = group.create_task(progress.report())
        group.create_task(create_hosts(load, namespace, names))
        await provisioned(load, namespace, set(names), PATIENCE * options.wall, progress)
        reporting.cancel()
    return time.monotonic() - progress.started


@asynccontextmanager
async def operator(
    kubeconfig: Path, namespace: str, step_time: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run ``metal3 manager`` with the fixture backend and no open port, else with its defaults."""
    argv = [str(TOP / ".venv" / "bin" / "metal3"), "manager", "--operators=baremetal"]
    argv += ["--provisioner=fixture", f"--kubeconfig={kubeconfig}", f"--namespace={namespace}"]
    argv += ["--metrics-addr=0", "--health-addr=0", "--webhook-port=0"]
    environment = {**os.environ, "FIXTURE_STEP_TIME": step_time}
    with (CACHE / f"operator-{namespace}.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *argv, env=environment, stdout=log, stderr=log
        )
    try:
        yield process
    finally:
        await end(process, process.terminate)
