"""Switches on an API server that validates: set up by the environment, woken by every change."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from metal3 import ctrl
from metal3.api.core import v1 as corev1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers.baremetal import BaremetalOptions, cache_by_object, setup
from metal3.runtime.cache import CacheOptions
from metal3.runtime.client import Client, ConflictError, RestClient
from metal3.runtime.rest import load_config
from metal3.runtime.types import NamespacedName

CRDS = Path(__file__).parents[4] / "config/crd/bases"
VARIABLES = {
    "IRONIC_NETWORKING_ENABLED": "true",
    "IRONIC_SWITCH_CONFIGS_SECRET": "configs",
    "IRONIC_SWITCH_CREDENTIALS_SECRET": "keys",
    "IRONIC_SWITCH_CREDENTIALS_PATH": "/etc/switches",
}


@asynccontextmanager
async def operator(kubeconfig: Path) -> AsyncIterator[Client]:
    """An operator that runs while the block does, and a client of its users."""
    config = load_config(str(kubeconfig))
    cache = CacheOptions(by_object=cache_by_object())
    metrics = ctrl.MetricsOptions(addr="0")
    mgr = ctrl.Manager(config, ctrl.ManagerOptions(cache=cache, metrics=metrics))
    await setup(mgr, BaremetalOptions(provisioner="fixture"), VARIABLES)
    stop = asyncio.Event()
    async with RestClient(config) as client, asyncio.TaskGroup() as tasks:
        tasks.create_task(mgr.start(stop))
        try:
            yield client
        finally:
            stop.set()


async def config(client: Client, done: Callable[[str], bool]) -> None:
    """Until the configuration is as wanted; fails after half a minute."""
    async with asyncio.timeout(30):
        while True:
            found = await client.get(corev1.Secret, NamespacedName("default", "configs"))
            if done(corev1.secret_data(found).get("switch-configs.conf", b"").decode()):
                return
            await asyncio.sleep(0.1)


async def test_the_configuration_follows_switches_and_logins(start_environment):
    """Written when a switch comes, changed with its login, emptied when it goes."""
    async with start_environment(crds=[CRDS]) as env, operator(env.kubeconfig) as client:
        for name in ("configs", "keys"):
            await client.create(corev1.new_secret(name, "default", {}))
        login = {"username": "op", "password": "one"}
        await client.create(corev1.new_secret("login", "default", login))
        spec = {
            "address": "192.0.2.2",
            "macAddress": "52:54:00:20:00:01",
            "deviceType": "netmiko_arista_eos",
            "credentials": {"name": "login"},
        }
        meta = {"name": "leaf", "namespace": "default"}
        leaf = metal3api.BareMetalSwitch.from_dict({"metadata": meta, "spec": spec})
        await client.create(leaf)
        await config(client, lambda text: "[switch:leaf]" in text and "password = one" in text)
        while True:
            secret = await client.get(corev1.Secret, NamespacedName("default", "login"))
            secret.data = corev1.new_secret("x", "x", login | {"password": "two"}).data
            try:
                await client.update(secret)
                break
            except ConflictError:
                continue
        await config(client, lambda text: "password = two" in text)
        await client.delete(leaf)
        await config(client, lambda text: bool(text) and "switch:leaf" not in text)
