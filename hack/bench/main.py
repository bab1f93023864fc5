"""Runs the benchmarks that are named, or all; leaves with 1 when a promise was broken."""

import argparse
import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Final

from apiserver import bench as apiserver
from capm3 import bench as capm3
from framework import bench as framework
from hosts import bench as hosts
from ipam import bench as ipam
from ipam import contention as ipam_contention
from measure import CACHE
from report import Report

TOP: Final = Path(__file__).parents[2]
BENCHES: Final = ("framework", "hosts", "apiserver", "ipam", "ipam-contention", "capm3")


def parse(argv: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="hack/bench/run", description=__doc__)
    parser.add_argument("benches", nargs="*", metavar="bench", help=f"of {', '.join(BENCHES)}")
    parser.add_argument("--objects", type=int, default=10_000, help="for framework")
    parser.add_argument("--updates", type=int, default=1_000, help="for framework")
    parser.add_argument("--hosts", type=int, default=100, help="for hosts")
    parser.add_argument("--writes", type=int, default=5_000, help="for apiserver")
    parser.add_argument("--watchers", type=int, default=500, help="for apiserver")
    parser.add_argument("--claims", type=int, nargs="+", help="for ipam: sizes of the rounds")
    parser.add_argument("--used", type=int, default=60_000, help="for ipam: addresses in use")
    parser.add_argument("--pairs", type=int, default=5_000, help="for ipam-contention")
    parser.add_argument("--machines", type=int, nargs="+", help="for capm3: sizes of the rounds")
    parser.add_argument("--api", choices=("kube", "embedded"), default="kube", help="for ipam-*")
    parser.add_argument("--rounds", type=int, default=1, help="the median is reported")
    parser.add_argument("--json", type=Path, default=CACHE / "figures.json")
    options = parser.parse_args(argv)
    if unknown := set(options.benches) - set(BENCHES):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    return options


async def run_one(name: str, options: argparse.Namespace) -> Report:
    """Run one benchmark."""
    if name == "apiserver":
        return await apiserver.measure(
            apiserver.Options(writes=options.writes, watchers=options.watchers)
        )
    if name == "hosts":
        return await hosts.measure(hosts.Options(hosts=options.hosts, rounds=options.rounds))
    if name == "ipam":
        sizes = options.claims or ipam.Options.sizes
        return await ipam.measure(ipam.Options(sizes=sizes, used=options.used, api=options.api))
    if name == "ipam-contention":
        return await ipam_contention.measure(
            ipam_contention.Options(pairs=options.pairs, api=options.api)
        )
    if name == "capm3":
        sizes = options.machines or capm3.Options.sizes
        return await capm3.measure(capm3.Options(sizes=sizes))
    return await framework.measure(
        framework.Options(objects=options.objects, updates=options.updates, rounds=options.rounds)
    )


async def run(options: argparse.Namespace) -> list[Report]:
    """Run one benchmark after the other, never two at once."""
    reports = []
    for name in options.benches or BENCHES:
        reports.append(await run_one(name, options))
        print(reports[-1].as_text(), end="\n\n", flush=True)
    return reports


def main() -> int:
    """Set up, run, write the figures."""
    options = parse(sys.argv[1:])
    setup = subprocess.run([TOP / "hack" / "setup-envtest"], check=False)
    if setup.returncode:
        return setup.returncode
    CACHE.mkdir(parents=True, exist_ok=True)
    reports = asyncio.run(run(options))
    figures = {report.name: report.as_json() for report in reports}
    options.json.write_text(json.dumps(figures, indent=2) + "\n")
    return 0 if all(claim.holds for report in reports for claim in report.claims) else 1


if __name__ == "__main__":
    sys.exit(main())
