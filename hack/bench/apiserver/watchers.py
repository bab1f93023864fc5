"""Many watches on ConfigMaps in one process; see ../README.md for what is said on stdout."""

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from load import CONFIG_MAPS, SENT, Load, open_load

WATCHERS = int(os.environ["WATCHERS"])
UPDATES = int(os.environ["UPDATES"])
SAMPLED = 10
"""So many look into the events; all count them. Parsing half a million would measure json."""


async def watch(
    load: Load, version: str, ready: Callable[[], None], ages: list[float] | None
) -> None:
    """Receive UPDATES events."""
    query = {"watch": "1", "resourceVersion": version}
    received = 0
    async with load.session.get(load.url + CONFIG_MAPS, params=query) as stream:
        ready()
        async for line in stream.content:
            received += 1
            if ages is not None:
                sent = json.loads(line)["object"]["metadata"]["annotations"][SENT]
                ages.append((time.time_ns() - int(sent)) / 1e6)
            if received == UPDATES:
                return
    raise RuntimeError(f"a watch ended after {received} of {UPDATES} events")


async def main() -> None:
    """Open all, say so, and say when each has received everything."""
    waiting, ages = WATCHERS, list[float]()

    def one_more() -> None:
        nonlocal waiting
        waiting -= 1
        if not waiting:
            print("watching", flush=True)

    async with open_load(Path(os.environ["KUBECONFIG"]), connections=0, total=None) as load:
        listed = await load.send("GET", f"{CONFIG_MAPS}?limit=1", None)
        version = listed["metadata"]["resourceVersion"]
        async with asyncio.TaskGroup() as group:
            for i in range(WATCHERS):
                group.create_task(watch(load, version, one_more, ages if i < SAMPLED else None))
    ages.sort()
    at = {f"p{q}_ms": ages[int(q / 100 * (len(ages) - 1))] for q in (50, 99)}
    print("received", json.dumps(at), flush=True)


asyncio.run(main())
