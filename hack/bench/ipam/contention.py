"""Claims of both kinds that arrive together, and two managers that both serve them.

Every pool has just the addresses its claims need, so all managers want the same next address all
the time. Nobody leads: each manager works on everything, as after a failed leader election. Then
all claims are deleted, and every address has to come back.
"""

import asyncio
import subprocess
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from load import Load
from measure import Rival, say
from report import Claim, Report

from .stage import (
    ADDRESSES,
    CLAIMS,
    NAMESPACE,
    POOLS,
    TOP,
    Api,
    claim,
    each,
    operators,
    pool,
    server,
    spent,
)

CAPI: Final = f"/apis/ipam.cluster.x-k8s.io/v1beta2/namespaces/{NAMESPACE}"
CAPI_CLAIMS: Final = f"{CAPI}/ipaddressclaims"
CAPI_ADDRESSES: Final = f"{CAPI}/ipaddresses"
CRDS: Final = (
    "cluster.x-k8s.io_clusters",
    "ipam.cluster.x-k8s.io_ipaddressclaims",
    "ipam.cluster.x-k8s.io_ipaddresses",
)
PAGE: Final = 500
LOOK: Final = 1.0
"""Seconds between two looks at all claims."""
PATIENCE: Final = 300.0
"""Seconds in which something has to change."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """A pair is a claim of each kind."""

    pairs: int = 5_000
    pools: int = 50
    managers: int = 2
    api: Api = "kube"


@dataclass(kw_only=True)
class Found:
    """What came of it."""

    duplicates: int = 0
    """Addresses that more than one claim has."""
    mismatched: int = 0
    """Cluster API addresses that are not what is reserved for their claim."""


async def measure(options: Options) -> Report:
    """Create, count, delete, count again."""
    about = f"{2 * options.pairs} claims of two kinds, {options.managers} managers, {options.api}"
    report = Report(name="ipam-contention", about=about)
    crds = await asyncio.to_thread(cluster_api_crds)
    async with (
        server(options.api, crds) as (load, kubeconfig),
        operators(kubeconfig, options.managers, cluster_api=True) as managers,
    ):
        await make_pools(load, options)
        say(f"{options.pairs} pairs: arriving")
        started = time.monotonic()
        await each(range(options.pairs), lambda i: arrive(load, i, options))
        await until_done(load, "without an address", unserved)
        found = await look(load)
        report.rows["serve"] = await row(started, managers, options) | {
            "duplicates": found.duplicates,
            "mismatched": found.mismatched,
        }
        say(f"duplicates {found.duplicates}, mismatched {found.mismatched}; deleting all claims")
        started = time.monotonic()
        await each(range(options.pairs), lambda i: leave(load, i))
        await until_done(load, "still there", remaining)
        report.rows["give back"] = await row(started, managers, options)
        in_use = await pools_in_use(load)
    report.claims += [
        Claim(text="addresses that two claims have", measured=found.duplicates, limit=0),
        Claim(text="claims whose two addresses differ", measured=found.mismatched, limit=0),
        Claim(text="pools that count an address as used at the end", measured=in_use, limit=0),
    ]
    return report


def cluster_api_crds() -> list[Path]:
    """Out of the pinned Cluster API module; raises CalledProcessError without Go."""
    command = [TOP / "hack" / "setup-capi", "--print-source"]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    folder = Path(found.stdout.strip()) / "core/config/crd/bases"
    return [folder / f"{name}.yaml" for name in CRDS]


async def row(started: float, managers: Sequence[Rival], options: Options) -> dict[str, float]:
    """How long, and at what cost since the managers began."""
    used = [await spent(manager) for manager in managers]
    return {
        "seconds": time.monotonic() - started,
        "cpu_s_so_far": sum(one.cpu for one in used),
        "requests_so_far": sum(one.requests for one in used),
        "claims": 2 * options.pairs,
    }


async def make_pools(load: Load, options: Options) -> None:
    """Pools that will be used up to the last address."""
    needed = 2 * -(-options.pairs // options.pools)
    for i in range(options.pools):
        first, last = i << 16 | 1, i << 16 | needed
        entry = {"start": _text(first), "end": _text(last)}
        await load.send("POST", POOLS, pool(f"pool-{i}", entry))


def _text(number: int) -> str:
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


async def arrive(load: Load, i: int, options: Options) -> None:
    """A pair, at the same moment."""
    of = f"pool-{i % options.pools}"
    async with asyncio.TaskGroup() as group:
        group.create_task(load.send("POST", CLAIMS, claim(f"pair-{i:06}", of)))
        group.create_task(load.send("POST", CAPI_CLAIMS, capi_claim(f"pair-{i:06}", of)))


async def leave(load: Load, i: int) -> None:
    """The same pair."""
    async with asyncio.TaskGroup() as group:
        for claims in (CLAIMS, CAPI_CLAIMS):
            group.create_task(load.send("DELETE", f"{claims}/pair-{i:06}", None))


def capi_claim(name: str, of: str) -> dict[str, Any]:
    """A claim of Cluster API."""
    reference = {"apiGroup": "ipam.metal3.io", "kind": "IPPool", "name": of}
    return {
        "apiVersion": "ipam.cluster.x-k8s.io/v1beta2",
        "kind": "IPAddressClaim",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"poolRef": reference},
    }


async def everything(load: Load, path: str) -> list[dict[str, Any]]:
    """All objects of a kind."""
    items: list[dict[str, Any]] = []
    token = ""
    while True:
        page = await load.send("GET", f"{path}?limit={PAGE}&continue={token}", None)
        items += page["items"]
        token = page["metadata"].get("continue", "")
        if not token:
            return items


async def until_done(load: Load, what: str, count: Any) -> None:
    """Look until the count is zero; raises RuntimeError when nothing changes any more."""
    last, since = -1, time.monotonic()
    while left := await count(load):
        say(f"{left} {what}")
        if left != last:
            last, since = left, time.monotonic()
        if time.monotonic() - since > PATIENCE:
            raise RuntimeError(f"{left} {what}, and nothing has changed for {PATIENCE:g} s")
        await asyncio.sleep(LOOK)


async def unserved(load: Load) -> int:
    """Claims of both kinds that are not Ready."""
    found = [*await everything(load, CLAIMS), *await everything(load, CAPI_CLAIMS)]
    return sum(not _is_ready(obj) for obj in found)


async def remaining(load: Load) -> int:
    """Claims and addresses of both groups."""
    kinds = (CLAIMS, CAPI_CLAIMS, ADDRESSES, CAPI_ADDRESSES)
    return sum([len(await everything(load, kind)) for kind in kinds])


def _is_ready(obj: dict[str, Any]) -> bool:
    conditions = obj.get("status", {}).get("conditions", [])
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


async def look(load: Load) -> Found:
    """Follow each claim's status to its address, as a consumer does, and compare."""
    mine = {a["metadata"]["name"]: a["spec"] for a in await everything(load, ADDRESSES)}
    theirs = {a["metadata"]["name"]: a["spec"] for a in await everything(load, CAPI_ADDRESSES)}
    of_mine = [mine[c["status"]["address"]["name"]] for c in await everything(load, CLAIMS)]
    of_theirs = [
        theirs[c["status"]["addressRef"]["name"]] for c in await everything(load, CAPI_CLAIMS)
    ]
    reserved = {s["claim"]["name"]: s["address"] for s in mine.values() if _is_capi(s)}
    mismatched = sum(reserved.get(s["claimRef"]["name"]) != s["address"] for s in of_theirs)
    held = [s["address"] for s in (*of_mine, *of_theirs)]
    return Found(duplicates=_more_than_once(held), mismatched=mismatched)


def _is_capi(spec: dict[str, Any]) -> bool:
    return bool(spec["claim"].get("kind") == "IPAddressClaim")


def _more_than_once(addresses: Iterable[str]) -> int:
    return sum(times > 1 for times in Counter(addresses).values())


async def pools_in_use(load: Load) -> int:
    """Pools whose status still counts something, once it had time to be written."""
    for _ in range(30):
        pools = await everything(load, POOLS)
        used = sum(bool(one.get("status", {}).get("used")) for one in pools)
        if not used:
            return 0
        await asyncio.sleep(LOOK)
    return used
