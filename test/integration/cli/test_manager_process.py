"""``metal3 manager`` as a process: under its own roles, with its webhooks, until it is told to stop."""

import asyncio
import contextlib
from pathlib import Path

import aiohttp
import pytest
import yaml

from metal3.api.coordination_k8s_io import v1 as coordinationv1
from metal3.api.core import v1 as corev1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.client import ForbiddenError, NotFoundError, RestClient
from metal3.runtime.envtest import WebhookInstallOptions
from metal3.runtime.rest import load_config
from metal3.runtime.types import NamespacedName

from .processes import OWN_NAMESPACE, manager_process
from .roles import USER, install_roles

TOP = Path(__file__).parents[3]
CRDS = TOP / "config/crd/bases"
WEBHOOKS = TOP / "config/webhook/baremetal"
ROLES = TOP / "config/rbac/baremetal"
LEASE = NamespacedName(OWN_NAMESPACE, "baremetal-operator")
HOST = NamespacedName("default", "host-0")


@contextlib.asynccontextmanager
async def manager(env, folder, *flags):
    """A manager with the rights of its ServiceAccount, where the server knows rights."""
    kubeconfig = env.kubeconfig
    if env.enforces_rbac:
        kubeconfig = await env.add_user(USER, ["system:authenticated"])
    serving = env.webhook_serving
    webhooks = (f"--webhook-port={serving.port}", f"--webhook-cert-dir={serving.cert_dir}")
    started = manager_process(
        kubeconfig, folder / "manager.log", "--enable-leader-election", *webhooks, *flags
    )
    async with started as running:
        yield running


def host(**spec):
    """A host that the webhook accepts, unless the test says otherwise."""
    fields = {
        "online": True,
        "bootMACAddress": "52:54:00:00:00:01",
        "bmc": {"address": "redfish://bmc.example/redfish/v1/Systems/1", "credentialsName": "bmc"},
        "image": {"url": "http://images.example/a.qcow2", "checksum": "abc"},
    }
    meta = {"name": HOST.name, "namespace": HOST.namespace}
    return metal3api.BareMetalHost.from_dict({"metadata": meta, "spec": {**fields, **spec}})


async def reach(client, state):
    """Wait for a host's state; fails after a minute, with the last status."""
    status = metal3api.BareMetalHostStatus()
    try:
        async with asyncio.timeout(60):
            while True:
                status = (await client.get(metal3api.BareMetalHost, HOST)).status
                if status.provisioning.state == state:
                    return status
                await asyncio.sleep(0.2)
    except TimeoutError:
        raise AssertionError(f"not {state}: {status.to_dict()}") from None


async def told(client, reasons):
    """Wait until events with all these reasons are there: they are sent behind the writes."""
    async with asyncio.timeout(30):
        while True:
            events = await client.list(corev1.Event, namespace=HOST.namespace)
            if reasons <= {event.reason for event in events.items}:
                return
            await asyncio.sleep(0.2)


async def gone(client):
    """Wait until the host is no more; fails after a minute."""
    async with asyncio.timeout(60):
        with contextlib.suppress(NotFoundError):
            while True:
                await client.get(metal3api.BareMetalHost, HOST)
                await asyncio.sleep(0.2)


def own_roles():
    """What ``kubectl apply -k config/rbac/baremetal`` applies."""
    for path in sorted(ROLES.glob("*.yaml")):
        yield from yaml.safe_load_all(path.read_text())


@pytest.fixture
async def cluster(start_environment):
    """CRDs, webhooks and roles as ``config/`` has them, and an administrator's client."""
    webhooks = WebhookInstallOptions(manifests=[WEBHOOKS])
    async with start_environment(crds=[CRDS], webhooks=webhooks) as env:
        config = await asyncio.to_thread(load_config, env.kubeconfig)
        async with RestClient(config) as client:
            await install_roles(client, own_roles())
            yield env, client


async def test_the_manager_lives_with_the_rights_it_is_given(cluster, tmp_path):
    """A host goes all the way and back, and no request was forbidden or refused."""
    env, client = cluster
    async with manager(env, tmp_path) as running:
        with pytest.raises(ForbiddenError) as denied:
            await client.create(host(bmc={"address": "smoke://x", "credentialsName": "bmc"}))
        assert "spec.bmc.address" in str(denied.value)
        assert "smoke" in str(denied.value)

        await client.create(host())
        failed = await reach(client, "registering")
        assert failed.provisioning.state == "registering"
        login = {"username": "admin", "password": "password"}
        await client.create(corev1.new_secret("bmc", HOST.namespace, login))
        await reach(client, "provisioned")

        secret = await client.get(corev1.Secret, NamespacedName(HOST.namespace, "bmc"))
        assert secret.metadata.labels["environment.metal3.io"] == "baremetal"
        hardware = await client.get(metal3api.HardwareData, HOST)
        assert hardware.spec.hardware is not None
        await told(client, {"Registered", "ProvisioningComplete"})

        await client.delete(host())
        await gone(client)
        code = await running.stop()
    log = running.log.read_text().lower()
    assert code == 0, log
    assert "forbidden" not in log
    assert "traceback" not in log
    assert "password" not in log


async def taken(client):
    """Wait until somebody leads; fails after a minute. Ready is also who waits for the Lease."""
    async with asyncio.timeout(60):
        while True:
            with contextlib.suppress(NotFoundError):
                if (await client.get(coordinationv1.Lease, LEASE)).spec.holder_identity:
                    return
            await asyncio.sleep(0.1)


async def test_health_metrics_and_the_lease(cluster, tmp_path):
    """Probes answer, metrics want a token, and the Lease is free once the manager stopped."""
    env, client = cluster
    async with manager(env, tmp_path) as running, aiohttp.ClientSession() as session:
        async with session.get(f"{running.health}/healthz") as answer:
            assert answer.status == 200
        async with session.get(f"{running.metrics}/metrics", ssl=False) as answer:
            assert answer.status == 401
        await taken(client)
        assert await running.stop() == 0
    lease = await client.get(coordinationv1.Lease, LEASE)
    assert not lease.spec.holder_identity


async def test_insecure_metrics_are_for_everybody(cluster, tmp_path):
    """--insecure-diagnostics serves plain HTTP, under the names dashboards know."""
    env, _ = cluster
    async with manager(env, tmp_path, "--insecure-diagnostics") as running:
        url = running.metrics.replace("https", "http") + "/metrics"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            text = await answer.text()
    for name in (
        "workqueue_depth",
        "controller_runtime_max_concurrent_reconciles",
        "rest_client_requests_total",
        "leader_election_master_status",
    ):
        assert name in text
