"""The runtime beside controller-runtime and kopf: sync, drain, latency, memory.

One real API server with N Samples; the contestants run one after another, each alone, each twice a
figure: until every object was reconciled once, then while single objects change.
"""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from load import Load, open_load
from measure import CACHE, Rival, rival, say
from report import Claim, Report

from metal3.runtime.envtest import Environment

HERE: Final = Path(__file__).parent
DEADLINE: Final = 900.0
FOLLOW_DEADLINE: Final = 120.0
PER_SECOND: Final = 50.0

KOPF: Final = "kopf"
GO_WALL, GO_MEMORY = 3.0, 6.0
KOPF_THROUGHPUT, KOPF_MEMORY = 5.0, 0.5


@dataclass(frozen=True, kw_only=True)
class Options:
    """Sizes of a run."""

    objects: int
    updates: int
    rounds: int


async def measure(options: Options) -> Report:
    """Run all contestants on one server and compare them."""
    contestants = await asyncio.to_thread(prepare)
    about = f"{options.objects} objects of 5 kB, {options.updates} changes at {PER_SECOND:g}/s"
    report = Report(name="framework", about=f"{about}, median of {options.rounds}")
    async with (
        Environment(api="kube", crds=[HERE / "sample_crd.yaml"]) as env,
        open_load(env.kubeconfig) as load,
    ):
        say(f"seeding {options.objects} objects")
        await load.seed(options.objects)
        for name, argv in contestants.items():
            rounds = [
                await run_one(name, argv, load, env.kubeconfig, options)
                for _ in range(options.rounds)
            ]
            report.rows[name] = {
                figure: statistics.median(one[figure] for one in rounds) for figure in rounds[0]
            }
    report.claims += claims(report)
    return report


def prepare() -> dict[str, Sequence[str]]:
    """Build the Go rival, install kopf, and give each contestant's command."""
    say("building the Go rival")
    go = CACHE / "rival"
    command = ["go", "build", "-trimpath", "-p", "2", "-o", str(go), "."]
    subprocess.run(command, cwd=HERE / "go", env={**os.environ, "CGO_ENABLED": "0"}, check=True)
    kopf = [str(kopf_python()), str(HERE / "kopf_rival.py")]
    return {
        "controller-runtime": [str(go)],
        "metal3.runtime": [sys.executable, str(HERE / "ours.py")],
        "kopf, events only": [*kopf, "event"],
        KOPF: kopf,  # last: it leaves the server with much to do
    }


def kopf_python() -> Path:
    """Give the interpreter of a venv that holds kopf, made when missing."""
    folder, wanted = CACHE / "kopf", HERE / "requirements-kopf.txt"
    python, stamp = folder / "bin" / "python", folder / "installed.txt"
    if not stamp.exists() or stamp.read_text() != wanted.read_text():
        say("installing kopf")
        venv.create(folder, with_pip=True, clear=True)
        pip = [str(python), "-m", "pip", "install", "-q", "-r", str(wanted)]
        subprocess.run(pip, check=True)
        stamp.write_text(wanted.read_text())
    return python


async def run_one(
    name: str, argv: Sequence[str], load: Load, kubeconfig: Path, options: Options
) -> dict[str, float]:
    """Run one contestant once."""
    await load.forget()
    say(f"{name}: running")
    env = {
        "KUBECONFIG": str(kubeconfig),
        "OBJECTS": str(options.objects),
        "UPDATES": str(options.updates),
    }
    async with rival(name, argv, env, CACHE) as running:
        drained, _ = await running.says("drained", within=DEADLINE)
        figures = {
            "drain_s": drained,
            "objects_per_s": options.objects / drained,
            "drain_cpu_s": running.cpu_seconds(),
            "drain_peak_mib": running.peak_mib(),
        }
        if name != KOPF:  # it goes on writing for minutes, in which nothing else gets through
            figures |= await latencies(running, load, options)
        figures["peak_mib"] = running.peak_mib()
        said = ", ".join(f"{figure} {value:.2f}" for figure, value in figures.items())
        say(f"{name}: {said}")
        return figures


async def latencies(running: Rival, load: Load, options: Options) -> dict[str, float]:
    """Change single objects and take the contestant's percentiles."""
    await load.update_steadily(options.updates, per_second=PER_SECOND)
    _, percentiles = await running.says("latencies", within=FOLLOW_DEADLINE)
    return dict(json.loads(percentiles))


def claims(report: Report) -> list[Claim]:
    """Hold ours against what was promised."""
    ours, go = "metal3.runtime", "controller-runtime"
    return [
        Claim(
            text="wall time until drained, of controller-runtime's",
            measured=report.ratio("drain_s", ours, go),
            limit=GO_WALL,
        ),
        Claim(
            text="peak memory, of controller-runtime's",
            measured=report.ratio("peak_mib", ours, go),
            limit=GO_MEMORY,
        ),
        Claim(
            text="throughput, of kopf's",
            measured=report.ratio("objects_per_s", ours, KOPF),
            limit=KOPF_THROUGHPUT,
            at_most=False,
        ),
        Claim(
            text="peak memory, of kopf's",
            measured=report.ratio("peak_mib", ours, KOPF),
            limit=KOPF_MEMORY,
        ),
    ]
