"""The operator against an API server that validates, with machines in memory."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import yaml

from metal3 import ctrl
from metal3.api.core import v1 as corev1
from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers.baremetal import BaremetalOptions, build, cache_by_object
from metal3.provisioner.fixture import FixtureBackend, FixtureOptions
from metal3.runtime.cache import CacheOptions
from metal3.runtime.client import Client, ConflictError, NotFoundError, RestClient
from metal3.runtime.envtest import Environment
from metal3.runtime.rest import Config, load_config
from metal3.runtime.types import NamespacedName

CONFIG = Path(__file__).parents[4] / "config"
CRDS = CONFIG / "crd/bases"
ROLE = CONFIG / "rbac/baremetal/manager_role.yaml"
USER = "operator"
HOSTS = 3
IMAGE = {"url": "http://images.example/a.qcow2", "checksum": "abc", "checksumType": "auto"}
State = metal3api.ProvisioningState


@asynccontextmanager
async def operator(env: Environment) -> AsyncIterator[tuple[Client, FixtureBackend]]:
    """An operator that runs while the block does, with its own rights, and a client of its users."""
    config = load_config(str(env.kubeconfig))
    mgr = ctrl.Manager(
        await service_account(env, config),
        ctrl.ManagerOptions(
            cache=CacheOptions(by_object=cache_by_object()),
            metrics=ctrl.MetricsOptions(addr="0"),
        ),
    )
    backend = FixtureBackend(options=FixtureOptions(with_components=True))
    build(mgr, BaremetalOptions(), backend, unique_names=False)
    stop = asyncio.Event()
    async with RestClient(config) as client, asyncio.TaskGroup() as tasks:
        tasks.create_task(mgr.start(stop))
        try:
            yield client, backend
        finally:
            stop.set()


async def service_account(env: Environment, admin: Config) -> Config:
    """The operator's user with the rights of config/rbac, where the server knows of rights."""
    if not env.enforces_rbac:
        return admin
    async with RestClient(admin) as client:
        for manifest in yaml.safe_load_all(ROLE.read_text()):
            kind = manifest["kind"]
            gvk = metav1.GroupVersionKind("rbac.authorization.k8s.io", "v1", kind)
            if kind == "ClusterRoleBinding":
                manifest["subjects"] = [{"kind": "User", "name": USER}]
            typed = metav1.Unstructured.of(gvk, f"{kind.lower()}s", namespaced=False)
            await client.create(typed.from_dict(manifest))
    return load_config(str(await env.add_user(USER)))


def key(number: int) -> NamespacedName:
    """One of the hosts."""
    return NamespacedName("default", f"host-{number}")


async def create(client: Client, number: int) -> None:
    """What a user applies for one host."""
    name = key(number).name
    login = {"username": "admin", "password": "pw"}
    await client.create(corev1.new_secret(f"{name}-bmc", "default", login))
    await client.create(
        metal3api.BareMetalHost.from_dict(
            {
                "metadata": {"name": name, "namespace": "default"},
                "spec": {
                    "online": True,
                    "bootMACAddress": f"52:54:00:00:00:0{number}",
                    "bmc": {
                        "address": f"redfish-virtualmedia://bmc-{number}/redfish/v1/Systems/1",
                        "credentialsName": f"{name}-bmc",
                    },
                    "image": IMAGE,
                },
            }
        )
    )


async def wait(client: Client, number: int, done: Callable[[metal3api.BareMetalHost], bool]) -> Any:
    """Until the host is as wanted; fails after a minute."""
    async with asyncio.timeout(60):
        while True:
            host = await client.get(metal3api.BareMetalHost, key(number))
            if done(host):
                return host
            await asyncio.sleep(0.2)


async def gone(client: Client) -> None:
    """Until there are no hosts any more; fails after a minute."""
    for _ in range(300):
        if not (await client.list(metal3api.BareMetalHost, namespace="default")).items:
            return
        await asyncio.sleep(0.2)
    raise AssertionError("hosts are still there")


async def edit(
    client: Client, number: int, change: Callable[[metal3api.BareMetalHost], None]
) -> None:
    """What a user does with kubectl edit, as often as it takes."""
    while True:
        host = await client.get(metal3api.BareMetalHost, key(number))
        change(host)
        try:
            await client.update(host)
        except ConflictError:
            continue
        return


def is_in(state: str) -> Callable[[metal3api.BareMetalHost], bool]:
    """Whether a host is in a state."""
    return lambda host: host.status.provisioning.state == state


def no_image(host: metal3api.BareMetalHost) -> None:
    """Ask for nothing."""
    host.spec.image = None


async def test_hosts_are_provisioned_deprovisioned_and_deleted(start_environment):
    """The whole life of three hosts, each write accepted by the schemas of the CRDs."""
    async with start_environment(crds=[CRDS]) as env, operator(env) as (client, backend):
        for number in range(HOSTS):
            await create(client, number)
        for number in range(HOSTS):
            host = await wait(client, number, is_in(State.PROVISIONED))
            assert host.status.operational_status == "OK"
            assert host.status.provisioning.image.url == IMAGE["url"]
        settings = await client.get(metal3api.HostFirmwareSettings, key(0))
        assert settings.status.settings
        components = await client.get(metal3api.HostFirmwareComponents, key(0))
        assert len(components.status.components) == 2
        for number in range(HOSTS):
            await edit(client, number, no_image)
        for number in range(HOSTS):
            host = await wait(client, number, is_in(State.AVAILABLE))
            await client.delete(host)
        await gone(client)
        assert backend.nodes == {}
        assert [len(m.deployments) for m in backend.hardware.values()] == [1] * HOSTS


async def test_a_wrong_password_is_said_and_healed(start_environment):
    """The message names what is wrong; the corrected Secret is enough."""
    async with start_environment(crds=[CRDS]) as env, operator(env) as (client, backend):
        backend.machine(key(1)).password = "other"
        await create(client, 1)
        host = await wait(client, 1, lambda h: bool(h.status.error_type))
        assert host.status.error_type == "registration error"
        assert "refused the credentials" in host.status.error_message
        while True:
            name = NamespacedName("default", "host-1-bmc")
            secret = await client.get(corev1.Secret, name)
            login = {"username": "admin", "password": "other"}
            secret.data = corev1.new_secret("x", "default", login).data
            try:
                await client.update(secret)
                break
            except (ConflictError, NotFoundError):
                continue
        await wait(client, 1, is_in(State.PROVISIONED))
