"""The samples of a ClusterClass, on the real topology controller."""

import asyncio

import pytest

from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.metal3_io import v1alpha1 as metal3api

from . import manifests
from .kinds import Cluster, KubeadmControlPlane, Machine, MachineDeployment, at
from .kubeadm import Kubeadm

pytestmark = [
    pytest.mark.kube,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("cluster-api"),
]
SAMPLES = manifests.TOP / "config/samples/clusterclass"


async def apply(ground, name):
    """A file of the samples."""
    await ground.create(await asyncio.to_thread((SAMPLES / name).read_text))


def new_image(name):
    """The variable that all machines of the class take their image from."""
    return {"url": f"http://images.example/{name}", "checksum": "abc"}


async def test_the_sample_becomes_a_cluster_and_follows_its_variables(ground):
    """Every variable arrives in a host; another image rolls out; nothing is left in the end."""
    kubeconfig = await asyncio.to_thread(ground.stage.workload.kubeconfig.read_text)
    async with asyncio.TaskGroup() as tasks:
        double = tasks.create_task(Kubeadm(client=ground.client, kubeconfig=kubeconfig).run())
        await ground.host("cp", role="control-plane")
        for number in range(2):
            await ground.host(f"host-{number}")
        await apply(ground, "clusterclass.yaml")
        await apply(ground, "cluster.yaml")

        async def running():
            found = await ground.every(Machine)
            up = [m.metadata.name for m in found if at(m, "status.phase") == "Running"]
            return up if len(up) == len(found) == 2 else None

        machines = await ground.until(running)
        m3c = (await ground.every(infrav1.Metal3Cluster))[0]
        assert (m3c.spec.control_plane_endpoint.host, m3c.spec.control_plane_endpoint.port) == (
            "192.0.2.5",
            6443,
        )
        taken = [h for h in await ground.every(metal3api.BareMetalHost) if h.spec.consumer_ref]
        assert {host.metadata.labels["role"] for host in taken} == {"control-plane", "worker"}
        for host in taken:
            assert host.spec.image.url == "http://images.example/node.qcow2"
            assert host.spec.network_data.name.endswith("-networkdata")
        cluster = await ground.get(Cluster, "sample")
        variables = at(cluster, "spec.topology.variables")
        variables.append({"name": "workerImage", "value": new_image("worker.qcow2")})
        body = {"spec": {"topology": {"variables": variables}}}
        await ground.patch(Cluster, "sample", body)

        async def rolled_out():
            found = await running()
            return found and len(set(found) - set(machines)) == 1

        await ground.until(rolled_out)
        urls = {
            host.spec.image.url
            for host in await ground.every(metal3api.BareMetalHost)
            if host.spec.consumer_ref
        }
        assert urls == {"http://images.example/node.qcow2", "http://images.example/worker.qcow2"}
        await ground.client.delete(await ground.get(Cluster, "sample"))
        await ground.gone(Cluster, "sample")
        for kind in (MachineDeployment, KubeadmControlPlane, infrav1.Metal3Machine):
            assert not await ground.every(kind), kind
        double.cancel()
