"""A server with one pool, the operator beside it, and a bare client that makes claims."""

import asyncio
import json
import os
import sys
import time
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Mapping,
    Sequence,
)
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

from load import WRITERS, Load, open_load
from login import service_account
from measure import CACHE, Rival, cpu_seconds, rival

from metal3.runtime.envtest import Environment

HERE: Final = Path(__file__).parent
TOP: Final = HERE.parents[2]
NAMESPACE: Final = "bench"
GROUP: Final = f"/apis/ipam.metal3.io/v1alpha1/namespaces/{NAMESPACE}"
CLAIMS: Final = f"{GROUP}/ipclaims"
POOLS: Final = f"{GROUP}/ippools"
ADDRESSES: Final = f"{GROUP}/ipaddresses"
DEADLINE: Final = 3600.0
Api = Literal["embedded", "kube"]
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Spent:
    """What the operator has used so far: seconds of CPU, and requests it has sent."""

    cpu: float
    requests: int

    def since(self, before: "Spent") -> "Spent":
        """The difference."""
        return Spent(cpu=self.cpu - before.cpu, requests=self.requests - before.requests)


@asynccontextmanager
async def server(api: Api, more_crds: Sequence[Path] = ()) -> AsyncIterator[tuple[Load, Path]]:
    """An API server with the CRDs and a namespace; a client, and the kubeconfig for others."""
    await asyncio.to_thread(CACHE.mkdir, parents=True, exist_ok=True)
    crds = [*sorted((TOP / "config/crd/bases").glob("ipam.metal3.io_*.yaml")), *more_crds]
    async with (
        Environment(api=api, crds=crds) as env,
        open_load(await _login(env, "load"), total=DEADLINE, connections=2 * WRITERS) as load,
    ):
        await load.send("POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
        yield load, await _login(env, "operator")


async def _login(env: Environment, name: str) -> Path:
    """The embedded server knows no certificates, and no users but one."""
    return env.kubeconfig if env.api == "embedded" else await service_account(env.kubeconfig, name)


@asynccontextmanager
async def operators(
    kubeconfig: Path, count: int = 1, *, cluster_api: bool = False
) -> AsyncIterator[list[Rival]]:
    """So many managers that work on everything, all at once."""
    argv = [sys.executable, str(HERE / "ours.py"), *(["--capi"] if cluster_api else [])]
    env = {"KUBECONFIG": str(kubeconfig)}
    async with AsyncExitStack() as stack:
        started = [
            await stack.enter_async_context(rival(f"ipam-{i}", argv, env, CACHE))
            for i in range(count)
        ]
        for one in started:
            await one.says("ready", within=300)
        yield started


async def spent(ours: Rival) -> Spent:
    """Ask the operator what it has used."""
    if ours.process.stdin is None:
        raise RuntimeError("the operator was started without a pipe")
    ours.process.stdin.write(b"\n")
    figures = json.loads((await ours.says("spent", within=120))[1])
    return Spent(cpu=figures["cpu"], requests=figures["requests"])


def servers_cpu() -> float:
    """Seconds of CPU of kube-apiserver and etcd so far; 0 for a server of another kind."""
    return sum(cpu_seconds(pid) for pid in _children() if _is_server(pid))


def _children() -> list[int]:
    threads = Path("/proc/self/task").iterdir()
    return [int(pid) for task in threads for pid in (task / "children").read_text().split()]


def _is_server(pid: int) -> bool:
    return Path(f"/proc/{pid}/comm").read_text().strip() in {"kube-apiserver", "etcd"}


def own_cpu() -> float:
    """Seconds of CPU of this process: making claims and watching them takes its share, too."""
    times = os.times()
    return times.user + times.system


async def make_claims(
    load: Load, names: Sequence[str], of: str = "pool", annotations: dict[str, str] | None = None
) -> float:
    """Seconds from the first claim to the last address."""
    missing = set(names)
    async with watching(load) as served:
        started = time.monotonic()
        async with asyncio.TaskGroup() as group:
            group.create_task(
                each(names, lambda name: load.send("POST", CLAIMS, claim(name, of, annotations)))
            )
            while missing:
                missing.discard(await served())
        return time.monotonic() - started


@asynccontextmanager
async def watching(load: Load) -> AsyncIterator[Callable[[], Awaitable[str]]]:
    """Names of claims as they get their address; a watch that the server ends is taken up again."""
    listed = await load.send("GET", f"{CLAIMS}?limit=1", None)
    events = _events(load, listed["metadata"]["resourceVersion"])
    seen = set[str]()

    async def served() -> str:
        async for event in events:
            name = str(event["object"]["metadata"]["name"])
            if name not in seen and _is_served(event):
                seen.add(name)
                return name
        raise RuntimeError("there are no more events")

    try:
        yield served
    finally:
        await events.aclose()


def _is_served(event: Mapping[str, Any]) -> bool:
    """One that is on its way out shows its address until it is gone."""
    claim = event["object"]
    is_going = "deletionTimestamp" in claim["metadata"]
    return event["type"] == "MODIFIED" and "address" in claim.get("status", {}) and not is_going


async def _events(load: Load, revision: str) -> AsyncGenerator[dict[str, Any], None]:
    while True:
        path = f"{CLAIMS}?watch=1&resourceVersion={revision}"
        async with load.session.get(load.url + path) as response:
            async for line in _lines(response.content.iter_any()):
                event = json.loads(line)
                if event["type"] == "ERROR":
                    raise RuntimeError(f"watch: {event['object'].get('message')}")
                revision = event["object"]["metadata"]["resourceVersion"]
                yield event


async def _lines(chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """Whole lines of any length."""
    rest = b""
    async for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line


async def each(items: Iterable[T], send: Callable[[T], Awaitable[Any]]) -> None:
    """Send for each item, WRITERS at once."""
    pending = iter(items)

    async def work() -> None:
        for item in pending:
            await send(item)

    async with asyncio.TaskGroup() as group:
        for _ in range(WRITERS):
            group.create_task(work())


def pool(name: str, entry: dict[str, str]) -> dict[str, Any]:
    """A pool of one range."""
    return {
        "apiVersion": "ipam.metal3.io/v1alpha1",
        "kind": "IPPool",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"namePrefix": name, "prefix": 24, "pools": [entry]},
    }


def claim(name: str, of: str, annotations: dict[str, str] | None = None) -> dict[str, Any]:
    """A claim."""
    return {
        "apiVersion": "ipam.metal3.io/v1alpha1",
        "kind": "IPClaim",
        "metadata": {"name": name, "namespace": NAMESPACE, "annotations": annotations or {}},
        "spec": {"pool": {"name": of}},
    }


def address(i: int, claim_name: str, claim_uid: str, pool_uid: str) -> dict[str, Any]:
    """The i-th address of the pool, in a claim's name."""
    number = 0x0A000001 + i
    text = ".".join(str(number >> shift & 255) for shift in (24, 16, 8, 0))
    return {
        "apiVersion": "ipam.metal3.io/v1alpha1",
        "kind": "IPAddress",
        "metadata": {
            "name": f"pool-{text.replace('.', '-')}",
            "namespace": NAMESPACE,
            "finalizers": ["ipaddress.ipam.metal3.io"],
            "ownerReferences": [
                _owner("IPPool", "pool", pool_uid),
                _owner("IPClaim", claim_name, claim_uid) | {"controller": True},
            ],
        },
        "spec": {
            "address": text,
            "prefix": 24,
            "claim": {"kind": "IPClaim", "name": claim_name, "namespace": NAMESPACE},
            "pool": {"kind": "IPPool", "name": "pool", "namespace": NAMESPACE},
        },
    }


def _owner(kind: str, name: str, uid: str) -> dict[str, Any]:
    return {
        "apiVersion": "ipam.metal3.io/v1alpha1",
        "kind": kind,
        "name": name,
        "uid": uid,
        "blockOwnerDeletion": True,
    }
