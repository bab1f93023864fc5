"""Addresses for claims on a real kube-apiserver: wall time, growth, CPU, memory, reuse.

One pool; all claims are made at once by a bare HTTP client, and the clock stops when the last has
its address. Then the pool's range is narrowed to what is in use, and addresses are freed one by
one while others wait.
"""

import argparse
import asyncio
import json
import statistics
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

TOP: Final = Path(__file__).parents[3]
sys.path.insert(0, str(Path(__file__).parents[1]))

from load import Load, open_load  # noqa: E402 - the folder above is where it is
from measure import CACHE, Rival, rival, say  # noqa: E402
from report import Claim, Report  # noqa: E402

from metal3.runtime.envtest import Environment  # noqa: E402

NAMESPACE: Final = "bench"
GROUP: Final = f"/apis/ipam.metal3.io/v1alpha1/namespaces/{NAMESPACE}"
CLAIMS: Final = f"{GROUP}/ipclaims"
POOLS: Final = f"{GROUP}/ippools"
DEADLINE: Final = 1800.0
SECONDS: Final = {1_000: 6.0, 4_000: 24.0}
GROWTH: Final = 1.3
CPU_MS: Final = 2.0
MEMORY_MIB: Final = 300.0
REUSE_SECONDS: Final = 1.0
RESTING_SECONDS: Final = 0.05
"""CPU in three seconds that is no work."""
DEEP: Final = "2001:db8::ffff:ffff:ffff:fff0"


@dataclass(frozen=True, kw_only=True)
class Options:
    """How many claims a round makes; the addresses of all rounds stay in use."""

    sizes: Sequence[int] = (1_000, 4_000, 20_000)
    used: int = 60_000
    reused: int = 100


async def measure(options: Options) -> Report:
    """Each size on a server of its own; then one allocation in a pool with many used addresses."""
    report = Report(name="ipam", about="one pool, claims made at once, 16 writers")
    for size in options.sizes:
        report.rows[f"{size} claims"] = await fill(size)
    if options.used:
        report.rows[f"{options.used} used"] = await full_pool(options.used, options.reused)
    report.claims += claims(report, options)
    return report


