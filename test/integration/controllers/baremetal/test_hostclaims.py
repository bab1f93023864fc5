"""Claims, hosts and their operator on an API server that validates, with machines in memory."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from metal3 import ctrl
from metal3.api.core import v1 as corev1
from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers.baremetal import BaremetalOptions, build, cache_by_object
from metal3.provisioner.fixture import FixtureBackend, FixtureOptions
from metal3.runtime.cache import CacheOptions
from metal3.runtime.client import Client, ConflictError, NotFoundError, RestClient
from metal3.runtime.rest import load_config
from metal3.runtime.types import NamespacedName

CRDS = Path(__file__).parents[4] / "config/crd/bases"
ROLE = Path(__file__).parents[4] / "config/rbac/baremetal/manager_role.yaml"
RBAC = "rbac.authorization.k8s.io"
POOL, TENANT = "pool", "team-a"
IMAGE = {"url": "http://images.example/a.qcow2", "checksum": "abc", "checksumType": "auto"}
POLICY = {"hasLabels": [{"name": "stage", "value": "production"}], "nameMatches": "^team-"}


@asynccontextmanager
async def operator(kubeconfig: Path, backend: FixtureBackend) -> AsyncIterator[Client]:
    """An operator that runs while the block does, and a client of its users."""
    config = load_config(str(kubeconfig))
    cache = CacheOptions(by_object=cache_by_object())
    metrics = ctrl.MetricsOptions(addr="0")
    mgr = ctrl.Manager(config, ctrl.ManagerOptions(cache=cache, metrics=metrics))
    build(mgr, BaremetalOptions(host_claims=True), backend, unique_names=False)
    stop = asyncio.Event()
    async with RestClient(config) as client, asyncio.TaskGroup() as tasks:
        tasks.create_task(mgr.start(stop))
        try:
            yield client
        finally:
            stop.set()


async def create_host(client: Client, number: int) -> None:
    """A machine of the pool."""
    login = {"username": "admin", "password": "pw"}
    await client.create(corev1.new_secret(f"bmc-{number}", POOL, login))
    await client.create(
        metal3api.BareMetalHost.from_dict(
            {
                "metadata": {"name": f"host-{number}", "namespace": POOL},
                "spec": {
                    "online": False,
                    "bootMACAddress": f"52:54:00:00:00:0{number}",
                    "bmc": {
                        "address": f"redfish-virtualmedia://bmc-{number}/redfish/v1/Systems/1",
                        "credentialsName": f"bmc-{number}",
                    },
                },
            }
        )
    )


async def create_claim(client: Client, number: int) -> None:
    """A wish of the tenant."""
    await client.create(
        metal3api.HostClaim.from_dict(
            {
                "metadata": {"name": f"claim-{number}", "namespace": TENANT},
                "spec": {"poweredOn": True, "image": IMAGE, "userData": {"name": "user-data"}},
            }
        )
    )


async def create_policy(client: Client) -> None:
    """The pool's owner lets production teams in."""
    manifest = {"metadata": {"name": "teams", "namespace": POOL}}
    rules = {"spec": {"hostClaimNamespaces": POLICY}}
    await client.create(metal3api.HostDeployPolicy.from_dict(manifest | rules))


async def wait(client: Client, number: int, done: Callable[[metal3api.HostClaim], bool]) -> Any:
    """Until the claim is as wanted; fails after a minute."""
    async with asyncio.timeout(60):
        while True:
            key = NamespacedName(TENANT, f"claim-{number}")
            claim = await client.get(metal3api.HostClaim, key)
            if done(claim):
                return claim
            await asyncio.sleep(0.1)


async def gone(client: Client, *numbers: int) -> None:
    """Until the claims are no more; fails after a minute."""
    async with asyncio.timeout(60):
        for number in numbers:
            while True:
                key = NamespacedName(TENANT, f"claim-{number}")
                try:
                    await client.get(metal3api.HostClaim, key)
                except NotFoundError:
                    break
                await asyncio.sleep(0.1)


async def delete(client: Client, number: int) -> None:
    """What kubectl delete does."""
    await client.delete(metal3api.HostClaim.named(f"claim-{number}", TENANT))


def is_ready(claim: metal3api.HostClaim) -> bool:
    """The instance runs."""
    return metav1.is_condition_true(claim.status.conditions, "Ready")


def says(text: str) -> Callable[[metal3api.HostClaim], bool]:
    """Whether the claim waits for this reason."""

    def check(claim: metal3api.HostClaim) -> bool:
        found = metav1.find_condition(claim.status.conditions, "Associated")
        return found is not None and text in found.message

    return check


async def label(client: Client, namespace: str, **labels: str) -> None:
    """Label a Namespace, as often as it takes."""
    while True:
        found = await client.get(corev1.Namespace, NamespacedName("", namespace))
        found.metadata.labels |= labels
        try:
            await client.update(found)
        except ConflictError:
            continue
        return


