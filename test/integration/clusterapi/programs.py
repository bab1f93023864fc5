"""Cluster API's core manager as a child process, and ours in this one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import aiohttp

from metal3 import ctrl
from metal3.controllers import baremetal, capm3, ipam
from metal3.provisioner.fixture import FixtureBackend
from metal3.runtime.cache import CacheOptions
from metal3.runtime.certwatcher import CertWatcher
from metal3.runtime.envtest import WebhookServing
from metal3.runtime.envtest._process import ServerProcess, free_port
from metal3.runtime.rest import load_config
from metal3.runtime.webhook import WebhookOptions, WebhookServer

NO_METRICS = ctrl.MetricsOptions(addr="0")


@asynccontextmanager
async def cluster_api(
    programs: Path, kubeconfig: Path, serving: WebhookServing, log: Path
) -> AsyncIterator[None]:
    """The core manager, from ready to gone."""
    health = free_port()
    argv = (
        "/usr/bin/env",
        "POD_NAMESPACE=capi-system",
        "POD_NAME=capi",
        "POD_UID=11111111-2222-3333-4444-555555555555",
        str(programs / "capi-controller-manager"),
        f"--kubeconfig={kubeconfig}",
        f"--webhook-port={serving.port}",
        f"--webhook-cert-dir={serving.cert_dir}",
        f"--health-addr=127.0.0.1:{health}",
        "--diagnostics-address=0",
        # It watches nodes only of clusters whose control plane is initialized, so a first node that
        # joins after its machine is noticed by the next resync: ten minutes, unless told otherwise.
        "--sync-period=5s",
        # One object once a second would make tests slow, and say nothing about us.
        "--feature-gates=ClusterTopology=true,ReconcilerRateLimiting=false",
    )
    process = ServerProcess(name="capi-controller-manager", argv=argv, log=log)
    await process.start()
    try:
        async with aiohttp.ClientSession() as session:

            async def ready() -> bool:
                try:
                    async with session.get(f"http://127.0.0.1:{health}/readyz") as answer:
                        return answer.status == 200
                except aiohttp.ClientError:
                    return False

            await process.wait_until(ready, within=timedelta(minutes=2))
        yield
    finally:
        await process.stop(graceful=True)


async def provider(
    user: Path, serving: WebhookServing, options: capm3.Capm3Options
) -> ctrl.Manager:
    """The infrastructure provider with the webhooks of its manifests."""
    watcher = CertWatcher(serving.cert_dir / "tls.crt", serving.cert_dir / "tls.key")
    await watcher.load()
    address = WebhookOptions(host=serving.host, port=serving.port)
    server = WebhookServer(address, ssl_context=watcher.ssl_context)
    config = await asyncio.to_thread(load_config, user)
    mgr = ctrl.Manager(config, ctrl.ManagerOptions(metrics=NO_METRICS, webhook_server=server))
    capm3.build(mgr, options, unique_names=False)
    return mgr


async def hosts(user: Path, backend: FixtureBackend) -> ctrl.Manager:
    """The bare-metal operator on machines in memory."""
    cache = CacheOptions(by_object=baremetal.cache_by_object())
    config = await asyncio.to_thread(load_config, user)
    mgr = ctrl.Manager(config, ctrl.ManagerOptions(cache=cache, metrics=NO_METRICS))
    baremetal.build(mgr, baremetal.BaremetalOptions(), backend, unique_names=False)
    return mgr


async def addresses(user: Path) -> ctrl.Manager:
    """The IP address operator."""
    config = await asyncio.to_thread(load_config, user)
    mgr = ctrl.Manager(config, ctrl.ManagerOptions(metrics=NO_METRICS))
    await ipam.build(mgr, ipam.IPAMOptions(cluster_api=True), unique_names=False)
    return mgr
