"""Two managers on the same hosts: one leads and is lost, or nobody leads and both work."""

import asyncio
import signal
from pathlib import Path

import pytest

from metal3 import ctrl
from metal3.api.coordination_k8s_io import v1 as coordinationv1
from metal3.api.core import v1 as corev1
from metal3.api.events_k8s_io import v1 as eventsv1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers.baremetal import BaremetalOptions, build, cache_by_object
from metal3.provisioner.fixture import FixtureBackend
from metal3.runtime.cache import CacheOptions
from metal3.runtime.client import NotFoundError, Patch, PatchType, RestClient
from metal3.runtime.rest import load_config
from metal3.runtime.types import NamespacedName

from .processes import OWN_NAMESPACE, manager_process

CRDS = Path(__file__).parents[3] / "config/crd/bases"
LEASE = NamespacedName(OWN_NAMESPACE, "baremetal-operator")
HOSTS = 4
ELECTION = (
    "--leader-elect",
    "--leader-elect-lease-duration=4s",
    "--leader-elect-renew-deadline=3s",
    "--leader-elect-retry-period=500ms",
    "--webhook-port=0",
)
KINDS = (
    metal3api.BareMetalHost,
    metal3api.HardwareData,
    metal3api.HostFirmwareSettings,
    metal3api.FirmwareSchema,
    corev1.Secret,
    eventsv1.Event,
)


@pytest.fixture
async def cluster(start_environment):
    """A server with our CRDs, and an administrator's client."""
    async with start_environment(crds=[CRDS]) as env:
        config = await asyncio.to_thread(load_config, str(env.kubeconfig))
        async with RestClient(config) as client:
            await client.create(corev1.Namespace.named(OWN_NAMESPACE))
            yield env, client


async def create_hosts(client):
    """What a user applies."""
    login = {"username": "admin", "password": "pw"}
    for number in range(HOSTS):
        name = f"host-{number}"
        await client.create(corev1.new_secret(f"{name}-bmc", "default", login))
        spec = {
            "online": True,
            "bootMACAddress": f"52:54:00:00:00:0{number}",
            "bmc": {
                "address": f"redfish://bmc-{number}/redfish/v1/Systems/1",
                "credentialsName": f"{name}-bmc",
            },
            "image": {"url": "http://images.example/a.qcow2", "checksum": "abc"},
        }
        meta = {"name": name, "namespace": "default"}
        await client.create(metal3api.BareMetalHost.from_dict({"metadata": meta, "spec": spec}))


async def reached(client, *states):
    """Wait until each host is in one of the states; fails after a minute, with the last look."""
    found: list[str] = []
    try:
        async with asyncio.timeout(60):
            while len(found) < HOSTS or not set(found) <= set(states):
                hosts = await client.list(metal3api.BareMetalHost, namespace="default")
                found = [host.status.provisioning.state for host in hosts.items]
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise AssertionError(f"not {states}: {found}") from None


async def leader_changed(client, old=None):
    """Wait until somebody leads who is not ``old``; who it is."""
    async with asyncio.timeout(30):
        while True:
            try:
                holder = (await client.get(coordinationv1.Lease, LEASE)).spec.holder_identity
            except NotFoundError:
                holder = None
            if holder and holder != old:
                return holder
            await asyncio.sleep(0.1)


async def settled(client):
    """Wait until nothing changes for two seconds; the revision of everything."""
    before = None
    async with asyncio.timeout(60):
        while True:
            now = {
                (kind.gvk.kind, obj.metadata.name): obj.metadata.resource_version
                for kind in KINDS
                for obj in (await client.list(kind, namespace="default")).items
            }
            if now == before:
                return now
            before = now
            await asyncio.sleep(2)


async def test_another_process_takes_over_from_a_killed_one(cluster, tmp_path):
    """In the middle of the work: the Lease runs out, and the hosts get where they should."""
    env, client = cluster
    async with manager_process(env.kubeconfig, tmp_path / "1.log", *ELECTION) as first:
        old = await leader_changed(client)
        async with manager_process(env.kubeconfig, tmp_path / "2.log", *ELECTION) as second:
            await create_hosts(client)
            await reached(client, "inspecting", "preparing", "available", "provisioning")
            first.process.kill()
            new = await leader_changed(client, old)
            await reached(client, "provisioned")
            assert await second.stop() == 0, second.log.read_text()
        assert new != old
    assert not (await client.get(coordinationv1.Lease, LEASE)).spec.holder_identity


async def test_a_leader_that_was_stopped_for_a_while_writes_nothing_when_it_goes_on(
    cluster, tmp_path
):
    """Another leads by then; the old one finds out, ends with an error and leaves no trace."""
    env, client = cluster
    slow = manager_process(env.kubeconfig, tmp_path / "1.log", *ELECTION, step_time="1")
    async with slow as first:
        old = await leader_changed(client)
        async with manager_process(env.kubeconfig, tmp_path / "2.log", *ELECTION) as second:
            await create_hosts(client)
            await reached(client, "registering", "inspecting")
            first.process.send_signal(signal.SIGSTOP)
            new = await leader_changed(client, old)
            await reached(client, "provisioned")
            before = await settled(client)
            first.process.send_signal(signal.SIGCONT)
            assert await first.ended() == 1
            assert "was not renewed" in first.log.read_text()
            assert await settled(client) == before
            lease = await client.get(coordinationv1.Lease, LEASE)
            assert lease.spec.holder_identity == new
            assert second.process.returncode is None


async def test_two_without_election_do_everything_once(cluster):
    """Both see every host; writes that would undo the other's are refused and tried again."""
    env, client = cluster
    backend = FixtureBackend()
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(2):
            mgr = ctrl.Manager(
                await asyncio.to_thread(load_config, str(env.kubeconfig)),
                ctrl.ManagerOptions(
                    cache=CacheOptions(by_object=cache_by_object()),
                    metrics=ctrl.MetricsOptions(addr="0"),
                ),
            )
            build(mgr, BaremetalOptions(), backend, unique_names=False)
            tasks.create_task(mgr.start(stop))
        await create_hosts(client)
        await reached(client, "provisioned")
        for number in range(HOSTS):
            await remove_image(client, f"host-{number}")
        await reached(client, "available")
        stop.set()
    hosts = (await client.list(metal3api.BareMetalHost, namespace="default")).items
    assert [host.status.error_message or "" for host in hosts] == [""] * HOSTS
    assert [len(machine.deployments) for machine in backend.hardware.values()] == [1] * HOSTS
    assert [machine.disk for machine in backend.hardware.values()] == [None] * HOSTS


async def remove_image(client, name):
    """What a user does to get a machine back."""
    patch = Patch(PatchType.MERGE, {"spec": {"image": None}})
    await client.patch(metal3api.BareMetalHost.named(name, "default"), patch)
