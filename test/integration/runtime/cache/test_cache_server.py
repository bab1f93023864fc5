"""The cache against a server that is taken away and brought back."""

import asyncio

from metal3.api.core import v1 as corev1
from metal3.runtime.cache import ByObject, Cache, CachedClient, CacheOptions
from metal3.runtime.client import RestClient
from metal3.runtime.rest import load_config
from metal3.runtime.types import NamespacedName

OURS = CacheOptions(by_object={corev1.ConfigMap: ByObject(namespaces=("default",), labels="ours")})


def config_map(name, data):
    """A config map that the cache follows."""
    return corev1.ConfigMap.from_dict(
        {"metadata": {"name": name, "namespace": "default", "labels": {"ours": ""}}, "data": data}
    )


async def _until(cache, wanted):
    """Wait until the cache holds exactly ``wanted``: name to data."""
    async with asyncio.timeout(60):
        while True:
            found = await cache.list(corev1.ConfigMap)
            if {obj.metadata.name: obj.data for obj in found.items} == wanted:
                return
            await asyncio.sleep(0.05)


async def test_the_cache_survives_a_restart_of_the_server(env):
    """What changed before, during and after is there in the end, without any help."""
    config = await asyncio.to_thread(load_config, env.kubeconfig)
    async with RestClient(config) as live, asyncio.TaskGroup() as group:
        cache = Cache(live, OURS)
        client = CachedClient(cache, live)
        running = group.create_task(cache.run())
        await client.create(config_map("a", {"n": "1"}))
        await client.create(config_map("b", {"n": "1"}))
        await live.create(corev1.ConfigMap.named("foreign", "default"))
        await _until(cache, {"a": {"n": "1"}, "b": {"n": "1"}})
        await env.stop_apiserver()
        assert (await client.get(corev1.ConfigMap, NamespacedName("default", "a"))).data == {
            "n": "1"
        }
        await env.start_apiserver()
        await client.delete(config_map("a", {}))
        await client.update(config_map("b", {"n": "2"}))
        await client.create(config_map("c", {"n": "3"}))
        await _until(cache, {"b": {"n": "2"}, "c": {"n": "3"}})
        running.cancel()
