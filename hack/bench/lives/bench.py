"""A life on real Ironic with ``fake-hardware`` nodes: what is lost between its steps, and requests.

Hosts are created, provisioned and deleted again. Two rows: the operator hears of changes from its
listing of all nodes, or is told by Ironic's notifications as well.
"""

import asyncio
import os
import re
import socket
import statistics
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from hosts.objects import HOSTS, create_hosts, create_namespace, host_name, secret_name
from hosts.watching import DONE, Progress, seen, state_of
from load import Load, open_load
from measure import CACHE, cpu_seconds, end, peak_mib, say
from report import Claim, Report

from metal3.runtime.envtest import Environment
from metal3.simulator import Lab, LabConfig

from .fake_hardware import SCHEME, announce
from .proxy import LISTING, LOOPBACK, NODE, NOTIFY, WRITE, Proxy

TOP: Final = Path(__file__).parents[3]
CONNECTIONS: Final = 32
PACE: Final = 0.5
"""Hosts created a second: a life is some twenty requests and four steps to Ironic, which on two
cores it shares with the API server does little more; faster, and its queue is what is measured."""
A_HOST: Final = 12.0
AT_LEAST: Final = 240.0
"""Seconds before a run is given up: so many for each host, and so many in any case."""
STEPS: Final = {"fake.deploy_delay": "2", "fake.power_delay": "1"}
OUTSIDE_S: Final = 1.0
REQUESTS: Final = 0.5
IDLE: Final = 30.0
WARM: Final = "warm"
IDLE_REQUESTS: Final = 1.0
_LOOKS: Final = re.compile(
    r'^controller_runtime_reconcile_total\{.*controller="baremetalhost".*\} (\S+)$', re.MULTILINE
)


@dataclass(frozen=True, kw_only=True)
class Options:
    """Size of a run."""

    nodes: int


@dataclass(kw_only=True)
class Lives:
    """When each host was created, and what it took until it was provisioned."""

    created: dict[str, float] = field(default_factory=dict[str, float])
    took: dict[str, float] = field(default_factory=dict[str, float])
    outside: dict[str, float] = field(default_factory=dict[str, float])


async def measure(options: Options) -> Report:
    """Run the operator twice on one Ironic."""
    about = f"{options.nodes} fake-hardware nodes, one in {1 / PACE:g} s"
    report = Report(name="ironic", about=about)
    announce(CACHE / "plugins")
    port = free_port()
    lab = LabConfig(hosts=0, ironic_options=STEPS, notify_url=f"http://{LOOPBACK}:{port}{NOTIFY}")
    async with (
        Environment(api="kube", crds=[TOP / "config" / "crd" / "bases"]) as env,
        open_load(env.kubeconfig, connections=CONNECTIONS) as load,
        Lab(lab) as running,
    ):
        for name, told in (("listing", False), ("told", True)):
            ear = free_port() if told else 0
            proxy = Proxy(
                ironic=running.ironic_url, operator=f"http://{LOOPBACK}:{ear}/" if ear else ""
            )
            variables = running.environment() | {"IRONIC_ENDPOINT": f"http://{LOOPBACK}:{port}/v1/"}
            if ear:
                variables["IRONIC_NOTIFICATIONS_ADDR"] = f"{LOOPBACK}:{ear}"
            async with proxy.serving(port):
                await create_namespace(load, name)
                report.rows[name] = await run(
                    name, load, env.kubeconfig, proxy, variables, options.nodes
                )
            say(f"{name}: " + ", ".join(f"{k} {v:.2f}" for k, v in report.rows[name].items()))
    report.claims += claims(report)
    return report


async def run(
    name: str,
    load: Load,
    kubeconfig: Path,
    proxy: Proxy,
    variables: dict[str, str],
    nodes: int,
) -> dict[str, float]:
    """One operator, one life of every host, and a rest in the middle."""
    metrics = free_port()
    async with operator(name, kubeconfig, variables, metrics) as process:
        patience = max(AT_LEAST, A_HOST * nodes)
        async with asyncio.timeout(AT_LEAST):
            await warm_up(load, name)
        before, looked = Counter(proxy.notes.requests), await looks_so_far(load, metrics)
        started, lives = time.monotonic(), Lives()
        progress = Progress(what=name, total=nodes, pid=process.pid)
        async with asyncio.timeout(patience), asyncio.TaskGroup() as group:
            reporting = group.create_task(progress.report())
            group.create_task(create_slowly(load, name, lives, nodes))
            await until_provisioned(load, name, proxy, lives, progress)
            reporting.cancel()
        wall = time.monotonic() - started
        idle = await requests_while_idle(proxy)
        say(f"{name}: deleting")
        async with asyncio.timeout(patience):
            await delete_all(load, name, [host_name(i) for i in range(nodes)])
        looks = await looks_so_far(load, metrics) - looked
        requests = proxy.notes.requests - before
        total = requests["GET"] + requests[WRITE] - idle * IDLE
        return {
            "wall_s": wall,
            "outside_p50_s": statistics.median(lives.outside.values()),
            "outside_p95_s": statistics.quantiles(lives.outside.values(), n=20)[18],
            "in_steps_s": statistics.mean(lives.took[h] - lives.outside[h] for h in lives.took),
            "requests_a_host": total / nodes,
            "writes_a_host": requests[WRITE] / nodes,
            "node_reads_a_host": (requests[LISTING] - idle * IDLE + requests[NODE]) / nodes,
            "looks_a_host": looks / nodes,
            "idle_requests_per_s": idle,
            "cpu_s": cpu_seconds(process.pid),
            "peak_mib": peak_mib(process.pid),
        }