async def test_claims_are_served_across_namespaces_and_give_back(start_environment):
    """Waiting claims are woken by the policy, the Namespace's labels, and hosts that come free."""
    backend = FixtureBackend(options=FixtureOptions())
    async with start_environment(crds=[CRDS]) as env, operator(env.kubeconfig, backend) as client:
        for name in (POOL, TENANT):
            await client.create(corev1.Namespace.named(name))
        await client.create(corev1.new_secret("user-data", TENANT, {"userData": "#cloud-config"}))
        for number in range(2):
            await create_host(client, number)
        for number in range(3):
            await create_claim(client, number)
        await wait(client, 0, says("not allowed by a HostDeployPolicy"))
        await create_policy(client)
        await label(client, TENANT, stage="production")
        async with asyncio.timeout(60):
            while True:
                claims = (await client.list(metal3api.HostClaim, namespace=TENANT)).items
                ready = [claim for claim in claims if is_ready(claim)]
                if len(ready) == 2:
                    break
                await asyncio.sleep(0.2)
        (last,) = [claim for claim in claims if not is_ready(claim)]
        number = int(last.metadata.name[-1])
        await wait(client, number, says("2 hosts: 2 in use"))
        got = {c.status.bare_metal_host.name for c in ready if c.status.bare_metal_host}
        assert got == {"host-0", "host-1"}
        secrets = (await client.list(corev1.Secret, namespace=POOL)).items
        copies = [s for s in secrets if s.metadata.name.startswith("hostclaim-")]
        told = [corev1.secret_data(copy)["userData"] for copy in copies]
        assert told == [b"#cloud-config"] * 2

        freed = int(ready[0].metadata.name[-1])
        await delete(client, freed)
        claim = await wait(client, number, is_ready)
        assert claim.status.powered_on is True
        assert claim.status.hardware_data.namespace == POOL

        left = [n for n in range(3) if n != freed]
        for n in left:
            await delete(client, n)
        await gone(client, *range(3))
        hosts = (await client.list(metal3api.BareMetalHost, namespace=POOL)).items
        assert [host.spec.consumer_ref for host in hosts] == [None, None]
        assert {host.status.provisioning.state for host in hosts} == {"available"}
        secrets = (await client.list(corev1.Secret, namespace=POOL)).items
        assert not [s for s in secrets if s.metadata.name.startswith("hostclaim-")]
        assert sum(len(m.deployments) for m in backend.hardware.values()) == 3


async def test_an_operator_that_is_killed_goes_on(start_environment):
    """Stopped again and again in the middle of it; each claim still gets one host, and gives it."""
    backend = FixtureBackend(options=FixtureOptions())
    async with start_environment(crds=[CRDS]) as env:
        async with RestClient(load_config(str(env.kubeconfig))) as client:
            for name in (POOL, TENANT):
                await client.create(corev1.Namespace.named(name))
            await label(client, TENANT, stage="production")
            await client.create(corev1.new_secret("user-data", TENANT, {"userData": "x"}))
            await create_policy(client)
            for number in range(3):
                await create_host(client, number)
                await create_claim(client, number)
        for _ in range(4):
            async with operator(env.kubeconfig, backend):
                await asyncio.sleep(0.7)
        async with operator(env.kubeconfig, backend) as client:
            for number in range(3):
                await wait(client, number, is_ready)
            assert [len(m.deployments) for m in backend.hardware.values()] == [1, 1, 1]
            for number in range(3):
                await delete(client, number)
        for _ in range(3):
            async with operator(env.kubeconfig, backend):
                await asyncio.sleep(0.5)
        async with operator(env.kubeconfig, backend) as client:
            await gone(client, *range(3))
            hosts = (await client.list(metal3api.BareMetalHost, namespace=POOL)).items
            assert {h.spec.consumer_ref for h in hosts} == {None}


async def install_role(client: Client, user: str) -> None:
    """The rights of the operator's ServiceAccount, for a user."""
    for manifest in yaml.safe_load_all(ROLE.read_text()):
        if "subjects" in manifest:
            manifest["subjects"] = [{"kind": "User", "name": user, "apiGroup": RBAC}]
        gvk = metav1.GroupVersionKind(RBAC, "v1", manifest["kind"])
        plural = f"{manifest['kind'].lower()}s"
        kind = metav1.Unstructured.of(gvk, plural, namespaced=False)
        await client.create(kind.from_dict(manifest))


@pytest.mark.kube
async def test_the_rights_of_the_operator_suffice(start_environment):
    """A claim is served and released by an operator that has just its own role."""
    backend = FixtureBackend(options=FixtureOptions())
    async with (
        start_environment(crds=[CRDS]) as env,
        RestClient(load_config(str(env.kubeconfig))) as admin,
    ):
        await install_role(admin, "operator")
        for name in (POOL, TENANT):
            await admin.create(corev1.Namespace.named(name))
        await label(admin, TENANT, stage="production")
        await admin.create(corev1.new_secret("user-data", TENANT, {"userData": "x"}))
        await create_policy(admin)
        await create_host(admin, 0)
        await create_claim(admin, 0)
        limited = await env.add_user("operator", ["system:authenticated"])
        async with operator(limited, backend):
            await wait(admin, 0, is_ready)
            await delete(admin, 0)
            await gone(admin, 0)
        secrets = (await admin.list(corev1.Secret, namespace=POOL)).items
        assert [s.metadata.name for s in secrets] == ["bmc-0"]
