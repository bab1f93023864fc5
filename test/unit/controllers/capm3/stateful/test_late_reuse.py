"""A machine tells that its host was kept for it, wherever the pass that took it was cut short."""

import asyncio

import pytest

from metal3.api.core import v1 as corev1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.client.fake import FakeClient
from metal3.runtime.types import NamespacedName

M3M = NamespacedName("metal3", "m-0")
CONTROL_PLANE = metav1.OwnerReference.from_dict(
    {
        "apiVersion": "controlplane.cluster.x-k8s.io/v1beta2",
        "kind": "KubeadmControlPlane",
        "name": "kcp",
        "uid": "1",
        "controller": True,
    }
)


@pytest.fixture
def client(make_cluster, make_machine, make_available_host):
    """A host is kept for the next machine of a control plane, which is there."""
    machine, *others = make_machine("m-0")
    machine.metadata.owner_references = [CONTROL_PLANE]
    host = make_available_host("h")
    host.metadata.labels[infrav1.NODE_REUSE_LABEL] = "cp-kcp"
    host.spec.consumer_ref = metal3api.ObjectReference(
        api_version="cluster.x-k8s.io/v1beta2", kind="Cluster", name="c", namespace="metal3"
    )
    objects = [*make_cluster(), machine, *others, host]
    return FakeClient(*objects, without_status=(corev1.Secret,))


class Interrupted:
    """A connection on which something happens just before, or just after, the claim of a host."""

    def __init__(self, client, *, before=None, after=None) -> None:
        self.client, self.before, self.after = client, before, after

    def __getattr__(self, name):
        """Everything else is as usual."""
        return getattr(self.client, name)

    async def patch(self, obj, change, **kwargs):
        """Claims are interrupted."""
        is_claim = isinstance(obj, metal3api.BareMetalHost) and "consumerRef" in change.body["spec"]
        if is_claim and self.before:
            await self.before()
        done = await self.client.patch(obj, change, **kwargs)
        if is_claim and self.after:
            await self.after()
        return done


async def how(client):
    """How the machine came by its host, as its condition says."""
    m3m = await client.get(infrav1.Metal3Machine, M3M)
    condition = metav1.find_condition(m3m.status.conditions, "AssociateBareMetalHost")
    assert condition is not None
    return condition.status, condition.reason


@pytest.mark.looptime(start=0)
async def test_somebody_changes_the_machine_after_the_claim(client, start_provider):
    """The write of the condition is refused, and the next pass finds the host without a trace."""

    async def label():
        m3m = await client.get(infrav1.Metal3Machine, M3M)
        m3m.metadata.labels["touched"] = "yes"
        await client.update(m3m)

    async with start_provider(Interrupted(client, after=label)):
        await asyncio.sleep(5)
    assert await how(client) == ("True", "AssociateBareMetalHostViaNodeReuseSuccess")
    m3m = await client.get(infrav1.Metal3Machine, M3M)
    assert m3m.metadata.labels["touched"] == "yes"


@pytest.mark.looptime(start=0)
async def test_the_next_process_claims_the_host_that_was_wished_for(client, start_provider):
    """The first one died between the wish and the claim."""
    reached = asyncio.Event()

    async def die():
        reached.set()
        await asyncio.Event().wait()

    async with start_provider(Interrupted(client, before=die)):
        await reached.wait()
    host = await client.get(metal3api.BareMetalHost, NamespacedName("metal3", "h"))
    assert host.spec.consumer_ref.kind == "Cluster"
    async with start_provider(client):
        await asyncio.sleep(5)
    assert await how(client) == ("True", "AssociateBareMetalHostViaNodeReuseSuccess")
