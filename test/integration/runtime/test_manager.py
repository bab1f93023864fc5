"""A manager on an API server: the server goes away, the leader is killed, events are told."""

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta

from metal3 import ctrl
from metal3.api.core import v1 as corev1
from metal3.api.events_k8s_io import v1 as eventsv1
from metal3.runtime.client import NotFoundError, RestClient
from metal3.runtime.leaderelection import LeaderElectionOptions
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


def _manager(env, name="copier", **options):
    config = ctrl.load_config(env.kubeconfig)
    mgr = ctrl.Manager(config, ctrl.ManagerOptions(**options))
    copier = Copier(mgr, name)
    ctrl.new_controller_managed_by(mgr).for_(corev1.ConfigMap).complete(copier)
    return mgr, copier


@asynccontextmanager
async def _client(env):
    async with RestClient(ctrl.load_config(env.kubeconfig)) as client:
        yield client


async def _copied(client, name, value):
    """Wait until the copy is made; who made it."""
    async with asyncio.timeout(60):
        while True:
            found = await client.get(corev1.ConfigMap, ctrl.Request("default", name))
            if found.data.get("copy") == value:
                return found.data["by"]
            await asyncio.sleep(0.05)


def _config_map(name, value):
    return corev1.ConfigMap.named(name, "default", data={"value": value})


async def test_the_manager_survives_an_api_server_that_comes_and_goes(env):
    """What changed meanwhile is seen afterwards, and no object is worked on twice at once."""
    mgr, copier = _manager(env)
    stop = asyncio.Event()
    async with _client(env) as client, asyncio.TaskGroup() as group:
        await client.create(_config_map("before", "1"))
        group.create_task(mgr.start(stop))
        await _copied(client, "before", "1")
        for turn in range(2):
            await env.stop_apiserver()
            await asyncio.sleep(1)
            await env.start_apiserver()
            await client.create(_config_map(f"after-{turn}", "2"))
            await _copied(client, f"after-{turn}", "2")
        stop.set()
    assert copier.overlaps == 0


async def test_events_arrive_with_the_object(env):
    """Kubectl describe has something to show."""
    mgr, _ = _manager(env)
    stop = asyncio.Event()
    async with _client(env) as client, asyncio.TaskGroup() as group:
        group.create_task(mgr.start(stop))
        await client.create(_config_map("told", "1"))
        await _copied(client, "told", "1")
        events = await _events_of(client, "told")
        stop.set()
    assert [(e.reason, e.note, e.reporting_controller) for e in events] == [
        ("Copied", "the value was copied", "copier")
    ]


async def _events_of(client, name):
    async with asyncio.timeout(30):
        while True:
            listed = await client.list(eventsv1.Event, namespace="default")
            if found := [event for event in listed.items if event.regarding.name == name]:
                return found
            await asyncio.sleep(0.05)


async def test_another_takes_over_from_a_killed_leader(env):
    """Within the lease; until then the other one does nothing."""
    managers = [
        _manager(
            env,
            name,
            leader_election=LeaderElectionOptions(
                name="copier",
                namespace="default",
                identity=name,
                release_on_stop=False,
                lease_duration=timedelta(seconds=3),
                renew_deadline=timedelta(seconds=2),
                retry_period=timedelta(milliseconds=500),
            ),
            graceful_shutdown_timeout=timedelta(0),
        )[0]
        for name in ("one", "two")
    ]
    async with _client(env) as client, asyncio.TaskGroup() as group:
        tasks = []
        for mgr in managers:
            tasks.append(group.create_task(mgr.start()))
            if mgr is managers[0]:
                await mgr.elected.wait()
        await client.create(_config_map("first", "1"))
        assert await _copied(client, "first", "1") == "one"
        tasks[0].cancel()
        await client.create(_config_map("second", "2"))
        assert await _copied(client, "second", "2") == "two"
        tasks[1].cancel()
