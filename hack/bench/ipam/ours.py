"""Our operator as a program of its own: KUBECONFIG says where; it ends when stdin closes.

It says ``ready`` when it works, and answers each line on stdin with ``cpu`` and the microseconds
of CPU that it has used so far.
"""

import asyncio
import resource
import sys

from metal3 import ctrl
from metal3.controllers.ipam import IPAMOptions, build
from metal3.runtime import log


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
            used = resource.getrusage(resource.RUSAGE_SELF)
            print("cpu", round((used.ru_utime + used.ru_stime) * 1e6), flush=True)
        stop.set()


if __name__ == "__main__":
    asyncio.run(main())
