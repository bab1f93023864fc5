"""Machines with real controllers: from a wish to a node and back."""

import asyncio

import pytest

from metal3.api.cluster_x_k8s_io import v1beta2 as clusterv1
from metal3.api.core import v1 as corev1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.metrics import REGISTRY

pytestmark = pytest.mark.looptime(start=0)

READY = "Ready"


def condition(obj, kind):
    """One condition of an object."""
    return metav1.find_condition(obj.status.conditions, kind)


def is_provisioned(m3m):
    """Whether Cluster API would go on."""
    return m3m.status.initialization is not None and m3m.status.initialization.provisioned


def machines_that_wait(reason):
    """What the gauge of machines says of one reason."""
    return REGISTRY.get_sample_value("metal3_capm3_machines", {"reason": reason})


async def test_a_machine_gets_a_host_and_gives_it_back(
    world, make_cluster, make_machine, make_host, make_secret
):
    """Claimed, provisioned, ready; deleted, deprovisioned, free for the next."""
    objects = [*make_cluster(), *make_machine(), make_host(), make_secret()]
    async with world(*objects) as w:
        m3m = await w.machine("m-0", is_provisioned)
        assert m3m.spec.provider_id == "metal3://metal3/host-0/m-0"
        assert m3m.metadata.annotations[infrav1.HOST_ANNOTATION] == "metal3/host-0"
        await w.machine("m-0", lambda m: condition(m, READY).status == "True")
        host = await w.get(metal3api.BareMetalHost, "host-0")
        assert host.spec.image.url == "http://images/a.qcow2"
        assert host.spec.user_data.name == "m-0-bootstrap"
        assert host.spec.consumer_ref.name == "m-0"
        assert host.metadata.labels[clusterv1.CLUSTER_NAME_LABEL] == "c"
        secret = await w.get(corev1.Secret, host.spec.bmc.credentials_name)
        assert secret.metadata.labels[clusterv1.CLUSTER_NAME_LABEL] == "c"
        m3c = await w.get(infrav1.Metal3Cluster, "c")
        assert m3c.status.initialization.provisioned

        await w.delete(infrav1.Metal3Machine, "m-0")
        await w.gone(infrav1.Metal3Machine, "m-0")
        host = await w.get(metal3api.BareMetalHost, "host-0")
        assert host.spec.consumer_ref is None
        assert host.spec.image is None
        assert host.spec.user_data is None
        assert clusterv1.CLUSTER_NAME_LABEL not in host.metadata.labels
        secret = await w.get(corev1.Secret, host.spec.bmc.credentials_name)
        assert clusterv1.CLUSTER_NAME_LABEL not in secret.metadata.labels
        assert host.status.provisioning.state == metal3api.ProvisioningState.AVAILABLE


async def test_a_machine_without_a_host_says_why_and_takes_the_first_that_comes(
    world, make_cluster, make_machine, make_host, make_secret
):
    """The reason is in the condition; a host that becomes available wakes the machine at once."""
    async with world(*make_cluster(), *make_machine(), make_secret()) as w:
        m3m = await w.machine("m-0", lambda m: condition(m, "AssociateBareMetalHost"))
        found = condition(m3m, "AssociateBareMetalHost")
        assert (found.status, found.reason) == ("False", "AssociateBareMetalHostFailed")
        assert machines_that_wait("AssociateBareMetalHostFailed") == 1
        assert "no available host found" in found.message
        await w.client.create(make_host())
        await w.machine("m-0", is_provisioned, limit=60)
        assert machines_that_wait("AssociateBareMetalHostFailed") == 0


async def test_many_machines_share_hosts_without_a_double_claim(
    world, make_cluster, make_machine, make_host, make_secret
):
    """More machines than hosts, two managers at once: each host has one machine, all are used."""
    objects = [*make_cluster(), make_secret(), *(make_host(f"host-{i}") for i in range(8))]
    for i in range(12):
        objects += make_machine(f"m-{i}")
    async with world(*objects, managers=2) as w:

        async def settled():
            done = [m for m in await w.list(infrav1.Metal3Machine) if is_provisioned(m)]
            return len(done) == 8

        await w.until(settled, limit=300)
        hosts = await w.list(metal3api.BareMetalHost)
        by_host = {h.metadata.name: h.spec.consumer_ref.name for h in hosts}
        assert len(set(by_host.values())) == 8
        machines = await w.list(infrav1.Metal3Machine)
        for m3m in filter(is_provisioned, machines):
            name = m3m.metadata.annotations[infrav1.HOST_ANNOTATION].partition("/")[2]
            assert by_host[name] == m3m.metadata.name
        assert sum(1 for m in machines if not is_provisioned(m)) == 4


