"""Metal3Machines from create to ready with both operators, and how soon a free host is claimed."""

import argparse
import asyncio
import json
import statistics
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parents[1]))

from capm3 import objects
from capm3.stage import Operator, Stage, operator, stage
from hosts.replay import Recording, Replay, read_audit
from hosts.watching import writes_when_settled
from measure import CACHE, end_on_sigterm, say
from report import Claim, Report

SECONDS: Final = {500: 60.0}
SPARE: Final = 1.2
"""Hosts for each machine."""
CLAIM_P99: Final = 1.0
GROWTH: Final = 1.3
MEMORY_MIB: Final = 400.0
SECONDS_A_MACHINE: Final = 0.6
"""After that long a run is given up."""
POLICY: Final = Path(__file__).parents[1] / "hosts" / "audit-policy.yaml"
PREFIXES: Final = ("machine-", "host-", "cluster-")
BETWEEN: Final = 0.05
"""Seconds between two hosts that become available."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """``sizes`` are numbers of machines; ``hosts`` and ``claims`` are for the latency."""

    sizes: Sequence[int] = (500, 1_000, 2_000)
    hosts: int = 1_000
    claims: int = 300
    floor: bool = True


async def measure(options: Options) -> Report:
    """The latency first, as it is short; then each size on a server of its own."""
    report = Report(name="capm3", about=f"{SPARE} fixture hosts a machine, operators as deployed")
    if options.claims:
        say(f"claims: {options.hosts} hosts, {options.claims} of them become available")
        report.rows["claims"] = await latency(options.hosts, options.claims)
        tell(report, "claims")
    if options.floor and options.sizes:
        report.rows["floor"] = await floor(min(options.sizes))
        tell(report, "floor")
    for size in options.sizes:
        name = f"{size} machines"
        async with stage() as s:
            report.rows[name] = await fill(s, size)
        tell(report, name)
    report.claims += claims(report, options)
    return report


def tell(report: Report, row: str) -> None:
    """Say a row as soon as it is there."""
    say(f"{row}: " + ", ".join(f"{k} {v:,.2f}" for k, v in report.rows[row].items()))


def claims(report: Report, options: Options) -> list[Claim]:
    """Hold the operator against what was promised."""
    rows = [f"{size} machines" for size in options.sizes]
    out = [
        Claim(
            text=f"seconds to ready, {size} machines",
            measured=report.rows[f"{size} machines"]["wall_s"],
            limit=limit,
        )
        for size, limit in SECONDS.items()
        if size in options.sizes
    ]
    if "claims" in report.rows:
        p99 = report.rows["claims"]["p99_s"]
        out.append(Claim(text="available to claimed, p99 in s", measured=p99, limit=CLAIM_P99))
    if rows:
        peak = max(report.rows[row]["peak_mib"] for row in rows)
        out.append(Claim(text="MiB at their peak", measured=peak, limit=MEMORY_MIB))
    out += [
        Claim(
            text=f"{figure} a machine, {row} to {rows[0]}",
            measured=report.ratio(figure, row, rows[0]),
            limit=GROWTH,
        )
        for row in rows[1:]
        for figure in ("wall_ms_each", "cpu_ms_each")
    ]
    return out


async def fill(s: Stage, size: int) -> dict[str, float]:
    """All machines at once onto hosts that are available."""
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(operator(s, "baremetal"))
        await hosts_available(s, round(size * SPARE))
        ours = await stack.enter_async_context(operator(s, "capm3"))
        await s.clusters(size + 1)
        await s.machine(size)  # one before the clock starts, so that all is warm
        await machines_ready(s, 1, limit=60)
        return await timed(s, ours, size)


async def timed(s: Stage, ours: Operator, size: int) -> dict[str, float]:
    """From the first create to the last ready."""
    cpu, requests = ours.cpu_seconds(), await ours.requests(s.load)
    started = time.monotonic()
    async with asyncio.TaskGroup() as group:
        group.create_task(s.each(range(size), s.machine))
        group.create_task(machines_ready(s, size + 1, limit=60 + size * SECONDS_A_MACHINE))
    wall = time.monotonic() - started
    cpu = ours.cpu_seconds() - cpu
    return {
        "wall_s": wall,
        "cpu_s": cpu,
        "wall_ms_each": wall / size * 1000,
        "cpu_ms_each": cpu / size * 1000,
        "requests_each": (await ours.requests(s.load) - requests) / size,
        "peak_mib": ours.peak_mib(),
    }


async def hosts_available(s: Stage, count: int) -> None:
    """Register and inspect hosts; this is not timed."""
    async with asyncio.TaskGroup() as group:
        group.create_task(s.each(range(count), s.host))
        group.create_task(
            s.until_all(
                objects.HOSTS,
                count,
                lambda host: state_of(host) == "available",
                what="hosts available",
                limit=60 + count * SECONDS_A_MACHINE,
            )
        )
    await writes_when_settled(s.load)  # their Events come later


async def machines_ready(s: Stage, count: int, *, limit: float) -> None:
    """Watch until so many machines are ready."""
    await s.until_all(objects.MACHINES, count, is_ready, what="machines ready", limit=limit)


def state_of(host: dict[str, Any]) -> str:
    """The provisioning state."""
    return str(host.get("status", {}).get("provisioning", {}).get("state", ""))


def is_ready(m3m: dict[str, Any]) -> bool:
    """Whether the machine says that all is well."""
    found = m3m.get("status", {}).get("conditions", [])
    return any(c["type"] == "Ready" and c["status"] == "True" for c in found)


async def floor(size: int) -> dict[str, float]:
    """What both operators write for so many machines, issued again by a bare loop."""
    say(f"floor: recording what is written for {size} machines")
    log = CACHE / "capm3-audit.log"
    log.unlink(missing_ok=True)
    flags = [f"--audit-policy-file={POLICY}", f"--audit-log-path={log}"]
    flags.append("--audit-log-mode=blocking")
    async with stage(flags) as s, operator(s, "baremetal"):
        await hosts_available(s, round(size * SPARE))
        log.write_bytes(b"")
        async with operator(s, "capm3"):
            await s.clusters(size)
            async with asyncio.TaskGroup() as group:
                group.create_task(s.each(range(size), s.machine))
                group.create_task(machines_ready(s, size, limit=60 + size * SECONDS_A_MACHINE))
    recording = await asyncio.to_thread(read_audit, log, PREFIXES)
    async with stage() as s:
        return await replay(s, recording, size)


async def replay(s: Stage, recording: Recording, size: int) -> dict[str, float]:
    """Hosts are there; machines are made and all writes sent, nothing waiting for anything."""
    say(f"floor: {recording.writes} writes")
    await s.clusters(size)
    await s.each(range(round(size * SPARE)), s.host)
    hosts = (await s.load.send("GET", objects.HOSTS, None))["items"]
    versions = {
        f"{objects.HOSTS}/{host['metadata']['name']}": host["metadata"]["resourceVersion"]
        for host in hosts
    }
    again = Replay(load=s.load, old=objects.NAMESPACE, new=objects.NAMESPACE, versions=versions)
    started = time.monotonic()
    await s.each(range(size), s.machine)
    await again.run(recording.by_name.values())
    wall = time.monotonic() - started
    return {
        "wall_s": wall,
        "wall_ms_each": wall / size * 1000,
        "writes_each": recording.writes / size,
        "refused_writes": recording.refused,
    }


async def latency(hosts: int, count: int) -> dict[str, float]:
    """The bench plays the bare-metal operator: hosts become available one after the other."""
    async with stage() as s, operator(s, "capm3") as ours:
        await s.each(range(hosts), s.host)
        await s.clusters(count)
        await s.each(range(count), lambda i: s.machine(i, with_data=False))
        await s.until_all(objects.MACHINES, count, says_why, what="machines that wait", limit=120)
        cpu = ours.cpu_seconds()
        waits = await free_one_by_one(s, count)
        return {
            "p50_s": statistics.median(waits),
            "p99_s": statistics.quantiles(waits, n=100)[98],
            "max_s": max(waits),
            "cpu_ms_each": (ours.cpu_seconds() - cpu) / count * 1000,
            "peak_mib": ours.peak_mib(),
        }


def says_why(m3m: dict[str, Any]) -> bool:
    """Whether the machine has looked for a host and found none."""
    found = m3m.get("status", {}).get("conditions", [])
    return any(c["reason"] == "AssociateBareMetalHostFailed" for c in found)


async def free_one_by_one(s: Stage, count: int) -> list[float]:
    """Seconds from each host's write to its claim."""
    freed: dict[str, float] = {}
    claimed: dict[str, float] = {}

    async def free() -> None:
        for i in range(count):
            name = objects.host_name(i)
            freed[name] = time.monotonic()
            path = f"{objects.HOSTS}/{name}/status"
            await s.load.send("PATCH", path, AVAILABLE, "application/merge-patch+json")
            await asyncio.sleep(BETWEEN)

    async def look() -> None:
        async for host in s.changes(objects.HOSTS, 60 + count):
            if "consumerRef" in host["spec"]:
                claimed.setdefault(host["metadata"]["name"], time.monotonic())
            if len(claimed) == count:
                return

    async with asyncio.TaskGroup() as group:
        group.create_task(look())
        group.create_task(free())
    return [claimed[name] - freed[name] for name in freed]


AVAILABLE: Final = {
    "status": {
        "errorCount": 0,
        "errorMessage": "",
        "hardwareProfile": "unknown",
        "operationalStatus": "OK",
        "poweredOn": False,
        "provisioning": {"state": "available", "ID": "", "image": {"url": ""}},
    }
}


def main() -> int:
    """Run on its own; leaves with 1 when a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="*", default=Options.sizes)
    parser.add_argument("--hosts", type=int, default=Options.hosts)
    parser.add_argument("--claims", type=int, default=Options.claims)
    parser.add_argument("--no-floor", action="store_true")
    given = parser.parse_args()
    options = Options(
        sizes=given.sizes, hosts=given.hosts, claims=given.claims, floor=not given.no_floor
    )
    end_on_sigterm()
    report = asyncio.run(measure(options))
    print(report.as_text())
    (CACHE / "capm3.json").write_text(json.dumps(report.as_json(), indent=2) + "\n")
    return 0 if all(claim.holds for claim in report.claims) else 1


if __name__ == "__main__":
    sys.exit(main())
