"""An API server on which the IP address operator runs, under its own RBAC and webhooks.

Cluster API's CRDs come from its module, when that is there.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from metal3 import ctrl
from metal3.api.core import v1 as corev1
from metal3.api.ipam_cluster_x_k8s_io import v1beta2 as capiipamv1
from metal3.api.ipam_metal3_io import v1alpha1 as ipamv1
from metal3.api.meta import v1 as metav1
from metal3.controllers.ipam import IPAMOptions, setup
from metal3.runtime.certwatcher import CertWatcher
from metal3.runtime.client import RestClient
from metal3.runtime.envtest import Environment, WebhookInstallOptions
from metal3.runtime.rest import load_config
from metal3.runtime.types import NamespacedName
from metal3.runtime.webhook import WebhookOptions, WebhookServer

from .clusterapi.manifests import core_crd_files, own_rights

TOP = Path(__file__).parents[2]
NAMESPACE = "metal3"
SERVICE_ACCOUNT = "system:serviceaccount:metal3-ipam-system:ipam-manager"
CLAIM_KINDS: tuple[type[metav1.Object], ...] = (ipamv1.IPClaim, capiipamv1.IPAddressClaim)
ADDRESS_KINDS: tuple[type[metav1.Object], ...] = (ipamv1.IPAddress, capiipamv1.IPAddress)
NO_MODULE = "the Cluster API module is not in the Go module cache: run hack/setup-capi"
CAPI_CRDS = (
    "cluster.x-k8s.io_clusters",
    "ipam.cluster.x-k8s.io_ipaddressclaims",
    "ipam.cluster.x-k8s.io_ipaddresses",
)


def cluster_api_crds() -> list[Path]:
    """The CRDs of the pinned Cluster API module; empty when Go or the module is not there."""
    return core_crd_files(*CAPI_CRDS)


@dataclass
class Stage:
    """An API server on which the operator runs."""

    env: Environment
    client: RestClient
    has_cluster_api: bool
    tasks: asyncio.TaskGroup
    stops: list[asyncio.Event] = field(default_factory=list)

    async def start_manager(self, user: Path, *, webhooks: bool = False) -> None:
        """One more manager; the first serves the webhooks."""
        server = await self._webhook_server() if webhooks else None
        options = ctrl.ManagerOptions(metrics=ctrl.MetricsOptions(addr="0"), webhook_server=server)
        mgr = ctrl.Manager(load_config(str(user)), options)
        await setup(mgr, IPAMOptions(cluster_api_interval=timedelta(seconds=1)))
        stop = asyncio.Event()
        self.stops.append(stop)
        self.tasks.create_task(mgr.start(stop))
        await mgr.elected.wait()

    async def _webhook_server(self) -> WebhookServer:
        serving = self.env.webhook_serving
        watcher = CertWatcher(serving.cert_dir / "tls.crt", serving.cert_dir / "tls.key")
        await watcher.load()
        options = WebhookOptions(host=serving.host, port=serving.port)
        return WebhookServer(options, ssl_context=watcher.ssl_context)

    async def create(self, *objects: metav1.Object) -> None:
        """As an administrator."""
        for obj in objects:
            await self.client.create(obj)

    async def until(self, done: Callable[[], Any], *, limit: float = 60) -> Any:
        """Ask again until the answer is something."""
        async with asyncio.timeout(limit):
            while True:
                found = await done()
                if found:
                    return found
                await asyncio.sleep(0.05)

    async def served(self, kind: type[metav1.Object], name: str) -> Any:
        """The claim, once it is Ready."""

        async def ready():
            claim: Any = await self.client.get(kind, NamespacedName(NAMESPACE, name))
            return claim if metav1.is_condition_true(claim.status.conditions, "Ready") else None

        return await self.until(ready)

    async def gone(self, kind: type[metav1.Object]) -> None:
        """Until no object of the kind is left."""

        async def none_left():
            return not (await self.client.list(kind, namespace=NAMESPACE)).items

        await self.until(none_left)


def ours(document: dict[str, Any]) -> metav1.Object:
    """A kind of this operator out of a manifest."""
    kinds: dict[str, type[metav1.Object]] = {k.gvk.kind: k for k in ipamv1.KINDS}
    kinds["IPAddressClaim"] = capiipamv1.IPAddressClaim
    return kinds[document["kind"]].from_dict(document)


@asynccontextmanager
async def running(
    start: Any, *, managers: int = 1, webhooks: bool = True, cluster_api: bool = True
) -> AsyncIterator[Stage]:
    """A server with the CRDs, the manifests' RBAC, and managers that have no other rights."""
    capi = await asyncio.to_thread(cluster_api_crds) if cluster_api else []
    crds = [*sorted((TOP / "config/crd/bases").glob("ipam.metal3.io_*.yaml")), *capi]
    hooks = WebhookInstallOptions(manifests=[TOP / "config/webhook/ipam/manifests.yaml"])
    async with AsyncExitStack() as stack:
        env = await stack.enter_async_context(
            start(crds=crds, webhooks=hooks if webhooks else None)
        )
        client = await stack.enter_async_context(RestClient(load_config(str(env.kubeconfig))))
        await client.create(corev1.Namespace.named(NAMESPACE))
        user = env.kubeconfig
        if env.enforces_rbac:
            user = await own_rights(env, client, "ipam", account=SERVICE_ACCOUNT)
        async with asyncio.TaskGroup() as tasks:
            stage = Stage(env, client, bool(capi), tasks)
            try:
                for number in range(managers):
                    await stage.start_manager(user, webhooks=webhooks and not number)
                yield stage
            finally:
                for stop in stage.stops:
                    stop.set()


def pool(name: str, *ranges: dict[str, Any], **spec: Any) -> ipamv1.IPPool:
    """A pool."""
    return ipamv1.IPPool.from_dict(
        {
            "metadata": {"name": name, "namespace": NAMESPACE},
            "spec": {"namePrefix": name, "prefix": 24, "pools": list(ranges)} | spec,
        }
    )


def claim(name: str, of: str) -> ipamv1.IPClaim:
    """A claim of ours."""
    return ipamv1.IPClaim.from_dict(
        {"metadata": {"name": name, "namespace": NAMESPACE}, "spec": {"pool": {"name": of}}}
    )


def capi_claim(name: str, of: str) -> capiipamv1.IPAddressClaim:
    """A claim of Cluster API."""
    reference = {"name": of, "kind": "IPPool", "apiGroup": "ipam.metal3.io"}
    return capiipamv1.IPAddressClaim.from_dict(
        {"metadata": {"name": name, "namespace": NAMESPACE}, "spec": {"poolRef": reference}}
    )


def need_cluster_api(stage: Stage) -> None:
    """Skip, loudly, without its CRDs."""
    if not stage.has_cluster_api:
        pytest.skip(NO_MODULE)
