"""Objects stored in an older version, and a release that no longer wants to know it."""

import asyncio
from pathlib import Path

import yaml

from metal3 import ctrl
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta1 as infrav1beta1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.meta import v1 as metav1
from metal3.controllers.capm3 import webhooks
from metal3.controllers.capm3.storagemigration import StorageMigration
from metal3.runtime.certwatcher import CertWatcher
from metal3.runtime.client import Patch, PatchType, RestClient
from metal3.runtime.envtest import WebhookInstallOptions
from metal3.runtime.rest import load_config
from metal3.runtime.types import NamespacedName
from metal3.runtime.webhook import WebhookOptions, WebhookServer

from .clusterapi.manifests import our_crds, own_rights

KINDS = (infrav1.Metal3Cluster, infrav1.Metal3MachineTemplate)
NAMES = [f"{kind.plural}.{kind.gvk.group}" for kind in KINDS]
CRD = metav1.Unstructured.of(
    metav1.GroupVersionKind("apiextensions.k8s.io", "v1", "CustomResourceDefinition"),
    "customresourcedefinitions",
    namespaced=False,
)
NO_METRICS = ctrl.MetricsOptions(addr="0")
ENDPOINT = {"host": "192.0.2.1", "port": 6443}
IMAGE = {"url": "http://images/a", "checksum": "abc"}


def older_release(crds: Path, target: Path) -> Path:
    """The same CRDs while v1beta1 was what is stored."""
    found = list(yaml.safe_load_all(crds.read_text()))
    for crd in found:
        for version in crd["spec"]["versions"]:
            version["storage"] = version["name"] == "v1beta1"
    chosen = [crd for crd in found if crd["metadata"]["name"] in NAMES]
    target.write_text(yaml.safe_dump_all(chosen))
    return target


def this_release(crds: Path, target: Path) -> Path:
    """Those of them that the test is about."""
    chosen = [c for c in yaml.safe_load_all(crds.read_text()) if c["metadata"]["name"] in NAMES]
    target.write_text(yaml.safe_dump_all(chosen))
    return target


async def converting(env):
    """Serves conversions, and does nothing else."""
    serving = env.webhook_serving
    watcher = CertWatcher(serving.cert_dir / "tls.crt", serving.cert_dir / "tls.key")
    await watcher.load()
    address = WebhookOptions(host=serving.host, port=serving.port)
    server = WebhookServer(address, ssl_context=watcher.ssl_context)
    webhooks.add_converters(server.converters)
    config = await asyncio.to_thread(load_config, str(env.kubeconfig))
    options = ctrl.ManagerOptions(metrics=NO_METRICS, webhook_server=server)
    return ctrl.Manager(config, options)


async def migrating(user):
    """Migrates, and does nothing else."""
    config = await asyncio.to_thread(load_config, str(user))
    mgr = ctrl.Manager(config, ctrl.ManagerOptions(metrics=NO_METRICS))
    recorder = mgr.get_event_recorder_for("test")
    migration = StorageMigration(
        client=mgr.client, live=mgr.api_reader, recorder=recorder, kinds=KINDS
    )
    mgr.add(migration)
    return mgr


async def stored_versions(client):
    """What the CRDs say is in use."""
    crds = [(await client.get(CRD, NamespacedName("", name))).to_dict() for name in NAMES]
    return [crd["status"]["storedVersions"] for crd in crds]


async def test_an_old_version_can_be_dropped_after_the_migration(start_environment, tmp_path):
    """Every object is stored anew, so that the server lets its old version go."""
    crds = await asyncio.to_thread(our_crds, tmp_path / "crds.yaml")
    old = await asyncio.to_thread(older_release, crds, tmp_path / "old.yaml")
    new = await asyncio.to_thread(this_release, crds, tmp_path / "new.yaml")
    hooks = WebhookInstallOptions(manifests=())
    async with start_environment(crds=[old], webhooks=hooks) as env:
        config = await asyncio.to_thread(load_config, str(env.kubeconfig))
        async with RestClient(config) as client, asyncio.TaskGroup() as tasks:
            for number in range(3):
                name = f"old-{number}"
                cluster = infrav1beta1.Metal3Cluster.named(
                    name, "default", spec={"controlPlaneEndpoint": ENDPOINT}
                )
                template = infrav1beta1.Metal3MachineTemplate.named(
                    name, "default", spec={"template": {"spec": {"image": IMAGE}}}
                )
                await client.create(cluster)
                await client.create(template)
            assert await stored_versions(client) == [["v1beta1"], ["v1beta1"]]
            stop = asyncio.Event()
            tasks.create_task((await converting(env)).start(stop))
            await env.install_crds([new])
            assert await stored_versions(client) == [["v1beta1", "v1beta2"]] * 2

            user = await own_rights(env, client, "capm3") if env.enforces_rbac else env.kubeconfig
            tasks.create_task((await migrating(user)).start(stop))
            async with asyncio.timeout(60):
                while await stored_versions(client) != [["v1beta2"]] * 2:  # noqa: ASYNC110 - the server is another process
                    await asyncio.sleep(0.1)
            stop.set()

            for name in NAMES:
                crd = await client.get(CRD, NamespacedName("", name))
                kept = [v for v in crd.to_dict()["spec"]["versions"] if v["name"] == "v1beta2"]
                body = {
                    "spec": {"versions": kept, "conversion": {"strategy": "None", "webhook": None}}
                }
                await client.patch(crd, Patch(PatchType.MERGE, body))
            found = await client.get(infrav1.Metal3Cluster, NamespacedName("default", "old-0"))
            assert found.spec.control_plane_endpoint is not None
            assert found.spec.control_plane_endpoint.host == "192.0.2.1"
