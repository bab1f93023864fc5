"""How long 100 hosts take from create to provisioned, beside the same writes by a bare loop.

The fixture backend on a real kube-apiserver. First the operator runs once under audit, which gives
its writes; then the floor issues these, and the operator runs as a user would start it.
"""

import asyncio
import json
import os
import statistics
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from load import WRITERS, Load, open_load
from measure import CACHE, cpu_seconds, end, peak_mib, say
from report import Claim, Report

from metal3.runtime.envtest import Environment

from .replay import OPERATOR, Recording, Replay, read_audit

HERE: Final = Path(__file__).parent
TOP: Final = HERE.parents[2]
HOSTS: Final = "/apis/metal3.io/v1alpha1/namespaces/{}/baremetalhosts"
SECRETS: Final = "/api/v1/namespaces/{}/secrets"
RECORDED: Final = "recorded"
PREFIX: Final = "host-"
CONNECTIONS: Final = 32
DEADLINE: Final = 300
WALL, FLOOR = 10.0, 2.0


@dataclass(frozen=True, kw_only=True)
class Options:
    """Sizes of a run."""

    hosts: int
    rounds: int


async def measure(options: Options) -> Report:
    """Record, then run floor and operator in turn on one server."""
    report = Report(
        name="hosts", about=f"{options.hosts} hosts, fixture backend, median of {options.rounds}"
    )
    recording = await record(options.hosts)
    crds = [TOP / "config" / "crd" / "bases"]
    rows: dict[str, list[dict[str, float]]] = {"floor": [], "instant backend": [], "default": []}
    async with (
        Environment(api="kube", crds=crds) as env,
        open_load(env.kubeconfig, connections=CONNECTIONS) as load,
    ):
        kubeconfig = await env.add_user(OPERATOR, ["system:masters"])
        say("warming up")  # a server is slow the first time it meets a kind
        await floor(load, recording, options.hosts, "warm")
        for i in range(options.rounds):
            say("floor: running")
            rows["floor"].append(await floor(load, recording, options.hosts, f"floor-{i}"))
            for name, step_time in (("instant backend", "0"), ("default", "")):
                say(f"{name}: running")
                namespace = f"{name.split()[0]}-{i}"
                figures = await run_operator(load, kubeconfig, namespace, options.hosts, step_time)
                rows[name].append(figures)
    for name, rounds in rows.items():
        report.rows[name] = {
            figure: statistics.median(one[figure] for one in rounds) for figure in rounds[0]
        }
    report.rows["floor"] = {**report.rows["floor"], "refused_writes": recording.refused}
    report.claims += claims(report)
    return report


def claims(report: Report) -> list[Claim]:
    """Hold the operator against what was promised."""
    return [
        Claim(
            text="seconds from create to provisioned",
            measured=report.rows["default"]["wall_s"],
            limit=WALL,
        ),
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


async def record(hosts: int) -> Recording:
    """Run the operator under audit and give what it wrote."""
    say("recording the operator's writes")
    log = CACHE / "audit.log"
    log.unlink(missing_ok=True)
    flags = [
        f"--audit-policy-file={HERE / 'audit-policy.yaml'}",
        f"--audit-log-path={log}",
        "--audit-log-mode=blocking",
    ]
    crds = [TOP / "config" / "crd" / "bases"]
    async with (
        Environment(api="kube", crds=crds, apiserver_flags=flags) as env,
        open_load(env.kubeconfig, connections=CONNECTIONS) as load,
    ):
        kubeconfig = await env.add_user(OPERATOR, ["system:masters"])
        await run_operator(load, kubeconfig, RECORDED, hosts, "0")
    return await asyncio.to_thread(read_audit, log, PREFIX)


async def floor(load: Load, recording: Recording, hosts: int, namespace: str) -> dict[str, float]:
    """Create the hosts and issue the recorded writes; nothing waits for anything else."""
    await load.send("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
    started = time.monotonic()
    versions = await create_hosts(load, namespace, [host_name(i) for i in range(hosts)])
    replay = Replay(load=load, old=RECORDED, new=namespace, versions=versions)
    await replay.run(recording.by_name.values())
    wall = time.monotonic() - started
    return {"wall_s": wall, "writes": recording.writes, "writes_per_s": recording.writes / wall}


async def run_operator(
    load: Load, kubeconfig: Path, namespace: str, hosts: int, step_time: str
) -> dict[str, float]:
    """Start the operator, wait until it has done one host, then time the others."""
    await load.send("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
    names = [host_name(i) for i in range(hosts)]
    async with operator(kubeconfig, namespace, step_time) as process:
        await create_hosts(load, namespace, ["first"])
        await provisioned(load, namespace, {"first"})
        cpu = cpu_seconds(process.pid)
        started = time.monotonic()
        async with asyncio.TaskGroup() as group:
            group.create_task(create_hosts(load, namespace, names))
            group.create_task(provisioned(load, namespace, set(names)))
        return {
            "wall_s": time.monotonic() - started,
            "cpu_s": cpu_seconds(process.pid) - cpu,
            "peak_mib": peak_mib(process.pid),
        }


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


async def provisioned(load: Load, namespace: str, names: set[str]) -> None:
    """Watch until all are provisioned; names is emptied."""
    query = {"watch": "1", "timeoutSeconds": str(DEADLINE)}
    async with load.session.get(load.url + HOSTS.format(namespace), params=query) as stream:
        async for line in stream.content:
            host = json.loads(line)["object"]
            state = host.get("status", {}).get("provisioning", {}).get("state")
            if state == "provisioned":
                names.discard(host["metadata"]["name"])
            if not names:
                return
    raise RuntimeError(f"not provisioned within {DEADLINE} s: {', '.join(sorted(names))}")


async def create_hosts(load: Load, namespace: str, names: Sequence[str]) -> dict[str, str]:
    """Create hosts with their Secrets, WRITERS at a time; give the resourceVersion by path."""
    versions: dict[str, str] = {}
    todo = iter(enumerate(names))

    async def create_each() -> None:
        for i, name in todo:
            for collection, body in (
                (SECRETS.format(namespace), secret(name)),
                (HOSTS.format(namespace), host_of(i, name)),
            ):
                stored = await load.send("POST", collection, body)
                path = f"{collection}/{body['metadata']['name']}"
                versions[path] = stored["metadata"]["resourceVersion"]

    async with asyncio.TaskGroup() as group:
        for _ in range(WRITERS):
            group.create_task(create_each())
    return versions


def host_name(i: int) -> str:
    """Give the name of the i-th host."""
    return f"{PREFIX}{i:03}"


def secret(name: str) -> dict[str, Any]:
    """Give the host's Secret."""
    return {
        "metadata": {"name": f"{name}-bmc"},
        "stringData": {"username": "operator", "password": "change-me"},
    }


def host_of(i: int, name: str) -> dict[str, Any]:
    """Give the i-th host, wanted on and with an image."""
    return {
        "apiVersion": "metal3.io/v1alpha1",
        "kind": "BareMetalHost",
        "metadata": {"name": name},
        "spec": {
            "online": True,
            "bootMACAddress": f"52:54:00:00:{i // 256:02x}:{i % 256:02x}",
            "bmc": {
                "address": f"redfish://192.0.2.{i % 250}:{8000 + i}/redfish/v1/Systems/{i}",
                "credentialsName": f"{name}-bmc",
            },
            "image": {
                "url": "https://images.example.com/server.qcow2",
                "checksum": "https://images.example.com/server.qcow2.sha256sum",
                "checksumType": "auto",
            },
        },
    }