def claims(report: Report) -> list[Claim]:
    """Hold each row against what was promised.

    The rival begins each look at a host with a GET of its node; all else it asks as we do.
    """
    found: list[Claim] = []
    for name, row in report.rows.items():
        found += [
            Claim(
                text=f"{name}: seconds outside Ironic's steps, p95",
                measured=row["outside_p95_s"],
                limit=OUTSIDE_S,
            ),
            Claim(
                text=f"{name}: looks at nodes, of the {row['looks_a_host']:.1f} GETs of the rival",
                measured=row["node_reads_a_host"] / row["looks_a_host"],
                limit=REQUESTS,
            ),
            Claim(
                text=f"{name}: requests a second when idle",
                measured=row["idle_requests_per_s"],
                limit=IDLE_REQUESTS,
            ),
        ]
    return found


@asynccontextmanager
async def operator(
    name: str, kubeconfig: Path, variables: dict[str, str], metrics: int
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run ``metal3 manager`` with the Ironic backend, else with its defaults."""
    argv = [str(TOP / ".venv" / "bin" / "metal3"), "manager", "--operators=baremetal"]
    argv += [f"--kubeconfig={kubeconfig}", f"--namespace={name}", "--webhook-port=0"]
    argv += [f"--metrics-addr={LOOPBACK}:{metrics}", "--insecure-diagnostics", "--health-addr=0"]
    environment = {**os.environ, **variables, "PYTHONPATH": str(CACHE / "plugins")}
    with (CACHE / f"operator-ironic-{name}.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *argv, env=environment, stdout=log, stderr=log
        )
    try:
        yield process
    finally:
        await end(process, process.terminate)


async def warm_up(load: Load, namespace: str) -> None:
    """Have the operator, and Ironic, do one host."""
    await create_one(load, namespace, WARM, number=0xFFFF)
    async for host in seen(load, namespace):
        if state_of(host) == DONE:
            break
    await delete_all(load, namespace, [WARM])


async def create_slowly(load: Load, namespace: str, lives: Lives, nodes: int) -> None:
    """Create PACE hosts a second, and note when."""
    started = time.monotonic()
    for i in range(nodes):
        await asyncio.sleep(started + i / PACE - time.monotonic())
        name = host_name(i)
        lives.created[name] = time.monotonic()
        await create_one(load, namespace, name, number=i)


async def create_one(load: Load, namespace: str, name: str, number: int) -> None:
    """Create a host; no two namespaces have names of one length."""
    bmc = {"address": f"{SCHEME}://{name}", "credentialsName": secret_name(name)}
    mac = f"52:54:00:{len(namespace):02x}:{number // 256:02x}:{number % 256:02x}"
    spec: dict[str, Any] = {"bmc": bmc, "bootMACAddress": mac, "inspectionMode": "disabled"}
    await create_hosts(load, namespace, [name], **spec)


async def until_provisioned(
    load: Load, namespace: str, proxy: Proxy, lives: Lives, progress: Progress
) -> None:
    """Note for each host how long it took, and how much of that Ironic was not at work."""
    async for host in seen(load, namespace):
        name = host["metadata"]["name"]
        if state_of(host) == DONE and name not in lives.took:
            took = lives.took[name] = time.monotonic() - lives.created[name]
            lives.outside[name] = took - proxy.notes.at_work[f"{namespace}~{name}"]
            progress.done = len(lives.took)
        if len(lives.took) == progress.total:
            return


async def requests_while_idle(proxy: Proxy) -> float:
    """Requests a second while nothing is to be done."""
    await asyncio.sleep(5)
    before = proxy.notes.total
    await asyncio.sleep(IDLE)
    return (proxy.notes.total - before) / IDLE


async def delete_all(load: Load, namespace: str, names: Sequence[str]) -> None:
    """Delete these hosts and wait until none is left."""
    left = set(names)
    hosts = HOSTS.format(namespace)
    async with asyncio.TaskGroup() as group:
        for name in sorted(left):
            group.create_task(load.send("DELETE", f"{hosts}/{name}", None))
    while left:
        await asyncio.sleep(1)
        answer = await load.send("GET", hosts, None)
        now = {item["metadata"]["name"] for item in answer["items"]}
        if len(now) != len(left):
            say(f"{namespace}: {len(now)} left")
        left = now


async def looks_so_far(load: Load, port: int) -> float:
    """How often the operator looked at a host."""
    async with load.session.get(f"http://{LOOPBACK}:{port}/metrics") as response:
        return sum(map(float, _LOOKS.findall(await response.text())))


def free_port() -> int:
    """Give a port that nobody listens on now."""
    with socket.socket() as found:
        found.bind((LOOPBACK, 0))
        return int(found.getsockname()[1])
