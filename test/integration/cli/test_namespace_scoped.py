"""The overlay for one team: a manager that sees one namespace and has rights in no other."""

import asyncio
from pathlib import Path

import pytest

from metal3.api.core import v1 as corev1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.client import RestClient
from metal3.runtime.rest import load_config
from metal3.runtime.types import NamespacedName

from ..kustomize import (  # noqa: TID252 - shared by all integration tests
    KUBECTL,
    NO_KUBECTL,
    kustomize,
)
from .processes import manager_process
from .roles import USER, bind, install_roles

TOP = Path(__file__).parents[3]
OVERLAY = TOP / "config/overlays/namespace-scoped"
DEPLOYMENT = "baremetal-operator-controller-manager"
ROLE = "baremetal-operator-manager-role"
pytestmark = pytest.mark.skipif(KUBECTL is None, reason=NO_KUBECTL)


async def create_host(client, namespace):
    """A host with an image and the login of its BMC."""
    login = {"username": "admin", "password": "password"}
    await client.create(corev1.new_secret("bmc", namespace, login))
    spec = {
        "online": True,
        "bootMACAddress": "52:54:00:00:00:01",
        "bmc": {"address": "redfish://bmc.example/redfish/v1/Systems/1", "credentialsName": "bmc"},
        "image": {"url": "http://images.example/a.qcow2", "checksum": "abc"},
    }
    meta = {"name": "host-0", "namespace": namespace}
    await client.create(metal3api.BareMetalHost.from_dict({"metadata": meta, "spec": spec}))


async def state(client, namespace):
    """The state of the namespace's host."""
    host = await client.get(metal3api.BareMetalHost, NamespacedName(namespace, "host-0"))
    return host.status.provisioning.state


async def provisioned(client, namespace):
    """Wait for it; fails after a minute."""
    async with asyncio.timeout(60):
        while True:
            if await state(client, namespace) == "provisioned":
                return
            await asyncio.sleep(0.2)


async def test_a_manager_of_one_namespace(start_environment, tmp_path):
    """Its hosts are provisioned, those of others are left alone, and no request is forbidden."""
    objects = await kustomize(OVERLAY)
    settings = objects["ConfigMap", "ironic"]["data"]
    container = objects["Deployment", DEPLOYMENT]["spec"]["template"]["spec"]["containers"][0]
    flags = [flag for flag in container["args"] if flag != "manager"]
    own = settings["WATCH_NAMESPACE"]
    async with start_environment(crds=[TOP / "config/crd/bases"]) as env:
        config = await asyncio.to_thread(load_config, env.kubeconfig)
        async with RestClient(config) as client:
            await client.create(corev1.Namespace.named(own))
            await install_roles(client, objects.values())
            await bind(client, USER, ROLE, own)  # as the overlay says
            kubeconfig = await env.add_user(USER) if env.enforces_rbac else env.kubeconfig
            log = tmp_path / "manager.log"
            flags += [f"--namespace={own}", "--webhook-port=0"]
            async with manager_process(kubeconfig, log, *flags) as running:
                await create_host(client, "default")
                await create_host(client, own)
                await provisioned(client, own)
                assert await state(client, "default") == ""
                assert await running.stop() == 0
    text = (await asyncio.to_thread(log.read_text)).lower()
    assert "forbidden" not in text
    assert "traceback" not in text
