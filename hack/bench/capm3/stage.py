"""A server, the operators as users start them, and what is watched of them."""

import asyncio
import json
import math
import os
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from load import WRITERS, Load, open_load
from login import service_account
from measure import CACHE, cpu_seconds, end, peak_mib, say

from metal3.runtime.envtest import Environment

from . import objects

TOP: Final = Path(__file__).parents[3]
OPERATOR: Final = "operator"
CONNECTIONS: Final = 32
CLUSTER_API: Final = (
    "cluster.x-k8s.io_clusters",
    "cluster.x-k8s.io_machines",
    "cluster.x-k8s.io_machinesets",
)
TELL_EVERY: Final = 5.0
Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A running server."""

    load: Load
    kubeconfig: Path

    async def each(self, items: Iterable[int], work: Callable[[int], Awaitable[None]]) -> None:
        """Do the work for each item, WRITERS at a time."""
        todo = iter(items)

        async def some() -> None:
            for item in todo:
                await work(item)

        async with asyncio.TaskGroup() as group:
            for _ in range(WRITERS):
                group.create_task(some())

    async def create(self, collection: str, body: Json) -> Json:
        """Create one object."""
        return dict(await self.load.send("POST", collection, body))

    async def clusters(self, machines: int) -> None:
        """Clusters for so many machines, ready, each with a data template."""
        for name in dict.fromkeys(map(objects.cluster_name, range(machines))):
            made = await self.create(f"{objects.CORE}/clusters", objects.cluster(name))
            uid = made["metadata"]["uid"]
            body = objects.metal3_cluster(name, uid)
            await self.create(f"{objects.OURS}/metal3clusters", body)
            await self.create(f"{objects.OURS}/metal3datatemplates", objects.data_template(name))
            ready = {"status": {"initialization": {"infrastructureProvisioned": True}}}
            path = f"{objects.CORE}/clusters/{name}/status"
            await self.load.send("PATCH", path, ready, "application/merge-patch+json")

    async def machine(self, i: int, *, with_data: bool = True) -> None:
        """What Cluster API makes for the i-th machine."""
        await self.create(objects.SECRETS, objects.bootstrap(objects.machine_name(i)))
        made = await self.create(f"{objects.CORE}/machines", objects.machine(i))
        body = objects.metal3_machine(i, made["metadata"]["uid"], with_data=with_data)
        await self.create(objects.MACHINES, body)

    async def host(self, i: int) -> None:
        """A host with its login."""
        await self.create(objects.SECRETS, objects.login(i))
        await self.create(objects.HOSTS, objects.host(i))

    async def changes(self, collection: str, limit: float) -> AsyncIterator[Json]:
        """All objects and then every change; raises RuntimeError when ``limit`` seconds pass.

        A server ends watches before their time, such as when a CRD changes: then all comes again.
        """
        end = time.monotonic() + limit
        while (left := end - time.monotonic()) > 0:
            query = {"watch": "1", "timeoutSeconds": str(math.ceil(left))}
            async with self.load.session.get(self.load.url + collection, params=query) as stream:
                async for line in stream.content:
                    event = json.loads(line)
                    if event.get("type") == "ERROR" or "object" not in event:
                        break
                    yield event["object"]
            await asyncio.sleep(0.1)
        raise RuntimeError(f"{collection}: not done within {limit:.0f} s")

    async def until_all(
        self, collection: str, wanted: int, done: Callable[[Json], bool], *, what: str, limit: float
    ) -> None:
        """Watch until ``wanted`` objects are done, and tell how far it is."""
        found: set[str] = set()
        started = told = time.monotonic()
        async for obj in self.changes(collection, limit):
            if done(obj):
                found.add(obj["metadata"]["name"])
            if len(found) >= wanted:
                return
            if time.monotonic() - told > TELL_EVERY:
                told = time.monotonic()
                say(f"{what}: {len(found)} of {wanted} after {told - started:.0f} s")


@dataclass(frozen=True, kw_only=True)
class Operator:
    """A running ``metal3 manager``."""

    process: asyncio.subprocess.Process
    metrics: str

    def cpu_seconds(self) -> float:
        """User and system time so far."""
        return cpu_seconds(self.process.pid)

    def peak_mib(self) -> float:
        """The most memory that was ever resident."""
        return peak_mib(self.process.pid)

    async def requests(self, load: Load) -> float:
        """How many requests it has sent."""
        async with load.session.get(self.metrics) as response:
            text = await response.text()
        lines = (
            line for line in text.splitlines() if line.startswith("rest_client_requests_total")
        )
        return sum(float(line.rpartition(" ")[2]) for line in lines)


@asynccontextmanager
async def stage(flags: Iterable[str] = ()) -> AsyncIterator[Stage]:
    """A kube-apiserver with all kinds and an empty namespace."""
    CACHE.mkdir(parents=True, exist_ok=True)
    crds = [TOP / "config" / "crd" / "bases", *await asyncio.to_thread(cluster_api_crds)]
    async with AsyncExitStack() as stack:
        env = await stack.enter_async_context(
            Environment(api="kube", crds=crds, apiserver_flags=list(flags))
        )
        load = await stack.enter_async_context(
            open_load(
                await service_account(env.kubeconfig, "load"), connections=CONNECTIONS, total=None
            )
        )
        kubeconfig = await service_account(env.kubeconfig, OPERATOR)
        await load.send("POST", "/api/v1/namespaces", {"metadata": {"name": objects.NAMESPACE}})
        yield Stage(load=load, kubeconfig=kubeconfig)


def cluster_api_crds() -> list[Path]:
    """From the pinned module; it is fetched through the Go module proxy if need be."""
    found = subprocess.run(
        [TOP / "hack" / "setup-capi", "--print-source"], capture_output=True, text=True, check=True
    )
    folder = Path(found.stdout.strip()) / "core" / "config" / "crd" / "bases"
    return [folder / f"{name}.yaml" for name in CLUSTER_API]


@asynccontextmanager
async def operator(
    stage: Stage, name: str, *, environment: dict[str, str] | None = None
) -> AsyncIterator[Operator]:
    """Run ``metal3 manager`` with its defaults, but for open ports."""
    port = free_port()
    argv = [str(TOP / ".venv" / "bin" / "metal3"), "manager", f"--operators={name}"]
    argv += [f"--kubeconfig={stage.kubeconfig}", f"--namespace={objects.NAMESPACE}"]
    argv += [f"--metrics-addr=127.0.0.1:{port}", "--insecure-diagnostics=true"]
    argv += ["--health-addr=0", "--webhook-port=0"]
    if name == "baremetal":
        argv.append("--provisioner=fixture")
    with (CACHE / f"capm3-{name}.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *argv, env=os.environ | (environment or {}), stdout=log, stderr=log
        )
    try:
        yield Operator(process=process, metrics=f"http://127.0.0.1:{port}/metrics")
    finally:
        await end(process, process.terminate)


def free_port() -> int:
    """A port of the loopback interface that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
