"""Metal3Clusters: ready once their endpoint is known, and gone after their machines."""

from datetime import UTC, datetime

import pytest

from metal3.api.cluster_x_k8s_io import v1beta2 as clusterv1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.meta import v1 as metav1
from metal3.controllers.capm3.environment import Environment
from metal3.controllers.capm3.metal3cluster_controller import Metal3ClusterReconciler
from metal3.runtime.client import NotFoundError
from metal3.runtime.client.fake import FakeClient
from metal3.runtime.reconcile import Request
from metal3.runtime.recorder import FakeRecorder

NS = "metal3"
KEY = Request(NS, "c")
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def look(make_workload):
    """Looks at the Metal3Cluster ``c`` of a client; what it is then, None when it is gone."""

    async def run(client):
        env = Environment(
            client=client,
            live=client,
            recorder=FakeRecorder(),
            workload=make_workload(),
            now=lambda: NOW,
        )
        await Metal3ClusterReconciler(env=env).reconcile(KEY)
        try:
            return await client.get(infrav1.Metal3Cluster, KEY)
        except NotFoundError:
            return None

    return run


def said(m3c):
    """Conditions as pairs, in both forms."""
    new = {c.type: (c.status, c.reason) for c in m3c.status.conditions}
    old = m3c.status.deprecated.v_1_beta_1 if m3c.status.deprecated else None
    return new, {c.type: (c.status, c.severity) for c in old.conditions} if old else {}


async def test_a_cluster_with_an_endpoint_is_ready(look, make_cluster):
    """Both sets of conditions, failure domains and the contract's field say so."""
    domains = [{"name": "a", "controlPlane": True}, {"name": "b"}]
    m3c = await look(FakeClient(*make_cluster(failureDomains=domains)))
    assert m3c.status.initialization.provisioned is True
    assert [d.name for d in m3c.status.failure_domains] == ["a", "b"]
    assert m3c.metadata.finalizers == [infrav1.CLUSTER_FINALIZER]
    new, old = said(m3c)
    assert new == {
        "Paused": ("False", "NotPaused"),
        "BaremetalInfrastructureReady": ("True", "Ready"),
        "Ready": ("True", "Ready"),
    }
    assert old == {"BaremetalInfrastructureReady": ("True", None), "Ready": ("True", None)}
    assert m3c.status.last_updated == "2026-01-02T03:04:05Z"


async def test_nothing_is_written_when_nothing_changed(look, make_cluster):
    """A second look costs no write."""
    client = FakeClient(*make_cluster())
    before = await look(client)
    after = await look(client)
    assert before.metadata.resource_version == after.metadata.resource_version


@pytest.mark.parametrize(
    ("endpoint", "field"),
    [
        (None, "spec.controlPlaneEndpoint.host"),
        ({"port": 6443}, "spec.controlPlaneEndpoint.host"),
        ({"host": "192.0.2.1"}, "spec.controlPlaneEndpoint.port"),
    ],
)
async def test_an_endpoint_that_is_incomplete_is_told_and_heals(
    look, make_cluster, endpoint, field
):
    """The field is named; what v1beta1 calls a failure goes when it is set."""
    client = FakeClient(*make_cluster(controlPlaneEndpoint=endpoint))
    m3c = await look(client)
    new, old = said(m3c)
    assert new["BaremetalInfrastructureReady"] == ("False", "InvalidConfiguration")
    assert new["Ready"] == ("False", "NotReady")
    assert old["BaremetalInfrastructureReady"] == ("False", "Error")
    deprecated = m3c.status.deprecated.v_1_beta_1
    assert deprecated.failure_reason == "InvalidConfiguration"
    assert field in deprecated.failure_message
    assert m3c.status.initialization is None

    m3c.spec.control_plane_endpoint = infrav1.APIEndpoint(host="192.0.2.1", port=6443)
    await client.update(m3c)
    m3c = await look(client)
    assert m3c.status.initialization.provisioned
    assert m3c.status.deprecated.v_1_beta_1.failure_reason is None


async def test_without_an_owner_nothing_happens(look, make_cluster):
    """Cluster API sets it; the finalizer waits for that, too."""
    _, m3c = make_cluster()
    m3c.metadata.owner_references = []
    found = await look(FakeClient(m3c))
    assert found.metadata.finalizers == []
    assert found.status.conditions == []


@pytest.mark.parametrize("how", ["cluster", "annotation"])
async def test_a_paused_cluster_says_so(look, make_cluster, how):
    """And nothing else is done."""
    cluster, m3c = make_cluster()
    if how == "cluster":
        cluster.spec.paused = True
    else:
        m3c.metadata.annotations = {"cluster.x-k8s.io/paused": ""}
    found = await look(FakeClient(cluster, m3c))
    assert said(found)[0] == {"Paused": ("True", "Paused")}
    assert found.metadata.finalizers == []


async def test_a_cluster_managed_by_others_is_theirs(look, make_cluster):
    """The contract's annotation keeps the provider away."""
    cluster, m3c = make_cluster()
    m3c.metadata.annotations = {"cluster.x-k8s.io/managed-by": "somebody"}
    found = await look(FakeClient(cluster, m3c))
    assert found.status.conditions == []


async def test_machines_go_first(look, make_cluster, make_machine):
    """Machines find their settings in it."""
    machine = make_machine()[0]
    client = FakeClient(*make_cluster(), machine)
    m3c = await look(client)
    await client.delete(m3c)
    m3c = await look(client)
    assert said(m3c)[0]["Ready"] == ("False", "Deleting")
    found = metav1.find_condition(m3c.status.conditions, "BaremetalInfrastructureReady")
    assert found is not None
    assert found.message == "waiting for 1 Machines to go"
    await client.delete(await client.get(clusterv1.Machine, Request(NS, "m-0")))
    assert await look(client) is None


async def test_a_metal3cluster_that_is_gone_needs_nothing(look):
    """A late wake-up is no error."""
    assert await look(FakeClient()) is None
