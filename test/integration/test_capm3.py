"""The Cluster API provider on an API server: schemas, RBAC, webhooks and conversion as a user has.

Cluster API's CRDs come from its module when that is there; without it the tests skip.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from metal3 import ctrl
from metal3.api.cluster_x_k8s_io import v1beta2 as clusterv1
from metal3.api.core import v1 as corev1
from metal3.api.infrastructure_cluster_x_k8s_io import v1alpha5 as infrav1alpha5
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta1 as infrav1beta1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers import baremetal, capm3
from metal3.provisioner.fixture import FixtureBackend, FixtureOptions
from metal3.runtime.cache import CacheOptions
from metal3.runtime.certwatcher import CertWatcher
from metal3.runtime.client import (
    InvalidError,
    NotFoundError,
    Patch,
    PatchType,
    RestClient,
    StatusError,
)
from metal3.runtime.envtest import Environment, WebhookInstallOptions
from metal3.runtime.rest import load_config
from metal3.runtime.types import NamespacedName
from metal3.runtime.webhook import WebhookOptions, WebhookServer

from .clusterapi.manifests import core_crd_files, our_crds, own_rights

TOP = Path(__file__).parents[2]
NS = "metal3"
SERVICE_ACCOUNT = "system:serviceaccount:capm3-system:capm3-manager"
GROUP = "infrastructure.cluster.x-k8s.io"
CAPI_CRDS = (
    *(f"cluster.x-k8s.io_{kind}" for kind in ("clusters", "machines", "machinesets")),
    "ipam.cluster.x-k8s.io_ipaddressclaims",
    "ipam.cluster.x-k8s.io_ipaddresses",
)


@dataclass
class Stage:
    """An API server on which both operators run."""

    client: RestClient

    async def until(self, look: Callable[[], Any], *, limit: float = 60) -> Any:
        """Ask again until the answer is something."""
        async with asyncio.timeout(limit):
            while True:
                try:
                    found = await look()
                except NotFoundError:
                    found = None
                if found:
                    return found
                await asyncio.sleep(0.1)

    async def get(self, kind: type[Any], name: str) -> Any:
        """One object."""
        return await self.client.get(kind, NamespacedName(NS, name))

    async def gone(self, kind: type[Any], name: str) -> None:
        """Until the object is no more."""

        async def look() -> bool:
            try:
                await self.get(kind, name)
            except NotFoundError:
                return True
            return False

        await self.until(look)


@asynccontextmanager
async def running(start: Any, folder: Path) -> AsyncIterator[Stage]:
    """The provider has no rights but those of its manifests; the bare-metal operator has all."""
    capi = await asyncio.to_thread(core_crd_files, *CAPI_CRDS)
    if not capi:
        pytest.skip("the Cluster API module is not in the Go module cache: run hack/setup-capi")
    crds = [await asyncio.to_thread(our_crds, folder / "crds.yaml"), *capi]
    hooks = WebhookInstallOptions(manifests=[TOP / "config/webhook/capm3/manifests.yaml"])
    async with AsyncExitStack() as stack:
        env: Environment = await stack.enter_async_context(start(crds=crds, webhooks=hooks))
        client = await stack.enter_async_context(RestClient(load_config(str(env.kubeconfig))))
        await client.create(corev1.Namespace.named(NS))
        user = env.kubeconfig
        if env.enforces_rbac:
            user = await own_rights(env, client, "capm3", account=SERVICE_ACCOUNT)
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            provider = await provider_manager(env, user)
            hosts = hosts_manager(env)
            for mgr in (provider, hosts):
                tasks.create_task(mgr.start(stop))
            await asyncio.gather(provider.elected.wait(), hosts.elected.wait())
            try:
                yield Stage(client)
            finally:
                stop.set()


async def provider_manager(env: Environment, user: Path) -> ctrl.Manager:
    """With the webhooks of the manifests."""
    serving = env.webhook_serving
    watcher = CertWatcher(serving.cert_dir / "tls.crt", serving.cert_dir / "tls.key")
    await watcher.load()
    options = WebhookOptions(host=serving.host, port=serving.port)
    server = WebhookServer(options, ssl_context=watcher.ssl_context)
    metrics = ctrl.MetricsOptions(addr="0")
    mgr = ctrl.Manager(
        load_config(str(user)), ctrl.ManagerOptions(metrics=metrics, webhook_server=server)
    )
    capm3.build(mgr, capm3.Capm3Options(), unique_names=False)
    return mgr


def hosts_manager(env: Environment) -> ctrl.Manager:
    """With machines in memory."""
    cache = CacheOptions(by_object=baremetal.cache_by_object())
    options = ctrl.ManagerOptions(cache=cache, metrics=ctrl.MetricsOptions(addr="0"))
    mgr = ctrl.Manager(load_config(str(env.kubeconfig)), options)
    backend = FixtureBackend(options=FixtureOptions())
    baremetal.build(mgr, baremetal.BaremetalOptions(), backend, unique_names=False)
    return mgr


async def a_cluster(client: RestClient) -> None:
    """A Cluster whose infrastructure is ready, as Cluster API leaves it."""
    ref = {"apiGroup": GROUP, "kind": "Metal3Cluster", "name": "c"}
    cluster = await client.create(
        clusterv1.Cluster.from_dict(
            {"metadata": {"name": "c", "namespace": NS}, "spec": {"infrastructureRef": ref}}
        )
    )
    m3c = infrav1.Metal3Cluster.from_dict(
        {
            "metadata": {"name": "c", "namespace": NS},
            "spec": {"controlPlaneEndpoint": {"host": "192.0.2.1"}},
        }
    )
    m3c.metadata.labels = {clusterv1.CLUSTER_NAME_LABEL: "c"}
    m3c.metadata.owner_references = [metav1.owner_reference(cluster)]
    await client.create(m3c)
    cluster.status.initialization.infrastructure_provisioned = True
    await client.status.update(cluster)


async def a_machine(client: RestClient, name: str, **spec: Any) -> None:
    """A Machine with bootstrap data, and its Metal3Machine."""
    labels = {clusterv1.CLUSTER_NAME_LABEL: "c"}
    await client.create(corev1.new_secret(f"{name}-bootstrap", NS, {"value": "#cloud-config"}))
    machine = await client.create(
        clusterv1.Machine.from_dict(
            {
                "metadata": {"name": name, "namespace": NS, "labels": labels},
                "spec": {
                    "clusterName": "c",
                    "bootstrap": {"dataSecretName": f"{name}-bootstrap"},
                    "infrastructureRef": {
                        "apiGroup": GROUP,
                        "kind": "Metal3Machine",
                        "name": name,
                    },
                },
            }
        )
    )
    fields = {"image": {"url": "http://images/a.qcow2", "checksum": "abc"}} | spec
    m3m = infrav1.Metal3Machine.from_dict(
        {"metadata": {"name": name, "namespace": NS, "labels": labels}, "spec": fields}
    )
    m3m.metadata.owner_references = [metav1.owner_reference(machine, controller=True)]
    await client.create(m3m)


async def a_host(client: RestClient, name: str) -> None:
    """A host with the login of its BMC."""
    login = {"username": "admin", "password": "pw"}
    await client.create(corev1.new_secret(f"{name}-bmc", NS, login))
    await client.create(
        metal3api.BareMetalHost.from_dict(
            {
                "metadata": {"name": name, "namespace": NS},
                "spec": {
                    "online": True,
                    "bootMACAddress": "52:54:00:00:00:01",
                    "bmc": {
                        "address": f"redfish-virtualmedia://{name}/redfish/v1/Systems/1",
                        "credentialsName": f"{name}-bmc",
                    },
                },
            }
        )
    )


async def test_a_machine_s_whole_life_under_the_manifests_rights(start_environment, tmp_path):
    """Claimed, rendered, provisioned, ready, deleted; every write passes schemas and webhooks."""
    async with running(start_environment, tmp_path) as stage:
        client = stage.client
        await a_cluster(client)
        await client.create(
            infrav1.Metal3DataTemplate.from_dict(
                {
                    "metadata": {"name": "t", "namespace": NS},
                    "spec": {"metaData": {"indexes": [{"key": "index"}]}},
                }
            )
        )
        await a_host(client, "host-0")
        await a_machine(client, "m-0", dataTemplate={"name": "t"})

        async def ready():
            m3m = await stage.get(infrav1.Metal3Machine, "m-0")
            return metav1.is_condition_true(m3m.status.conditions, "Ready") and m3m

        m3m = await stage.until(ready)
        assert m3m.spec.provider_id == f"metal3://{NS}/host-0/m-0"
        assert m3m.status.initialization.provisioned
        m3c = await stage.get(infrav1.Metal3Cluster, "c")
        assert m3c.spec.control_plane_endpoint.port == 6443
        assert m3c.status.initialization.provisioned

        for kind, version in ((infrav1beta1, "v1beta1"), (infrav1alpha5, "v1alpha5")):
            old = await stage.get(kind.Metal3Machine, "m-0")
            assert old.api_version == f"{GROUP}/{version}"
            assert old.status.ready

        await client.delete(m3m)
        await stage.gone(infrav1.Metal3Machine, "m-0")
        await stage.gone(infrav1.Metal3Data, "t-0")
        host = await stage.get(metal3api.BareMetalHost, "host-0")
        assert host.spec.consumer_ref is None
        assert host.spec.image is None


async def test_old_objects_are_created_read_and_changed_in_their_version(
    start_environment, tmp_path
):
    """Written in v1alpha5, seen in v1beta2, and still the same in v1alpha5 after a change."""
    async with running(start_environment, tmp_path) as stage:
        spec = {
            "clusterName": "c",
            "templateReference": "older",
            "metaData": {"ipAddressesFromIPPool": [{"key": "ip", "name": "p"}]},
        }
        old = infrav1alpha5.Metal3DataTemplate.from_dict(
            {"metadata": {"name": "t", "namespace": NS}, "spec": spec}
        )
        await stage.client.create(old)
        new = await stage.get(infrav1.Metal3DataTemplate, "t")
        (pool,) = new.spec.meta_data.ip_addresses_from_pool
        assert (pool.name, pool.kind, pool.api_group) == ("p", "IPPool", "ipam.metal3.io")
        again = await stage.get(infrav1alpha5.Metal3DataTemplate, "t")
        assert again.spec.to_dict() == spec
        labels = {"metadata": {"labels": {"a": "b"}}}
        await stage.client.patch(again, Patch(PatchType.MERGE, labels))
        again = await stage.get(infrav1alpha5.Metal3DataTemplate, "t")
        assert again.spec.to_dict() == spec


async def test_what_is_read_in_an_old_version_can_be_created_there(start_environment, tmp_path):
    """No empty values that the old schema forbids."""
    async with running(start_environment, tmp_path) as stage:
        spec = {"template": {"spec": {"image": {"url": "http://i/a", "checksum": "c"}}}}
        await stage.client.create(
            infrav1.Metal3MachineTemplate.from_dict(
                {"metadata": {"name": "a", "namespace": NS}, "spec": spec}
            )
        )
        await stage.client.create(infrav1.Metal3DataTemplate.named("b", NS, spec={}))
        pairs: tuple[tuple[str, tuple[Any, ...]], ...] = (
            ("a", (infrav1beta1.Metal3MachineTemplate, infrav1alpha5.Metal3MachineTemplate)),
            ("b", (infrav1beta1.Metal3DataTemplate, infrav1alpha5.Metal3DataTemplate)),
        )
        for name, kinds in pairs:
            for number, kind in enumerate(kinds):
                seen: Any = await stage.get(kind, name)
                copy = kind.named(f"{name}-{number}", NS)
                copy.spec = seen.spec
                await stage.client.create(copy)


async def test_refusals_name_the_field(start_environment, tmp_path):
    """The webhooks of the manifests are asked; they answer for objects of any version."""
    async with running(start_environment, tmp_path) as stage:
        bad = infrav1.Metal3Machine.from_dict(
            {"metadata": {"name": "bad", "namespace": NS}, "spec": {}}
        )
        with pytest.raises((InvalidError, StatusError), match="either image or customDeploy"):
            await stage.client.create(bad)
        claim = infrav1.Metal3DataClaim.named("bad", NS, spec={})
        with pytest.raises((InvalidError, StatusError), match=r"spec\.template\.name"):
            await stage.client.create(claim)