@asynccontextmanager
async def stage() -> AsyncIterator[tuple[Load, Rival]]:
    """A server with a pool, and our operator."""
    CACHE.mkdir(parents=True, exist_ok=True)
    crds = sorted((TOP / "config/crd/bases").glob("ipam.metal3.io_*.yaml"))
    async with (
        Environment(api="kube", crds=crds) as env,
        open_load(env.kubeconfig, total=DEADLINE) as load,
        rival(
            "ipam",
            [sys.executable, str(Path(__file__).parent / "ours.py")],
            {"KUBECONFIG": str(env.kubeconfig)},
            CACHE,
        ) as ours,
    ):
        await load.send("POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
        await load.send("POST", POOLS, pool("pool", {"subnet": "10.0.0.0/8"}))
        await ours.says("ready", within=60)
        yield load, ours


async def fill(size: int) -> dict[str, float]:
    """Make claims, all at once, and wait for the last address."""
    say(f"{size} claims")
    async with stage() as (load, ours):
        cpu = ours.cpu_seconds()
        took = await make_claims(load, [f"claim-{i:06}" for i in range(size)])
        return {
            "seconds": took,
            "ms_per_claim": took / size * 1000,
            "cpu_ms_per_claim": (ours.cpu_seconds() - cpu) / size * 1000,
            "peak_mib": ours.peak_mib(),
        }


async def full_pool(used: int, reused: int) -> dict[str, float]:
    """Fill with made addresses, restart nothing, and look at one claim at a time."""
    say(f"{used} addresses in use")
    async with stage() as (load, ours):
        owner = (await load.send("GET", f"{POOLS}/pool", None))["metadata"]["uid"]
        await each(
            16,
            range(used),
            lambda i: load.send("POST", f"{GROUP}/ipaddresses", used_address(i, owner)),
        )
        await each(
            16, range(used), lambda i: load.send("POST", CLAIMS, claim(f"used-{i:06}", "pool"))
        )
        await quiet(ours)
        cpu = await one_by_one(load, ours, "pool", {}, reused)
        deep = await deep_in_ipv6(load, ours)
        latencies = await reuse(load, reused)
        return {
            "cpu_ms_one": cpu,
            "cpu_ms_deep": deep,
            "reuse_p50_s": statistics.median(latencies),
            "reuse_p99_s": statistics.quantiles(latencies, n=100)[98],
            "peak_mib": ours.peak_mib(),
        }


async def quiet(ours: Rival) -> None:
    """Wait until the operator has nothing to do."""
    before = -1.0
    while (now := ours.cpu_seconds()) - before > RESTING_SECONDS:
        before = now
        await asyncio.sleep(3)


async def one_by_one(
    load: Load, ours: Rival, of: str, annotations: dict[str, str], count: int
) -> float:
    """Milliseconds of CPU a claim, made one after the other; what is idle is taken off."""
    idle = await cpu_of(ours)
    await asyncio.sleep(10)
    idle = (await cpu_of(ours) - idle) / 10
    start, began = await cpu_of(ours), time.monotonic()
    for i in range(count):
        await make_claims(load, [f"one-{of}-{i}"], of, annotations if i == 0 else {})
    spent = await cpu_of(ours) - start - idle * (time.monotonic() - began)
    return spent / count / 1000


async def cpu_of(ours: Rival) -> float:
    """Microseconds of CPU so far."""
    if ours.process.stdin is None:
        raise RuntimeError("the operator was started without a pipe")
    ours.process.stdin.write(b"\n")
    return float((await ours.says("cpu", within=60))[1])


async def deep_in_ipv6(load: Load, ours: Rival) -> float:
    """The same for an address far into a subnet that nobody could count through."""
    await load.send("POST", POOLS, pool("deep", {"subnet": "2001:db8::/64"}))
    await asyncio.sleep(2)
    start = await cpu_of(ours)
    await make_claims(load, ["deep"], "deep", {"ipAddress": DEEP})
    return (await cpu_of(ours) - start) / 1000


async def reuse(load: Load, count: int) -> list[float]:
    """Seconds from a claim's deletion to its address being another's."""
    await load.send("POST", POOLS, pool("small", {"start": "192.0.2.1", "end": "192.0.2.1"}))
    await make_claims(load, ["turn-0"], "small")
    await each(
        16, range(1, count + 1), lambda i: load.send("POST", CLAIMS, claim(f"turn-{i}", "small"))
    )
    await asyncio.sleep(2)
    latencies: list[float] = []
    async with watching(load) as served:
        holder = "turn-0"
        for _ in range(count):
            started = time.monotonic()
            await load.send("DELETE", f"{CLAIMS}/{holder}", None)
            holder = await served()
            latencies.append(time.monotonic() - started)
    return latencies


async def make_claims(
    load: Load, names: list[str], of: str = "pool", annotations: dict[str, str] | None = None
) -> float:
    """Seconds from the first claim to the last address."""
    missing = set(names)
    async with watching(load) as served:
        started = time.monotonic()
        async with asyncio.TaskGroup() as group:
            group.create_task(
                each(16, names, lambda n: load.send("POST", CLAIMS, claim(n, of, annotations)))
            )
            while missing:
                missing.discard(await served())
        return time.monotonic() - started


@asynccontextmanager
async def watching(load: Load) -> AsyncIterator[Any]:
    """Names of claims as they get their address; a watch that the server ends is taken up again."""
    listed = await load.send("GET", f"{CLAIMS}?limit=1", None)
    events = _events(load, listed["metadata"]["resourceVersion"])

    async def served() -> str:
        async for event in events:
            if event["type"] == "MODIFIED" and "address" in event["object"].get("status", {}):
                return str(event["object"]["metadata"]["name"])
        raise RuntimeError("there are no more events")

    try:
        yield served
    finally:
        await events.aclose()


async def _events(load: Load, revision: str) -> AsyncGenerator[dict[str, Any], None]:
    while True:
        path = f"{CLAIMS}?watch=1&resourceVersion={revision}"
        async with load.session.get(load.url + path) as response:
            async for line in Lines(response.content.iter_any()):
                event = json.loads(line)
                if event["type"] == "ERROR":
                    raise RuntimeError(f"watch: {event['object'].get('message')}")
                revision = event["object"]["metadata"]["resourceVersion"]
                yield event


class Lines:
    """Chunks as lines of any length."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Give whole lines."""
        rest = b""
        async for chunk in self._chunks:
            *whole, rest = (rest + chunk).split(b"\n")
            for line in whole:
                yield line


async def each(writers: int, items: Any, send: Any) -> None:
    """Send for each item, so many at once."""
    pending = iter(items)

    async def work() -> None:
        for item in pending:
            await send(item)

    async with asyncio.TaskGroup() as group:
        for _ in range(writers):
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


def used_address(i: int, pool_uid: str) -> dict[str, Any]:
    """An address as it would be after a move: its claim comes later and finds it."""
    number = 0x0A000001 + i
    text = ".".join(str(number >> shift & 255) for shift in (24, 16, 8, 0))
    return {
        "apiVersion": "ipam.metal3.io/v1alpha1",
        "kind": "IPAddress",
        "metadata": {
            "name": f"pool-{text.replace('.', '-')}",
            "namespace": NAMESPACE,
            "ownerReferences": [
                {
                    "apiVersion": "ipam.metal3.io/v1alpha1",
                    "kind": "IPPool",
                    "name": "pool",
                    "uid": pool_uid,
                }
            ],
        },
        "spec": {
            "address": text,
            "prefix": 24,
            "claim": {"kind": "IPClaim", "name": f"used-{i:06}", "namespace": NAMESPACE},
            "pool": {"kind": "IPPool", "name": "pool", "namespace": NAMESPACE},
        },
    }


def claims(report: Report, options: Options) -> list[Claim]:
    """Hold the figures against what was promised."""
    found = [
        Claim(text=f"seconds for {size} claims", measured=report.rows[row]["seconds"], limit=limit)
        for size, limit in SECONDS.items()
        if (row := f"{size} claims") in report.rows
    ]
    if len(set(options.sizes)) > 1:
        first, last = f"{min(options.sizes)} claims", f"{max(options.sizes)} claims"
        growth = report.ratio("ms_per_claim", last, first)
        found.append(Claim(text=f"time a claim, {last} to {first}", measured=growth, limit=GROWTH))
    if full := report.rows.get(f"{options.used} used"):
        found += [
            Claim(text="ms of CPU for one allocation", measured=full["cpu_ms_one"], limit=CPU_MS),
            Claim(text="MiB at their peak", measured=full["peak_mib"], limit=MEMORY_MIB),
            Claim(text="reuse, p99 in s", measured=full["reuse_p99_s"], limit=REUSE_SECONDS),
        ]
    return found


def main() -> int:
    """Run on its own; leaves with 1 when a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--sizes", type=int, nargs="*", default=Options.sizes)
    parser.add_argument("--used", type=int, default=Options.used)
    parser.add_argument("--reused", type=int, default=Options.reused)
    given = parser.parse_args()
    report = asyncio.run(measure(Options(sizes=given.sizes, used=given.used, reused=given.reused)))
    print(report.as_text())
    (CACHE / "ipam.json").write_text(json.dumps(report.as_json(), indent=2) + "\n")
    return 0 if all(claim.holds for claim in report.claims) else 1


if __name__ == "__main__":
    sys.exit(main())
