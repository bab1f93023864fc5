"""A small operator for tests: it copies a value, notes who did, and whether it ever overlaps."""

import asyncio
from contextlib import asynccontextmanager

from metal3 import ctrl
from metal3.api.core import v1 as corev1
from metal3.runtime.client import NotFoundError, RestClient
from metal3.runtime.patch import patching


class Copier:
    """Keeps ``data.copy`` of a config map equal to ``data.value``."""

    def __init__(self, mgr, name):
        self.client, self.name = mgr.client, name
        self.recorder = mgr.get_event_recorder_for(name)
        self.in_work = set()
        self.overlaps = 0
        self.woken = asyncio.Event()

    async def reconcile(self, req):
        """Copy, and say who did."""
        self.overlaps += req in self.in_work
        self.in_work.add(req)
        try:
            return await self._copy(req)
        finally:
            self.in_work.discard(req)
            self.woken.set()

    async def _copy(self, req):
        try:
            found = await self.client.get(corev1.ConfigMap, req)
        except NotFoundError:
            return ctrl.Result()
        if "value" in found.data and found.data.get("copy") != found.data["value"]:
            async with patching(self.client, found, status_subresource=False):
                found.data |= {"copy": found.data["value"], "by": self.name}
            self.recorder.normal(found, "Copied", "the value was copied")
        return ctrl.Result()


def copying_manager(env, name="copier", *, kubeconfig=None, **options):
    """A manager with a copier on it, for the administrator unless another kubeconfig is given."""
    config = ctrl.load_config(str(kubeconfig or env.kubeconfig))
    mgr = ctrl.Manager(config, ctrl.ManagerOptions(**options))
    copier = Copier(mgr, name)
    ctrl.new_controller_managed_by(mgr).for_(corev1.ConfigMap).complete(copier)
    return mgr, copier


@asynccontextmanager
async def client_of(env):
    """The administrator's client."""
    async with RestClient(ctrl.load_config(env.kubeconfig)) as client:
        yield client


async def copied(client, name, value):
    """Wait until the copy is made; who made it."""
    async with asyncio.timeout(60):
        while True:
            found = await client.get(corev1.ConfigMap, ctrl.Request("default", name))
            if found.data.get("copy") == value:
                return found.data["by"]
            await asyncio.sleep(0.05)


def config_map(name, value):
    """Something to copy."""
    return corev1.ConfigMap.named(name, "default", data={"value": value})
