"""Runs the benchmarks that are named, or all; leaves with 1 when a promise was broken."""

import argparse
import asyncio
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final

from apiserver import bench as apiserver
from capm3 import bench as capm3
from framework import bench as framework
from hosts import bench as hosts
from ipam import bench as ipam
from ipam import contention as ipam_contention
from lives import bench as lives
from measure import CACHE, end_on_sigterm
from report import Report
from resting import bench as resting

TOP: Final = Path(__file__).parents[2]
BENCHES: Final = (
    "framework",
    "hosts",
    "resting",
    "ironic",
    "apiserver",
    "ipam",
    "ipam-contention",
    "capm3",
)


def parse(argv: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="hack/bench/run", description=__doc__)
    parser.add_argument("benches", nargs="*", metavar="bench", help=f"of {', '.join(BENCHES)}")
    parser.add_argument("--objects", type=int, default=10_000, help="for framework")
    parser.add_argument("--updates", type=int, default=1_000, help="for framework")
    parser.add_argument("--hosts", type=int, default=100, help="for hosts and resting")
    parser.add_argument("--nodes", type=int, default=60, help="for ironic")
    parser.add_argument("--writes", type=int, default=5_000, help="for apiserver")
    parser.add_argument("--watchers", type=int, default=500, help="for apiserver")
    parser.add_argument("--claims", type=int, nargs="+", help="for ipam: sizes of the rounds")
    parser.add_argument("--used", type=int, default=60_000, help="for ipam: addresses in use")
    parser.add_argument("--machines", type=int, nargs="+", help="for capm3: sizes of the rounds")
    parser.add_argument("--pairs", type=int, default=5_000, help="for ipam-contention")
    parser.add_argument("--api", choices=("kube", "embedded"), default="kube", help="for ipam-*")
    parser.add_argument("--rounds", type=int, default=1, help="the median is reported")
    parser.add_argument("--json", type=Path, default=CACHE / "figures.json")
    options = parser.parse_args(argv)
    if unknown := set(options.benches) - set(BENCHES):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    return options


def benches(options: argparse.Namespace) -> Mapping[str, Callable[[], Awaitable[Report]]]:
    """Give each benchmark with the sizes that were asked for."""
    o = options
    sizes = o.claims or ipam.Options.sizes
    return {
        "framework": lambda: framework.measure(
            framework.Options(objects=o.objects, updates=o.updates, rounds=o.rounds)
        ),
        "hosts": lambda: hosts.measure(hosts.Options(hosts=o.hosts, rounds=o.rounds)),
        "resting": lambda: resting.measure(resting.Options(hosts=o.hosts)),
        "ironic": lambda: lives.measure(lives.Options(nodes=o.nodes)),
        "apiserver": lambda: apiserver.measure(
            apiserver.Options(writes=o.writes, watchers=o.watchers)
        ),
        "ipam": lambda: ipam.measure(ipam.Options(sizes=sizes, used=o.used, api=o.api)),
        "ipam-contention": lambda: ipam_contention.measure(
            ipam_contention.Options(pairs=o.pairs, api=o.api)
        ),
        "capm3": lambda: capm3.measure(capm3.Options(sizes=o.machines or capm3.Options.sizes)),
    }


async def run(options: argparse.Namespace) -> list[Report]:
    """Run one benchmark after the other, never two at once."""
    reports = []
    for name in options.benches or BENCHES:
        reports.append(await benches(options)[name]())
        print(reports[-1].as_text(), end="\n\n", flush=True)
    return reports


def main() -> int:
    """Set up, run, write the figures."""
    options = parse(sys.argv[1:])
    end_on_sigterm()
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
