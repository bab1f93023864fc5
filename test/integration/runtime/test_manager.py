"""A manager on an API server: the server goes away, the leader is killed, events are told."""

import asyncio
from datetime import timedelta

from metal3.api.events_k8s_io import v1 as eventsv1
from metal3.runtime.leaderelection import LeaderElectionOptions

from .copying import client_of, config_map, copied, copying_manager


async def test_the_manager_survives_an_api_server_that_comes_and_goes(env):
    """What changed meanwhile is seen afterwards, and no object is worked on twice at once."""
    mgr, copier = copying_manager(env)
    stop = asyncio.Event()
    async with client_of(env) as client, asyncio.TaskGroup() as group:
        await client.create(config_map("before", "1"))
        group.create_task(mgr.start(stop))
        await copied(client, "before", "1")
        for turn in range(2):
            await env.stop_apiserver()
            await asyncio.sleep(1)
            await env.start_apiserver()
            await client.create(config_map(f"after-{turn}", "2"))
            await copied(client, f"after-{turn}", "2")
        stop.set()
    assert copier.overlaps == 0


async def test_events_arrive_with_the_object(env):
    """Kubectl describe has something to show."""
    mgr, _ = copying_manager(env)
    stop = asyncio.Event()
    async with client_of(env) as client, asyncio.TaskGroup() as group:
        group.create_task(mgr.start(stop))
        await client.create(config_map("told", "1"))
        await copied(client, "told", "1")
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
        copying_manager(
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
    async with client_of(env) as client, asyncio.TaskGroup() as group:
        tasks = []
        for mgr in managers:
            tasks.append(group.create_task(mgr.start()))
            if mgr is managers[0]:
                await mgr.elected.wait()
        await client.create(config_map("first", "1"))
        assert await copied(client, "first", "1") == "one"
        tasks[0].cancel()
        await client.create(config_map("second", "2"))
        assert await copied(client, "second", "2") == "two"
        tasks[1].cancel()
