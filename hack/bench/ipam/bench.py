"""Addresses for claims on a real kube-apiserver: wall time, growth, CPU, memory, reuse.

One pool; all claims are made at once by a bare HTTP client, and the clock stops when a watch has
shown the last address. Then a pool with many addresses in use, of which single claims take one
more, and a pool with one address, which goes from claim to claim.
"""

import asyncio
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from load import Load
from measure import Rival, say
from report import Claim, Report

from . import allocation, floor
from .stage import (
    CLAIMS,
    POOLS,
    Api,
    claim,
    each,
    make_claims,
    operators,
    own_cpu,
    pool,
    server,
    servers_cpu,
    spent,
    watching,
)

ABOUT: Final = "one pool, claims made at once by 16 writers, no webhooks"
SECONDS: Final = {1_000: 6.0, 4_000: 24.0}
GROWTH: Final = 1.3
CPU_MS: Final = 2.0
USED_RATIO: Final = 1.3
DEEP_RATIO: Final = 1.5
MEMORY_MIB: Final = 300.0
REUSE_SECONDS: Final = 1.0
TURNS: Final = 4
RESTING_SECONDS: Final = 0.05
"""CPU in three seconds that is no work."""
WHOLE: Final = {"subnet": "10.0.0.0/8"}


@dataclass(frozen=True, kw_only=True)
class Options:
    """How many claims a round makes, how many addresses are in use, how often one changes hands."""

    sizes: Sequence[int] = (1_000, 4_000, 20_000)
    used: int = 60_000
    turns: int = 200
    api: Api = "kube"


async def measure(options: Options) -> Report:
    """Each size on a server of its own; each row is told as soon as it is there."""
    report = Report(name="ipam", about=ABOUT)
    for size in options.sizes:
        _tell(report, f"{size} claims, floor", await fill_floor(size, options.api))
        _tell(report, f"{size} claims", await fill(size, options.api))
    if options.used:
        say(f"{_used(options)}: finding addresses, without a server")
        _tell(report, _found(options), allocation.measure(options.used))
        _tell(report, _used(options), await full_pool(options))
    report.claims += claims(report, options)
    return report


def _tell(report: Report, row: str, figures: dict[str, float]) -> None:
    report.rows[row] = figures
    say(f"{row}: " + ", ".join(f"{name} {value:.2f}" for name, value in figures.items()))


async def fill(size: int, api: Api) -> dict[str, float]:
    """Make claims, all at once, and wait for the last address."""
    say(f"{size} claims: running")
    async with server(api) as (load, kubeconfig), operators(kubeconfig) as [ours]:
        await load.send("POST", POOLS, pool("pool", WHOLE))
        await make_claims(load, ["first"])
        before, servers, own = await spent(ours), servers_cpu(), own_cpu()
        took = await make_claims(load, [f"claim-{i:06}" for i in range(size)])
        used = (await spent(ours)).since(before)
        return {
            "seconds": took,
            "ms_per_claim": took / size * 1000,
            "cpu_ms_per_claim": used.cpu / size * 1000,
            "requests_per_claim": used.requests / size,
            "servers_cpu_ms": (servers_cpu() - servers) / size * 1000,
            "client_cpu_ms": (own_cpu() - own) / size * 1000,
            "peak_mib": ours.peak_mib(),
        }


async def fill_floor(size: int, api: Api) -> dict[str, float]:
    """The same writes without an operator."""
    say(f"{size} claims, floor: running")
    async with server(api) as (load, _):
        await load.send("POST", POOLS, pool("pool", WHOLE))
        servers, own = servers_cpu(), own_cpu()
        took = await floor.run(load, size)
        return {
            "seconds": took,
            "ms_per_claim": took / size * 1000,
            "requests_per_claim": 4,
            "servers_cpu_ms": (servers_cpu() - servers) / size * 1000,
            "client_cpu_ms": (own_cpu() - own) / size * 1000,
        }