async def test_a_released_host_goes_to_the_machine_that_waits(
    world, make_cluster, make_machine, make_host, make_secret
):
    """No poll in between: the freed host wakes whoever waits for one like it."""
    objects = [*make_cluster(), make_host(), make_secret()]
    objects += [*make_machine("m-0"), *make_machine("m-1")]
    async with world(*objects) as w:

        async def winner():
            machines = await w.list(infrav1.Metal3Machine)
            return next((m.metadata.name for m in machines if is_provisioned(m)), None)

        first = await w.until(winner)
        other = {"m-0": "m-1", "m-1": "m-0"}[first]
        await w.delete(infrav1.Metal3Machine, first)
        await w.machine(other, is_provisioned, limit=60)


async def test_a_deletion_in_the_middle_leaves_no_host_behind(
    world, make_cluster, make_machine, make_host, make_secret
):
    """Deleted at any moment, a machine ends and its host is free again."""
    for moment in (0.0, 0.1, 0.4, 1.0, 2.0):
        objects = [*make_cluster(), *make_machine(), make_host(), make_secret()]
        async with world(*objects) as w:
            await asyncio.sleep(moment)
            await w.delete(infrav1.Metal3Machine, "m-0")
            await w.gone(infrav1.Metal3Machine, "m-0")

            async def free():
                host = await w.get(metal3api.BareMetalHost, "host-0")
                state = host.status.provisioning.state
                return host.spec.consumer_ref is None and state == "available"

            await w.until(free)


@pytest.mark.parametrize("with_bootstrap_provider", [True, False])
async def test_nodes_are_given_the_provider_id(
    world, make_cluster, make_machine, make_host, make_secret, make_workload,
    with_bootstrap_provider,
):  # fmt: skip
    """Without a cloud provider: found by the host's uid, the node gets its provider ID."""
    workload = make_workload()
    machine, *rest = make_machine()
    if with_bootstrap_provider:
        machine.spec.bootstrap.config_ref = clusterv1.ContractReference(
            api_group="bootstrap.cluster.x-k8s.io", kind="KubeadmConfig", name="m-0"
        )
    host = make_host()
    objects = [*make_cluster(), machine, *rest, host, make_secret()]
    async with world(*objects, workload=workload) as w:
        if with_bootstrap_provider:
            await w.machine("m-0", lambda m: "waiting for a node" in _why(m))
        uid = (await w.get(metal3api.BareMetalHost, "host-0")).metadata.uid
        node = corev1.Node.named("n-0")
        node.metadata.labels = {infrav1.NODE_UUID_LABEL: uid}
        await workload.remote.create(node)
        m3m = await w.machine("m-0", is_provisioned, limit=180)
        assert m3m.spec.provider_id == "metal3://metal3/host-0/m-0"
        if with_bootstrap_provider:
            (node,) = await workload.nodes(None, {})
            assert node.spec.provider_id == m3m.spec.provider_id


async def test_with_a_cloud_provider_nodes_are_only_read(
    world, make_cluster, make_machine, make_host, make_secret, make_workload
):
    """The cloud provider sets the ID; the machine waits for it."""
    workload = make_workload()
    objects = [*make_cluster(cloudProviderEnabled=True), *make_machine()]
    async with world(*objects, make_host(), make_secret(), workload=workload) as w:
        await w.machine("m-0", lambda m: "cloud provider" in _why(m))
        node = corev1.Node.named("n-0")
        node.spec.provider_id = "metal3://metal3/host-0/m-0"
        await workload.remote.create(node)
        await w.machine("m-0", is_provisioned, limit=180)


def _why(m3m):
    found = condition(m3m, "AssociateMetal3MachineMetaData")
    return found.message if found is not None else ""


