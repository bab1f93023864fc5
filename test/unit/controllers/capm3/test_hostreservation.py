"""Reservations for node reuse end with whom they were for, and not before."""

from datetime import UTC, datetime, timedelta

import pytest

from metal3.api.cluster_x_k8s_io import v1beta2 as clusterv1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers.capm3.environment import Environment
from metal3.controllers.capm3.hostreservation_controller import GRACE, HostReservationReconciler
from metal3.runtime.client.fake import FakeClient
from metal3.runtime.reconcile import Request
from metal3.runtime.recorder import FakeRecorder

NS = "metal3"
NOW = datetime(2026, 5, 1, tzinfo=UTC)
HOST = Request(NS, "h")
CLUSTER_REF = {"apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "Cluster", "name": "c"}
MACHINE_REF = {
    "apiVersion": "infrastructure.cluster.x-k8s.io/v1beta2",
    "kind": "Metal3Machine",
    "name": "m",
}


def host(label, consumer=CLUSTER_REF, **annotations):
    """A host that is reserved, unless its label is empty."""
    return metal3api.BareMetalHost.from_dict(
        {
            "metadata": {
                "name": "h",
                "namespace": NS,
                "labels": {infrav1.NODE_REUSE_LABEL: label} if label else {},
                "annotations": annotations,
                "creationTimestamp": "2026-04-01T00:00:00Z",
            },
            "spec": {"consumerRef": consumer} if consumer else {},
        }
    )


def cluster(control_plane=None, *, paused=False):
    """The Cluster, with a control plane of this name."""
    spec = {"paused": paused}
    if control_plane:
        spec["controlPlaneRef"] = {
            "apiGroup": "controlplane.cluster.x-k8s.io",
            "kind": "KubeadmControlPlane",
            "name": control_plane,
        }
    return clusterv1.Cluster.from_dict({"metadata": {"name": "c", "namespace": NS}, "spec": spec})


def machine_set(deployment):
    """A MachineSet of a MachineDeployment."""
    owner = {
        "apiVersion": "cluster.x-k8s.io/v1beta2",
        "kind": "MachineDeployment",
        "name": deployment,
        "uid": "1",
        "controller": True,
    }
    return clusterv1.MachineSet.from_dict(
        {"metadata": {"name": "ms", "namespace": NS, "ownerReferences": [owner]}}
    )


@pytest.fixture
def look(make_workload):
    """Looks once at the host among other objects; the host then, the Events, and the result."""

    async def run(*objects, now=NOW, live=()):
        client = FakeClient(*objects)
        env = Environment(
            client=client,
            live=FakeClient(*objects, *live),
            recorder=FakeRecorder(),
            workload=make_workload(),
            now=lambda: now,
        )
        result = await HostReservationReconciler(env=env).reconcile(HOST)
        return await client.get(metal3api.BareMetalHost, HOST), env.recorder, result

    return run


def is_reserved(obj):
    """Whether the label is there."""
    return infrav1.NODE_REUSE_LABEL in obj.metadata.labels


@pytest.mark.parametrize(
    "objects",
    [
        pytest.param([host("md-a"), cluster("cp")], id="no-machine-set"),
        pytest.param([host("md-a"), cluster("cp"), machine_set("b")], id="other-deployment"),
        pytest.param([host("md-a"), machine_set("a")], id="cluster-gone"),
        pytest.param([host("cp-a"), cluster("b")], id="other-control-plane"),
        pytest.param([host("cp-a")], id="no-cluster"),
        pytest.param([host("cp-a", consumer=None), cluster("b")], id="label-only"),
    ],
)
async def test_a_reservation_ends_with_its_owner(look, objects):
    """Label and consumer go, and an Event on the host says so."""
    found, recorder, _ = await look(*objects)
    assert not is_reserved(found)
    assert found.spec.consumer_ref is None
    assert [event.reason for event in recorder.events] == ["ReservationEnded"]


@pytest.mark.parametrize(
    "objects",
    [
        pytest.param([host("md-a"), cluster("cp"), machine_set("a")], id="deployment"),
        pytest.param([host("cp-a"), cluster("a")], id="control-plane"),
        pytest.param([host("cp-a"), cluster()], id="control-plane-not-known"),
        pytest.param([host("cp-a", consumer=None), cluster("a")], id="label-only"),
        pytest.param([host("md-a"), cluster(paused=True)], id="cluster-paused"),
        pytest.param([host("rack-7"), cluster("cp")], id="somebodys-own-label"),
        pytest.param([host("md-a", consumer=MACHINE_REF), cluster("cp")], id="in-use"),
        pytest.param(
            [host("md-a", **{metal3api.PAUSED_ANNOTATION: ""}), cluster("cp")], id="host-paused"
        ),
    ],
)
async def test_a_reservation_that_may_be_needed_stays(look, objects):
    """Also when nobody can tell."""
    found, recorder, _ = await look(*objects)
    assert is_reserved(found)
    assert recorder.events == []


async def test_a_young_host_is_looked_at_later(look):
    """It may have come with a move whose other objects are still on their way."""
    now = datetime(2026, 4, 1, 0, 10, tzinfo=UTC)
    found, _, result = await look(host("md-a"), now=now)
    assert is_reserved(found)
    assert result.requeue_after == GRACE - timedelta(minutes=10)


async def test_a_cache_that_is_behind_ends_nothing(look):
    """The server is asked before."""
    found, _, _ = await look(host("md-a"), live=[cluster("cp"), machine_set("a")])
    assert is_reserved(found)


async def test_a_host_nobody_reserved_is_left_alone(look):
    """Nor one that is gone meanwhile."""
    found, recorder, _ = await look(host(""))
    assert found.spec.consumer_ref.kind == "Cluster"
    assert recorder.events == []


@pytest.mark.looptime(start=0)
async def test_the_end_of_a_deployment_wakes_the_host(world, make_host, make_secret):
    """Its last MachineSet goes, the host is free for others at once."""
    reserved = make_host("h")
    reserved.metadata.labels[infrav1.NODE_REUSE_LABEL] = "md-a"
    reserved.metadata.creation_timestamp = "2026-01-01T00:00:00Z"
    reserved.spec.consumer_ref = metal3api.ObjectReference.from_dict(CLUSTER_REF)
    async with world(cluster("cp"), machine_set("a"), reserved, make_secret()) as w:

        async def free():
            return not is_reserved(await w.get(metal3api.BareMetalHost, "h"))

        async def available():
            found = await w.get(metal3api.BareMetalHost, "h")
            return found.status.provisioning.state == "available"

        await w.until(available)
        assert not await free()
        await w.delete(clusterv1.MachineSet, "ms")
        await w.until(free, limit=5)
