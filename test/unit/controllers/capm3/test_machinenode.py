"""How a machine finds its node, and who sets the provider ID: every path there is."""

import pytest

from metal3.api.cluster_x_k8s_io import v1beta2 as clusterv1
from metal3.api.core import v1 as corev1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.controllers.capm3.environment import Environment
from metal3.controllers.capm3.machinenode import MachineNode
from metal3.controllers.capm3.providerid import NodeConflictError
from metal3.controllers.capm3.related import Scope
from metal3.runtime.client.fake import FakeClient
from metal3.runtime.recorder import FakeRecorder

ID = "metal3://metal3/host-0/m-0"
UID = "uid-of-host"
UUID = {infrav1.NODE_UUID_LABEL: UID}


def node(name="n", provider_id="", **labels):
    """A node of the workload cluster."""
    obj = corev1.Node.named(name)
    obj.metadata.labels = labels
    obj.spec.provider_id = provider_id
    return obj


class Case:
    """A machine on a provisioned host, and its workload cluster."""

    def __init__(self, workload, cluster, machine, host):
        self.workload = workload
        machine, m3m, _ = machine
        host.metadata.uid = UID
        m3m.status.addresses = [infrav1.MachineAddress(type="Hostname", address="me")]
        self.m3m, self.machine, self.host, self.m3c = m3m, machine, host, cluster[1]
        self.scope = Scope(m3m=m3m, machine=machine, cluster=cluster[0], m3c=cluster[1])
        client = FakeClient()
        self.env = Environment(
            client=client, live=client, recorder=FakeRecorder(), workload=workload
        )

    def with_bootstrap_provider(self):
        """As with kubeadm, not with user data of the user's own."""
        self.machine.spec.bootstrap.config_ref = clusterv1.ContractReference(
            api_group="bootstrap.cluster.x-k8s.io", kind="KubeadmConfig", name="m-0"
        )

    async def settle(self, *nodes):
        """What is waited for, with these nodes there."""
        for obj in nodes:
            await self.workload.remote.create(obj)
        return await MachineNode(env=self.env).settle(self.scope, self.host)

    async def ids(self):
        """Provider IDs of all nodes."""
        return {n.metadata.name: n.spec.provider_id for n in await self.workload.nodes(None, {})}


@pytest.fixture
def case(make_workload, make_cluster, make_machine, make_host):
    """The case; no cloud provider, user data of the user's own."""
    return Case(make_workload(), make_cluster(), make_machine(), make_host())


async def test_a_node_that_carries_the_id_is_the_machines(case):
    """Its kubelet was told; nothing is written."""
    assert not await case.settle(node(provider_id=ID), node("other", "metal3://metal3/h/x"))
    assert case.m3m.spec.provider_id == ID


async def test_the_id_of_releases_before_1_14_is_kept(case):
    """A node cannot change its ID; the machine takes it over."""
    assert not await case.settle(node(provider_id=f"metal3://{UID}"))
    assert case.m3m.spec.provider_id == f"metal3://{UID}"


async def test_an_id_that_was_set_before_is_looked_for(case):
    """As after a move, when only the status was lost."""
    case.m3m.spec.provider_id = "metal3://metal3/host-0/earlier-name"
    case.with_bootstrap_provider()
    assert "earlier-name" in await case.settle()
    assert not await case.settle(node(provider_id="metal3://metal3/host-0/earlier-name"))


async def test_a_node_known_by_the_hosts_uid_gets_the_id(case):
    """The usual way without a cloud provider."""
    case.with_bootstrap_provider()
    assert "waiting for a node" in await case.settle()
    assert not await case.settle(node("mine", **UUID), node("other"))
    assert await case.ids() == {"mine": ID, "other": ""}
    assert case.m3m.spec.provider_id == ID


async def test_a_node_with_an_id_of_somebody_else_is_not_touched(case):
    """Its label says it is ours, its ID something else: IDs are never changed."""
    assert not await case.settle(node("mine", "aws://x", **UUID))
    assert await case.ids() == {"mine": "aws://x"}


async def test_own_user_data_needs_no_label(case):
    """The host name does; and without any node the machine is named all the same."""
    assert not await case.settle()
    assert case.m3m.spec.provider_id == ID
    assert not await case.settle(node("mine", **{"kubernetes.io/hostname": "me"}))
    assert await case.ids() == {"mine": ID}


async def test_a_host_name_of_two_nodes_says_nothing(case):
    """Neither is touched."""
    label = {"kubernetes.io/hostname": "me"}
    assert not await case.settle(node("a", **label), node("b", **label))
    assert await case.ids() == {"a": "", "b": ""}


async def test_with_a_cloud_provider_nodes_are_only_read(case):
    """It sets the ID; the machine waits for that."""
    case.m3c.spec.cloud_provider_enabled = True
    assert "cloud provider" in await case.settle(node("mine", **UUID))
    assert await case.ids() == {"mine": ""}
    assert not await case.settle(node("late", provider_id=ID))


@pytest.mark.parametrize(
    ("nodes", "text"),
    [
        ([node("a", ID), node("b", ID)], "several nodes claim host host-0: a, b"),
        (
            [node("a", ID), node("b", "metal3://metal3/host-0/old")],
            "several nodes claim host host-0: a, b",
        ),
        ([node("a", **UUID), node("b", **UUID)], "several nodes are labelled"),
    ],
)
async def test_two_nodes_of_one_host_need_a_person(case, nodes, text):
    """Nothing is guessed, and the nodes are named."""
    with pytest.raises(NodeConflictError, match=text):
        await case.settle(*nodes)
    assert case.m3m.spec.provider_id is None


@pytest.mark.parametrize(
    ("cloud", "bootstrap", "waits"),
    [(False, False, False), (False, True, True), (True, False, True), (True, True, True)],
)
async def test_a_cluster_that_cannot_be_asked(case, cloud, bootstrap, waits):
    """Only a machine that needs nothing of it goes on."""
    case.workload.reachable = False
    case.m3c.spec.cloud_provider_enabled = cloud
    if bootstrap:
        case.with_bootstrap_provider()
    assert bool(await case.settle()) is waits
    assert (case.m3m.spec.provider_id is None) is waits