async def full_pool(options: Options) -> dict[str, float]:
    """A full pool, of which an operator that starts knows nothing, beside an empty one."""
    async with server(options.api) as (load, kubeconfig):
        await load.send("POST", POOLS, pool("empty", {"subnet": "172.16.0.0/12"}))
        say(f"{_used(options)}: filling, with no operator")
        await load.send("POST", POOLS, pool("pool", WHOLE))
        await floor.run(load, options.used)
        say(f"{_used(options)}: an operator starts")
        async with operators(kubeconfig) as [ours]:
            await rest(ours)
            empty, used = await cpu_in_turn(load, ours, options.turns)
            latencies = await reuse(load, options.turns)
            return {
                "cpu_ms_empty": empty,
                "cpu_ms_used": used,
                "reuse_p50_s": statistics.median(latencies),
                "reuse_p99_s": statistics.quantiles(latencies, n=100)[98],
                "peak_mib": ours.peak_mib(),
            }


async def rest(ours: Rival) -> None:
    """Wait until the operator has nothing to do."""
    before = -1.0
    while (now := ours.cpu_seconds()) - before > RESTING_SECONDS:
        before = now
        await asyncio.sleep(3)


async def cpu_in_turn(load: Load, ours: Rival, turns: int) -> tuple[float, float]:
    """CPU of a claim in the empty and in the full pool; in turn, as a machine's speed changes."""
    empty: list[float] = []
    used: list[float] = []
    for i in range(TURNS):
        names = [f"turn-{i}-{n}" for n in range(turns // TURNS)]
        empty.append(await cpu_of(load, ours, "empty", names))
        used.append(await cpu_of(load, ours, "pool", names))
    return statistics.mean(empty), statistics.mean(used)


async def cpu_of(load: Load, ours: Rival, of: str, names: Sequence[str]) -> float:
    """Milliseconds of the operator's CPU for a claim, with its requests and what is told of it."""
    before = await spent(ours)
    await make_claims(load, [f"{of}-{name}" for name in names], of)
    await rest(ours)
    return (await spent(ours)).since(before).cpu / len(names) * 1000


async def reuse(load: Load, turns: int) -> list[float]:
    """Seconds from a claim's deletion to its address being another's."""
    await load.send("POST", POOLS, pool("small", {"start": "192.0.2.1", "end": "192.0.2.1"}))
    await make_claims(load, ["turn-0"], "small")
    names = [f"turn-{i}" for i in range(1, turns + 1)]
    await each(names, lambda name: load.send("POST", CLAIMS, claim(name, "small")))
    await asyncio.sleep(2)
    latencies: list[float] = []
    async with watching(load) as served:
        holder = "turn-0"
        for _ in range(turns):
            started = time.monotonic()
            await load.send("DELETE", f"{CLAIMS}/{holder}", None)
            holder = await served()
            latencies.append(time.monotonic() - started)
    return latencies


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
    if full := report.rows.get(_used(options)):
        one = report.rows[_found(options)]
        used, deep = full["cpu_ms_used"] / full["cpu_ms_empty"], one["deep_us"] / one["near_us"]
        slowest = max(one.values()) / 1000
        found += [
            Claim(text="ms of CPU to find and book an address", measured=slowest, limit=CPU_MS),
            Claim(text="CPU of a deep IPv6 address to a near one", measured=deep, limit=DEEP_RATIO),
            Claim(
                text="ms of CPU for a whole claim, with its requests",
                measured=full["cpu_ms_used"],
                limit=CPU_MS,
            ),
            Claim(text="CPU of a claim, full pool to empty one", measured=used, limit=USED_RATIO),
            Claim(text="MiB at their peak", measured=full["peak_mib"], limit=MEMORY_MIB),
            Claim(text="reuse, p99 in s", measured=full["reuse_p99_s"], limit=REUSE_SECONDS),
        ]
    return found


def _used(options: Options) -> str:
    return f"{options.used} used"


def _found(options: Options) -> str:
    return f"{options.used} used, without a server"
