"""A management cluster: a real API server, Cluster API's manager, and our three operators."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from metal3 import ctrl
from metal3.controllers import capm3
from metal3.provisioner.fixture import FixtureBackend
from metal3.runtime.client import RestClient
from metal3.runtime.envtest import Environment, WebhookInstallOptions
from metal3.runtime.rest import load_config

from . import manifests, programs

WEBHOOKS = manifests.TOP / "config/webhook/capm3/manifests.yaml"


@dataclass(frozen=True, kw_only=True)
class Management:
    """The API server with an administrator's client."""

    env: Environment
    client: RestClient


@asynccontextmanager
async def open_management(
    start: Any, folder: Path, backend: FixtureBackend
) -> AsyncIterator[Management]:
    """From ready to gone. Our operators have no rights but those of their manifests."""
    module, built = manifests.module_folder(), manifests.programs_folder()
    assert module is not None
    assert built is not None
    ours = await asyncio.to_thread(manifests.our_crds, folder / "ours.yaml")
    theirs = await asyncio.to_thread(manifests.cluster_api_crds, module, folder / "theirs.yaml")
    hooks = WebhookInstallOptions(manifests=[WEBHOOKS])
    their_hooks = WebhookInstallOptions(manifests=[module / "core/config/webhook/manifests.yaml"])
    async with AsyncExitStack() as stack:
        env: Environment = await stack.enter_async_context(
            start(api="kube", crds=[ours], webhooks=hooks, controller_manager=True)
        )
        config = await asyncio.to_thread(load_config, str(env.kubeconfig))
        client = await stack.enter_async_context(RestClient(config))
        kubeadm = await asyncio.to_thread(manifests.kubeadm_crds, module, folder / "kubeadm.yaml")
        await env.install_crds([kubeadm])
        serving = await env.add_webhooks("cluster-api", their_hooks, crds=[theirs])
        log = folder / "cluster-api.log"
        await stack.enter_async_context(programs.cluster_api(built, env.kubeconfig, serving, log))
        users = {
            name: await manifests.own_rights(env, client, name) for name in manifests.OPERATORS
        }
        options = capm3.Capm3Options()
        managers = [
            await programs.provider(users["capm3"], env.webhook_serving, options),
            await programs.hosts(users["baremetal"], backend),
            await programs.addresses(users["ipam"]),
        ]
        await stack.enter_async_context(_running(managers))
        yield Management(env=env, client=client)


@asynccontextmanager
async def _running(managers: list[ctrl.Manager]) -> AsyncIterator[None]:
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        for mgr in managers:
            tasks.create_task(mgr.start(stop))
        try:
            for mgr in managers:
                await mgr.elected.wait()
            yield
        finally:
            stop.set()
