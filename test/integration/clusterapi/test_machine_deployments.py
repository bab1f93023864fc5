"""Machines of a MachineDeployment, made, replaced and unmade by the real Cluster API."""

import pytest

from metal3.api.core import v1 as corev1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.ipam_metal3_io import v1alpha1 as ipamv1
from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.types import NamespacedName

from .kinds import Cluster, Machine, MachineDeployment, at
from .machines import node_name

pytestmark = [
    pytest.mark.kube,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("cluster-api"),
]
SECOND_TEMPLATE = """
apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
kind: Metal3MachineTemplate
metadata: {name: md-2}
spec:
  nodeReuse: %s
  template:
    spec:
      hostSelector: {matchLabels: {role: worker}}
      image: {url: "http://images/two.qcow2", checksum: def}
      dataTemplate: {name: data}
"""
USE_SECOND = {"spec": {"template": {"spec": {"infrastructureRef": {"name": "md-2"}}}}}


async def scale(ground, replicas):
    """As ``kubectl scale`` does it."""
    await ground.patch(MachineDeployment, "md", {"spec": {"replicas": replicas}})


async def roll_out(ground, *, reuse=False):
    """Another image, by way of another template."""
    await ground.create(SECOND_TEMPLATE % str(reuse).lower())
    await ground.patch(MachineDeployment, "md", USE_SECOND)


async def addresses(ground):
    """Those that are given away."""
    return {one.spec.address for one in await ground.every(ipamv1.IPAddress)}


async def test_machines_are_scaled_up_and_down(ground):
    """Each gets a host, an address and a node of its own, and gives all of it back."""
    await ground.cluster()
    for number in range(3):
        await ground.host(f"host-{number}")
    await ground.deployment(1)
    ((machine, host),) = (await ground.running(1)).items()
    m3m = await ground.get(infrav1.Metal3Machine, machine)
    assert m3m.spec.provider_id == f"metal3://{ground.namespace}/{host}/{machine}"
    assert metav1.is_condition_true(m3m.status.conditions, "Ready")
    node = NamespacedName("", node_name(ground.key(host)))
    assert (
        await ground.stage.remote.get(corev1.Node, node)
    ).spec.provider_id == m3m.spec.provider_id
    assert len(await addresses(ground)) == 1

    await scale(ground, 3)
    hosts = await ground.running(3)
    assert sorted(hosts.values()) == ["host-0", "host-1", "host-2"]
    assert len(await addresses(ground)) == 3

    await scale(ground, 0)
    await ground.running(0)
    for name in hosts.values():
        free = await ground.in_state(name, "available")
        assert free.spec.consumer_ref is None
        assert ground.stage.backend.machine(ground.key(name)).disk is None

    async def given_back():
        return not await addresses(ground)

    await ground.until(given_back)


async def test_a_new_template_rolls_out(ground):
    """Machine by machine, on other hosts, and the old hosts are clean afterwards."""
    await ground.cluster()
    for number in range(3):
        await ground.host(f"host-{number}")
    await ground.deployment(2)
    before = await ground.running(2)
    await roll_out(ground)

    async def replaced():
        found = await ground.running(2)
        return found if not found.keys() & before.keys() else None

    after = await ground.until(replaced)
    for name in after.values():
        assert ground.stage.backend.machine(ground.key(name)).disk.url == "http://images/two.qcow2"
    (spare,) = {"host-0", "host-1", "host-2"} - set(after.values())
    await ground.in_state(spare, "available")


async def test_nodes_are_reused_in_a_rollout(ground):
    """The new machine is on the old one's host, though others are free."""
    await ground.cluster()
    await ground.host("host-0")
    await ground.deployment(1, reuse=True, surge=0, unavailable=1)
    ((old, _),) = (await ground.running(1)).items()
    for number in range(1, 4):
        await ground.host(f"host-{number}")
        await ground.in_state(f"host-{number}", "available")
    await roll_out(ground, reuse=True)

    async def replaced():
        found = await ground.running(1)
        return found if old not in found else None

    ((new, host),) = (await ground.until(replaced)).items()
    assert host == "host-0"
    m3m = await ground.get(infrav1.Metal3Machine, new)
    condition = metav1.find_condition(m3m.status.conditions, "AssociateBareMetalHost")
    assert condition is not None
    assert condition.reason == "AssociateBareMetalHostViaNodeReuseSuccess"
    assert ground.stage.backend.machine(ground.key("host-0")).disk.url == "http://images/two.qcow2"


async def test_nothing_happens_while_the_cluster_is_paused(ground):
    """Hosts are at rest, and all goes on when the pause ends."""
    await ground.cluster()
    await ground.host("host-0")
    await ground.host("host-1")
    await ground.deployment(1)
    ((machine, host),) = (await ground.running(1)).items()
    await ground.patch(Cluster, "c", {"spec": {"paused": True}})

    async def paused():
        found = await ground.get(metal3api.BareMetalHost, host)
        m3m = await ground.get(infrav1.Metal3Machine, machine)
        return metal3api.is_paused(found) and metav1.is_condition_true(
            m3m.status.conditions, "Paused"
        )

    await ground.until(paused)
    await scale(ground, 2)
    await ground.client.delete(await ground.get(infrav1.Metal3Machine, "cp"))
    hardware = ground.stage.backend.machine(ground.key("cp"))
    assert hardware.disk is not None
    await ground.patch(Cluster, "c", {"spec": {"paused": False}})
    await ground.running(2)
    await ground.gone(infrav1.Metal3Machine, "cp")
    assert hardware.disk is None
    assert not metal3api.is_paused(await ground.get(metal3api.BareMetalHost, host))


async def test_a_deleted_cluster_leaves_clean_hosts(ground):
    """Machines first, then the infrastructure of the Cluster, then the Cluster itself."""
    await ground.cluster()
    await ground.host("host-0")
    await ground.deployment(1, reuse=True)
    await ground.running(1)
    await ground.client.delete(await ground.get(Cluster, "c"))
    await ground.gone(Cluster, "c")
    for kind in (Machine, infrav1.Metal3Machine, infrav1.Metal3Data, infrav1.Metal3DataClaim):
        assert not await ground.every(kind), kind
    for name in ("cp", "host-0"):
        host = await ground.in_state(name, "available")
        assert host.spec.consumer_ref is None
        assert infrav1.NODE_REUSE_LABEL not in host.metadata.labels
    assert not await addresses(ground)


async def test_a_machine_waits_for_a_host_and_says_so(ground):
    """The reason reaches the Machine, where Cluster API's users look."""
    await ground.cluster()
    await ground.host("other", role="storage")
    await ground.deployment(1)

    async def said():
        found = await ground.machines()
        text = [str(at(one, "status.conditions")) for one in found]
        return text and "no available host found" in text[0] and "label mismatch on role" in text[0]

    await ground.until(said)
    await ground.host("host-0")
    assert (await ground.running(1)).popitem()[1] == "host-0"
