"""Cluster API's Metal3 kinds in all their versions at once, converted on the way by a webhook."""

import asyncio
import ssl
from pathlib import Path

import pytest
import yaml

from metal3.api.infrastructure_cluster_x_k8s_io import v1alpha5, v1beta1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.infrastructure_cluster_x_k8s_io.preserving import GROUP, HUB
from metal3.api.infrastructure_cluster_x_k8s_io.v1alpha5 import conversion as from_v1alpha5
from metal3.api.infrastructure_cluster_x_k8s_io.v1beta1 import conversion as from_v1beta1
from metal3.runtime.client import Patch, PatchType, RestClient
from metal3.runtime.envtest import WebhookInstallOptions
from metal3.runtime.rest import load_config
from metal3.runtime.types import NamespacedName
from metal3.runtime.webhook import CONVERT_PATH, WebhookOptions, WebhookServer

BASES = Path(__file__).parents[3] / "config/crd/bases"
WEBHOOK = {
    "strategy": "Webhook",
    "webhook": {
        "conversionReviewVersions": ["v1"],
        "clientConfig": {"service": {"name": "w", "namespace": "s", "path": CONVERT_PATH}},
    },
}
CLUSTERS = [api.Metal3Cluster for api in (v1alpha5, v1beta1, infrav1)]


def converting_crds(folder):
    """Our definitions, each with the webhook that config/ gives it."""
    for path in BASES.glob(f"{GROUP}_*.yaml"):
        crd = yaml.safe_load(path.read_text())
        crd["spec"]["conversion"] = WEBHOOK
        (folder / path.name).write_text(yaml.safe_dump(crd))


def server_of(serving):
    """A webhook server that knows all conversions."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(serving.cert_dir / "tls.crt", serving.cert_dir / "tls.key")
    options = WebhookOptions(host=serving.host, port=serving.port)
    server = WebhookServer(options, ssl_context=context)
    for way in (*from_v1alpha5.CONVERSIONS, *from_v1beta1.CONVERSIONS):
        kind = f"{way.kind}.{GROUP}"
        server.converters.add_hub(kind, HUB)
        server.converters.add_spoke(kind, way.version, to_hub=way.to_hub, from_hub=way.from_hub)
    return server


@pytest.fixture
async def client(start_environment, tmp_path):
    """A client of a server that serves every version of every kind."""
    converting_crds(tmp_path)
    async with (
        start_environment(webhooks=WebhookInstallOptions()) as env,
        asyncio.TaskGroup() as tasks,
    ):
        server = server_of(env.webhook_serving)
        running = tasks.create_task(server.run())
        await server.started.wait()
        await env.install_crds([tmp_path])
        config = await asyncio.to_thread(load_config, str(env.kubeconfig))
        async with RestClient(config) as client:
            yield client
        running.cancel()


async def test_an_old_client_does_not_lose_what_only_the_new_version_knows(client):
    """Read, changed and written back as v1alpha5, a v1beta2 object keeps its new fields."""
    key = NamespacedName("default", "m")
    image = {"url": "http://images.example/a", "checksum": "abc", "diskFormat": "qcow2"}
    spec = {"image": image, "failureDomain": "rack-1", "failureDomainPolicy": "Required"}
    new = infrav1.Metal3Machine.from_dict({"metadata": {"name": "m"}, "spec": spec})
    new.metadata.namespace = key.namespace
    made = await client.create(new)

    old = await client.get(v1alpha5.Metal3Machine, key)
    assert old.to_dict()["spec"]["image"]["format"] == "qcow2"
    assert "failureDomain" not in old.to_dict()["spec"]
    changed = old.to_dict()
    changed["spec"]["image"]["url"] = "http://images.example/b"
    await client.update(v1alpha5.Metal3Machine.from_dict(changed))

    stored = await client.get(infrav1.Metal3Machine, key)
    assert stored.metadata.uid == made.metadata.uid
    image["url"] = "http://images.example/b"
    assert stored.to_dict()["spec"] == spec


async def test_every_version_lists_what_any_version_made(client):
    """And what the middle one applies is seen by the newest."""
    spec = {"controlPlaneEndpoint": {"host": "192.0.2.1", "port": 6443}}
    for kind, flag in zip(
        CLUSTERS,
        ({"noCloudProvider": True}, {"noCloudProvider": True}, {"cloudProviderEnabled": False}),
        strict=True,
    ):
        name = f"made-in-{kind.gvk.version}"
        made = kind.from_dict({"metadata": {"name": name}, "spec": {**spec, **flag}})
        made.metadata.namespace = "default"
        await client.create(made)
    for kind in CLUSTERS:
        listed = await client.list(kind, namespace="default")
        assert len(listed.items) == len(CLUSTERS)
        for obj in listed.items:
            found = obj.to_dict()["spec"]
            assert found["controlPlaneEndpoint"] == spec["controlPlaneEndpoint"]
            assert found.get("noCloudProvider") is True or found["cloudProviderEnabled"] is False

    applied = v1beta1.Metal3Cluster.named("made-in-v1alpha5", "default")
    port = {"spec": {"controlPlaneEndpoint": {"host": "192.0.2.1", "port": 8443}}}
    await client.patch(applied, Patch(PatchType.APPLY, port, field_manager="test", force=True))
    stored = await client.get(infrav1.Metal3Cluster, NamespacedName("default", "made-in-v1alpha5"))
    assert stored.to_dict()["spec"]["controlPlaneEndpoint"]["port"] == 8443
    assert stored.to_dict()["spec"]["cloudProviderEnabled"] is False
