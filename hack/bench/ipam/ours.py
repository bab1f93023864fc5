"""Our operator as a program of its own: KUBECONFIG says where; it ends when stdin closes.

It says ``ready`` when it works, and answers each line on stdin with ``spent``, the seconds of CPU
and the requests that it has used so far. ``--capi`` has it serve Cluster API's claims, too.
"""

import asyncio
import json
import resource
import sys

from metal3 import ctrl
from metal3.controllers.ipam import IPAMOptions, build
from metal3.runtime import log
from metal3.runtime.metrics import REGISTRY


async def main() -> None:
    """Run until stdin closes."""
    log.configure(level=log.Level.WARNING)
    mgr = ctrl.Manager(
        ctrl.load_config(), ctrl.ManagerOptions(metrics=ctrl.MetricsOptions(addr="0"))
    )
    operator = await build(mgr, IPAMOptions(cluster_api="--capi" in sys.argv))
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(mgr.start(stop))
        await mgr.elected.wait()
        await operator.feed.wait_told()
        print("ready", flush=True)
        while await asyncio.to_thread(sys.stdin.readline):
            print("spent", json.dumps(spent()), flush=True)
        stop.set()


def spent() -> dict[str, float]:
    """Seconds of CPU, and requests to the API server."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    requests = sum(
        sample.value
        for metric in REGISTRY.collect()
        for sample in metric.samples
        if sample.name == "rest_client_requests_total"
    )
    return {"cpu": used.ru_utime + used.ru_stime, "requests": int(requests)}


if __name__ == "__main__":
    asyncio.run(main())