@pytest.mark.parametrize(
    ("missing", "reason"),
    [
        ("owner", "WaitingForMetal3MachineOwnerRef"),
        ("infrastructure", "WaitingForClusterInfrastructureReady"),
        ("metal3cluster", "WaitingforMetal3Cluster"),
        ("bootstrap", "WaitingForBootstrapData"),
    ],
)
async def test_what_a_machine_waits_for_before_it_looks_for_a_host(
    world, make_cluster, make_machine, make_host, make_secret, missing, reason
):
    """Each gate has its reason, and goes on when what it waits for is there."""
    cluster, m3c = make_cluster()
    machine, m3m, user_data = make_machine()
    owners = m3m.metadata.owner_references
    if missing == "owner":
        m3m.metadata.owner_references = []
    if missing == "infrastructure":
        cluster.status.initialization.infrastructure_provisioned = False
    if missing == "bootstrap":
        machine.spec.bootstrap.data_secret_name = None
    objects = [cluster, machine, m3m, user_data, make_host(), make_secret()]
    if missing != "metal3cluster":
        objects.append(m3c)
    async with world(*objects) as w:

        def waits(m):
            found = condition(m, "AssociateBareMetalHost")
            return found is not None and found.reason == reason

        await w.machine("m-0", waits)
        match missing:
            case "owner":
                await w.edit(
                    infrav1.Metal3Machine,
                    "m-0",
                    lambda m: setattr(m.metadata, "owner_references", owners),
                )
            case "infrastructure":
                found = await w.get(clusterv1.Cluster, "c")
                found.status.initialization.infrastructure_provisioned = True
                await w.client.status.update(found)
            case "metal3cluster":
                await w.client.create(m3c)
            case _:
                await w.edit(
                    clusterv1.Machine,
                    "m-0",
                    lambda m: setattr(m.spec.bootstrap, "data_secret_name", "m-0-bootstrap"),
                )
        await w.machine("m-0", is_provisioned, limit=60)


async def test_a_host_that_vanished_is_told_and_does_not_block_the_deletion(
    world, make_cluster, make_machine, make_host, make_secret
):
    """The machine is not moved to another host by itself; deleting it works."""
    objects = [*make_cluster(), *make_machine(), make_host(), make_secret()]
    async with world(*objects) as w:
        await w.machine("m-0", is_provisioned)

        def strip(host):
            host.metadata.annotations[metal3api.PAUSED_ANNOTATION] = "by hand"
            host.metadata.finalizers = []

        await w.edit(metal3api.BareMetalHost, "host-0", strip)
        await w.delete(metal3api.BareMetalHost, "host-0")
        m3m = await w.machine(
            "m-0", lambda m: condition(m, "AssociateBareMetalHost").reason == "BareMetalHostGone"
        )
        assert m3m.status.deprecated.v_1_beta_1.failure_message
        await w.delete(infrav1.Metal3Machine, "m-0")
        await w.gone(infrav1.Metal3Machine, "m-0")


async def test_a_paused_cluster_pauses_its_hosts(
    world, make_cluster, make_machine, make_host, make_secret
):
    """For a move: the host's status is in its annotation; afterwards all goes on."""
    objects = [*make_cluster(), *make_machine(), make_host(), make_secret()]
    async with world(*objects) as w:
        await w.machine("m-0", is_provisioned)
        await w.edit(clusterv1.Cluster, "c", lambda c: setattr(c.spec, "paused", True))

        async def host_is_paused():
            host = await w.get(metal3api.BareMetalHost, "host-0")
            notes = host.metadata.annotations
            return notes.get(metal3api.PAUSED_ANNOTATION) == metal3api.PAUSED_BY_CAPM3 and notes

        notes = await w.until(host_is_paused)
        assert '"provisioned"' in notes[metal3api.STATUS_ANNOTATION]
        assert clusterv1.BLOCK_MOVE_ANNOTATION not in notes
        m3m = await w.get(infrav1.Metal3Machine, "m-0")
        assert condition(m3m, "Paused").status == "True"
        await w.edit(clusterv1.Cluster, "c", lambda c: setattr(c.spec, "paused", False))

        async def host_goes_on():
            host = await w.get(metal3api.BareMetalHost, "host-0")
            return metal3api.PAUSED_ANNOTATION not in host.metadata.annotations

        await w.until(host_goes_on)
