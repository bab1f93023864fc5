"""Seeing hosts become provisioned, and saying how far they are and who keeps the processors busy."""

import asyncio
import json
import os
import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import aiohttp
from load import Load
from measure import TICKS_PER_SECOND, cpu_seconds, say

from .objects import HOSTS

EVERY: Final = 5.0
SETTLE: Final = 5.0
SETTLED_WITHIN: Final = 300.0
CHUNK: Final = 1 << 16
DONE: Final = "provisioned"
WRITTEN: Final = frozenset(
    {
        "baremetalhosts",
        "events",
        "firmwareschemas",
        "hardwaredata",
        "hostfirmwarecomponents",
        "hostfirmwaresettings",
        "secrets",
    }
)
"""What the operator writes, and in a bench nobody else but for the hosts and Secrets at first."""
_COUNT: Final = re.compile(r"^apiserver_request_total\{(.*)\} (\S+)$", re.MULTILINE)
_LABEL: Final = re.compile(r'(\w+)="([^"]*)"')
_READS: Final = frozenset({"GET", "LIST", "WATCH", "WATCHLIST", "CONNECT"})


@dataclass(kw_only=True)
class Progress:
    """Says every EVERY seconds how many are done, and how many cores who used meanwhile."""

    what: str
    total: int
    pid: int
    started: float = field(default_factory=time.monotonic)
    done: int = 0

    async def report(self) -> None:
        """Go on until cancelled."""
        ours, all_of_us, last = cpu_seconds(self.pid), machine_seconds(), time.monotonic()
        while True:
            await asyncio.sleep(EVERY)
            now, mine, everybody = time.monotonic(), cpu_seconds(self.pid), machine_seconds()
            say(
                f"{self.what}: {now - self.started:.0f} s: {self.done} of {self.total}; cores busy: "
                f"{(everybody - all_of_us) / (now - last):.2f} of {os.cpu_count()}, "
                f"{(mine - ours) / (now - last):.2f} by the operator"
            )
            ours, all_of_us, last = mine, everybody, now


async def provisioned(
    load: Load, namespace: str, names: set[str], within: float, progress: Progress | None = None
) -> None:
    """Watch until all are provisioned; names is emptied. Raises RuntimeError when time is up."""
    total = len(names)
    try:
        async with asyncio.timeout(within):
            async for host in seen(load, namespace):
                if state_of(host) == DONE:
                    names.discard(host["metadata"]["name"])
                if progress:
                    progress.done = total - len(names)
                if not names:
                    return
    except TimeoutError:
        some = ", ".join(sorted(names)[:5])
        raise RuntimeError(
            f"{len(names)} of {total} not {DONE} within {within:g} s: {some}"
        ) from None


async def seen(load: Load, namespace: str) -> AsyncIterator[dict[str, Any]]:
    """Hosts as they are, and again at each change; a watch that ends is begun anew."""
    url, patient = load.url + HOSTS.format(namespace), aiohttp.ClientTimeout(total=None)
    while True:
        async with load.session.get(url, params={"watch": "1"}, timeout=patient) as stream:
            rest = b""
            async for chunk in stream.content.iter_chunked(CHUNK):
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    yield json.loads(line)["object"]


def state_of(host: dict[str, Any]) -> str:
    """Give the host's provisioning state."""
    return str(host.get("status", {}).get("provisioning", {}).get("state", ""))


@dataclass(frozen=True, slots=True)
class Writes:
    """How many writes the server took and refused so far."""

    taken: float
    refused: float

    def since(self, before: "Writes") -> "Writes":
        """Those in between."""
        return Writes(self.taken - before.taken, self.refused - before.refused)


async def writes_so_far(load: Load) -> Writes:
    """Count from the server's own metrics."""
    async with load.session.get(f"{load.url}/metrics") as response:
        text = await response.text()
    taken = refused = 0.0
    for labels, count in _COUNT.findall(text):
        said = dict(_LABEL.findall(labels))
        if said["verb"] in _READS or said["resource"] not in WRITTEN:
            continue
        if int(said["code"]) < HTTPStatus.BAD_REQUEST:
            taken += float(count)
        else:
            refused += float(count)
    return Writes(taken, refused)


async def writes_when_settled(load: Load) -> Writes:
    """Count when no more come: the last Events and firmware reports lag behind the hosts.

    Raises TimeoutError when they never end.
    """
    last = await writes_so_far(load)
    async with asyncio.timeout(SETTLED_WITHIN):
        while True:
            await asyncio.sleep(SETTLE)
            now = await writes_so_far(load)
            if now == last:
                return now
            last = now


def machine_seconds() -> float:
    """Give the processors' time so far, idle time excepted."""
    numbers = [int(n) for n in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return (sum(numbers) - numbers[3] - numbers[4]) / TICKS_PER_SECOND
