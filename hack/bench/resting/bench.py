"""What provisioned hosts cost while nothing happens, and what a restart of the operator does.

The fixture backend on a real kube-apiserver. The machines live on in the operator's process while
the operator itself is stopped and started again.
"""

import asyncio
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hosts.objects import create_hosts, create_namespace, host_name
from hosts.watching import Progress, Writes, provisioned, writes_so_far
from load import Load, open_load
from measure import CACHE, Rival, rival, say
from report import Claim, Report

from metal3.runtime.envtest import Environment

TOP: Final = Path(__file__).parents[3]
NAMESPACE: Final = "resting"
CONNECTIONS: Final = 32
IDLE: Final = 30.0
"""Seconds for which nothing is due."""
RESYNC: Final = 600.0
"""Seconds in which every host is looked at once although nothing woke it: the operator's default."""
STILL: Final = 3.0
"""Seconds without another look after which a restart is over."""
A_HOST: Final = 0.6
"""Seconds a host may take to be provisioned before the run is given up."""
IDLE_PERCENT: Final = 3.0
MEMORY_MIB: Final = 300.0
Said = dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Options:
    """Size of a run."""

    hosts: int


async def measure(options: Options) -> Report:
    """Provision, rest, restart."""
    report = Report(name="resting", about=f"{options.hosts} provisioned hosts, fixture backend")
    async with (
        Environment(api="kube", crds=[TOP / "config" / "crd" / "bases"]) as env,
        open_load(env.kubeconfig, connections=CONNECTIONS) as load,
    ):
        await create_namespace(load, NAMESPACE)
        ours = [sys.executable, str(Path(__file__).parent / "ours.py")]
        where = {"KUBECONFIG": str(env.kubeconfig), "NAMESPACE": NAMESPACE}
        async with rival("resting", ours, where, CACHE) as operator:
            await operator.says("ready", within=60)
            await provision(load, operator, options.hosts)
            report.rows["idle"] = await idle(load, operator)
            report.rows["restart"] = await restart(load, operator, options.hosts)
    report.claims += claims(report)
    return report


async def provision(load: Load, operator: Rival, hosts: int) -> None:
    """Bring all hosts to where they stay."""
    names = [host_name(i) for i in range(hosts)]
    progress = Progress(what="provisioning", total=hosts, pid=operator.process.pid)
    async with asyncio.TaskGroup() as group:
        reporting = group.create_task(progress.report())
        group.create_task(create_hosts(load, NAMESPACE, names))
        await provisioned(load, NAMESPACE, set(names), 60 + A_HOST * hosts, progress)
        reporting.cancel()
    await still(operator)


async def idle(load: Load, operator: Rival) -> dict[str, float]:
    """CPU and writes while nothing is due."""
    say(f"idle for {IDLE:g} s")
    cpu, writes = operator.cpu_seconds(), await writes_so_far(load)
    await asyncio.sleep(IDLE)
    spent = operator.cpu_seconds() - cpu
    written = (await writes_so_far(load)).since(writes)
    return {"cpu_s": spent, "cpu_percent": spent / IDLE * 100, "writes": written.taken}


async def restart(load: Load, operator: Rival, hosts: int) -> dict[str, float]:
    """Stop, start, and wait until every host was looked at."""
    say("restart")
    before, writes = await ask(operator, "state"), await writes_so_far(load)
    cpu, started = operator.cpu_seconds(), time.monotonic()
    await ask(operator, "restart")
    after = await still(operator, before["looks"] + hosts)
    wall = time.monotonic() - started - STILL
    written: Writes = (await writes_so_far(load)).since(writes)
    return {
        "wall_s": wall,
        "cpu_s": operator.cpu_seconds() - cpu,
        "looks": after["looks"] - before["looks"],
        "writes": written.taken,
        "power_actions": after["power_actions"] - before["power_actions"],
        "deployments": after["deployments"] - before["deployments"],
        "peak_mib": operator.peak_mib(),
    }


async def still(operator: Rival, looks: float = 0) -> Said:
    """Wait until at least so many looks were taken, and no more are; raises TimeoutError."""
    last = await ask(operator, "state")
    async with asyncio.timeout(300):
        while True:
            await asyncio.sleep(STILL)
            now = await ask(operator, "state")
            if now == last and now["looks"] >= looks:
                return now
            last = now


async def ask(operator: Rival, what: str) -> Said:
    """Have the operator do something and say how it stands."""
    if operator.process.stdin is None:
        raise RuntimeError("the operator was started without a pipe")
    operator.process.stdin.write(f"{what}\n".encode())
    said: Said = json.loads((await operator.says("state", within=120))[1])
    return said


def claims(report: Report) -> list[Claim]:
    """Hold the figures against what was promised; a restart costs what a look at each host costs."""
    rest, restarted = report.rows["idle"], report.rows["restart"]
    percent = rest["cpu_percent"] + restarted["cpu_s"] / RESYNC * 100
    return [
        Claim(
            text="percent of a core when idle, a look at each host in ten minutes included",
            measured=percent,
            limit=IDLE_PERCENT,
        ),
        Claim(text="writes when idle", measured=rest["writes"], limit=0),
        Claim(
            text="power actions and deployments by a restart",
            measured=restarted["power_actions"] + restarted["deployments"],
            limit=0,
        ),
        Claim(text="writes by a restart", measured=restarted["writes"], limit=0),
        Claim(text="MiB at their peak", measured=restarted["peak_mib"], limit=MEMORY_MIB),
    ]
