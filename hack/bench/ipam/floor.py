"""The floor: what serving a claim has to write, by a bare loop that decides nothing.

Four writes a claim: the claim itself, its finalizer, the address, the status that names it.
"""

import asyncio
import time
from typing import Any, Final

from load import Load

from .stage import ADDRESSES, CLAIMS, POOLS, address, claim, each, watching

MERGE: Final = "application/merge-patch+json"


async def run(load: Load, size: int) -> float:
    """Seconds from the first claim until a watch has shown the last address."""
    owner = (await load.send("GET", f"{POOLS}/pool", None))["metadata"]["uid"]
    missing = {_name(i) for i in range(size)}
    async with watching(load) as served:
        started = time.monotonic()
        async with asyncio.TaskGroup() as group:
            group.create_task(each(range(size), lambda i: _serve(load, i, owner)))
            while missing:
                missing.discard(await served())
        return time.monotonic() - started


async def _serve(load: Load, i: int, owner: str) -> None:
    name = _name(i)
    made = await load.send("POST", CLAIMS, claim(name, "pool"))
    meta = {"uid": made["metadata"]["uid"], "resourceVersion": made["metadata"]["resourceVersion"]}
    finalizer: dict[str, Any] = {"metadata": meta | {"finalizers": ["ipclaim.ipam.metal3.io"]}}
    stored = await load.send("PATCH", f"{CLAIMS}/{name}", finalizer, MERGE)
    got = await load.send("POST", ADDRESSES, address(i, name, meta["uid"], owner))
    meta["resourceVersion"] = stored["metadata"]["resourceVersion"]
    body = {"metadata": meta, "status": _status(got["metadata"], got["spec"]["address"])}
    await load.send("PATCH", f"{CLAIMS}/{name}/status", body, MERGE)


def _status(meta: dict[str, Any], text: str) -> dict[str, Any]:
    condition = {
        "type": "Ready",
        "status": "True",
        "reason": "Allocated",
        "message": f"address {text} of IPPool pool",
        "lastTransitionTime": meta["creationTimestamp"],
        "observedGeneration": 1,
    }
    where = {"name": meta["name"], "namespace": meta["namespace"]}
    return {"address": where, "conditions": [condition]}


def _name(i: int) -> str:
    return f"claim-{i:06}"
