"""Our operator as a program whose machines outlive it: KUBECONFIG and NAMESPACE say where.

The fixture backend is kept while the operator in front of it is stopped and started again. It says
``ready``; each line on stdin is answered by ``state {...}``, after a restart if it was ``restart``.
It ends when stdin is closed.
"""

import asyncio
import json
import os
import sys

from metal3 import ctrl
from metal3.controllers.baremetal import BaremetalOptions, build, cache_by_object
from metal3.controllers.baremetal.metrics import RECONCILES
from metal3.provisioner import Backend
from metal3.provisioner.fixture import FixtureBackend
from metal3.runtime import log
from metal3.runtime.cache import CacheOptions


class Operator:
    """The operator of the moment."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin, with an empty cache and an empty memory."""
        namespaces = (os.environ["NAMESPACE"],)
        cache = CacheOptions(by_object=cache_by_object(), namespaces=namespaces)
        options = ctrl.ManagerOptions(cache=cache, metrics=ctrl.MetricsOptions(addr="0"))
        mgr = ctrl.Manager(ctrl.load_config(), options)
        build(mgr, BaremetalOptions(namespaces=namespaces), self._backend, unique_names=False)
        self._stop = asyncio.Event()
        self._task = asyncio.create_task(mgr.start(self._stop))
        await mgr.elected.wait()

    async def stop(self) -> None:
        """End in order."""
        self._stop.set()
        if self._task is not None:
            await self._task


async def main() -> None:
    """Run until stdin is closed."""
    log.configure(level=log.Level.WARNING)
    backend = FixtureBackend()
    operator = Operator(backend)
    await operator.start()
    print("ready", flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        if line.strip() == "restart":
            await operator.stop()
            await operator.start()
        print("state", json.dumps(state(backend)), flush=True)
    await operator.stop()


def state(backend: FixtureBackend) -> dict[str, float]:
    """How often hosts were looked at so far, and what was done to their machines."""
    samples = [sample for metric in RECONCILES.collect() for sample in metric.samples]
    machines = backend.hardware.values()
    return {
        "looks": sum(s.value for s in samples if s.name.endswith("_total")),
        "power_actions": sum(len(machine.power_actions) for machine in machines),
        "deployments": sum(len(machine.deployments) for machine in machines),
    }


if __name__ == "__main__":
    asyncio.run(main())
