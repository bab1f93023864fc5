"""Remediations: power first, then the node; and giving up in a way Cluster API understands."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from metal3.api.cluster_x_k8s_io import v1beta2 as clusterv1
from metal3.api.core import v1 as corev1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers.capm3 import INDEXES
from metal3.controllers.capm3.environment import Environment
from metal3.controllers.capm3.hostspec import claim
from metal3.controllers.capm3.metal3labelsync_controller import Metal3LabelSyncReconciler
from metal3.controllers.capm3.metal3remediation_controller import Metal3RemediationReconciler
from metal3.controllers.capm3.remediationnode import TAINT_KEY
from metal3.runtime.client import NotFoundError
from metal3.runtime.client.fake import FakeClient
from metal3.runtime.reconcile import Request
from metal3.runtime.recorder import FakeRecorder

NS = "metal3"
KEY = Request(NS, "m-0")
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


class Case:
    """A machine with a node, on a host whose power the test sets."""

    def __init__(self, make_machine, make_host, make_cluster, workload, *, with_node=True):
        machine, m3m, _ = make_machine()
        host = make_host()
        host.status.powered_on = True
        claim(host, m3m)
        if with_node:
            machine.status.node_ref = clusterv1.NodeReference(name="n-0")
        m3r = infrav1.Metal3Remediation.from_dict(
            {
                "metadata": {"name": "m-0", "namespace": NS, "uid": "r"},
                "spec": {"strategy": {"type": "Reboot", "retryLimit": 1, "timeoutSeconds": 300}},
            }
        )
        m3r.metadata.owner_references = [metav1.owner_reference(machine)]
        self.client = FakeClient(machine, m3m, host, m3r, *make_cluster())
        for kind, indexes in INDEXES.items():
            for name, extract in indexes.items():
                self.client.index_field(kind, name, extract)
        self.workload = workload
        self.clock = EPOCH
        self.env = Environment(
            client=self.client,
            live=self.client,
            recorder=FakeRecorder(),
            workload=workload,
            now=lambda: self.clock,
        )

    async def step(self, times=3):
        """A few calls of the reconciler."""
        for _ in range(times):
            await Metal3RemediationReconciler(env=self.env).reconcile(KEY)

    async def phase(self):
        """Of the remediation."""
        return (await self.client.get(infrav1.Metal3Remediation, KEY)).status.phase

    async def host(self):
        """The host."""
        return await self.client.get(metal3api.BareMetalHost, Request(NS, "host-0"))

    async def held_off(self):
        """Whether the host is to stay off."""
        notes = (await self.host()).metadata.annotations
        return any(k.startswith(infrav1.REMEDIATION_REBOOT_PREFIX) for k in notes)

    async def power(self, *, on):
        """What the machine does."""
        host = await self.host()
        host.status.powered_on = on
        await self.client.status.update(host)


@pytest.fixture
def case(make_machine, make_host, make_cluster, make_workload):
    """A case whose workload cluster answers."""
    return Case(make_machine, make_host, make_cluster, make_workload())


async def test_a_reboot_with_the_node_out_of_service(case):
    """Off, node tainted, on, taint removed; no trace is left when it is deleted."""
    await case.workload.remote.create(corev1.Node.named("n-0"))
    await case.step()
    assert await case.phase() == "Running"
    assert await case.held_off()
    await case.power(on=False)
    await case.step(1)
    (node,) = await case.workload.nodes(None)
    assert [t.key for t in node.spec.taints] == [TAINT_KEY]
    await case.step()
    assert await case.phase() == "Waiting"
    assert not await case.held_off()
    await case.power(on=True)
    await case.step()
    (node,) = await case.workload.nodes(None)
    assert node.spec.taints == []
    await case.client.delete(await case.client.get(infrav1.Metal3Remediation, KEY))
    await case.step(1)
    with pytest.raises(NotFoundError):
        await case.phase()


@pytest.mark.parametrize("with_node", [True, False])
async def test_a_cluster_that_does_not_answer_is_healed_nevertheless(
    make_machine, make_host, make_cluster, make_workload, with_node
):
    """A single control plane, or a node that never joined: power needs neither."""
    workload = make_workload(reachable=False)
    case = Case(make_machine, make_host, make_cluster, workload, with_node=with_node)
    await case.step()
    assert await case.held_off()
    await case.power(on=False)
    await case.step()
    assert await case.phase() == "Waiting"
    assert not await case.held_off()


async def test_escalation_is_readable_by_cluster_api(case):
    """After the last try both condition sets say so, the host is marked, and nothing holds on."""
    for _ in range(2):
        await case.step()
        await case.power(on=False)
        await case.step()
        await case.power(on=True)
        case.clock += timedelta(seconds=301)
        await case.step(1)
    await case.step()
    assert await case.phase() == "Deleting machine"
    machine = await case.client.get(clusterv1.Machine, KEY)
    new = metav1.find_condition(machine.status.conditions, "OwnerRemediated")
    assert new is not None
    assert (new.status, new.reason) == ("False", "WaitingForRemediation")
    (old,) = machine.status.deprecated.v1beta1.conditions
    assert (old.type, old.status, old.severity) == ("OwnerRemediated", "False", "Warning")
    host = await case.host()
    assert host.metadata.annotations[infrav1.UNHEALTHY_ANNOTATION] == "capm3/UnhealthyNode"
    m3r = await case.client.get(infrav1.Metal3Remediation, KEY)
    assert m3r.status.retry_count == 1
    assert m3r.metadata.finalizers == []


async def test_a_host_that_shall_be_off_is_not_rebooted(case):
    """Somebody switched it off on purpose."""
    host = await case.host()
    host.spec.online = False
    await case.client.update(host)
    await case.step()
    assert await case.phase() == "Failed"
    assert not await case.held_off()


async def test_a_remediation_whose_machine_is_gone_can_be_deleted(case):
    """Nothing is left to bring back; no error without end."""
    await case.step()
    await case.client.delete(await case.client.get(clusterv1.Machine, KEY))
    await case.client.delete(await case.client.get(infrav1.Metal3Remediation, KEY))
    await case.step(1)
    with pytest.raises(NotFoundError):
        await case.phase()


async def test_labels_of_chosen_prefixes_follow_the_host(case):
    """Copied, changed and removed; other labels of the node stay."""
    node = corev1.Node.named("n-0")
    node.metadata.labels = {"own": "x", "rack.example/old": "y"}
    await case.workload.remote.create(node)
    m3c = await case.client.get(infrav1.Metal3Cluster, Request(NS, "c"))
    m3c.metadata.annotations[infrav1.LABEL_SYNC_ANNOTATION] = "rack.example, not_a_prefix"
    await case.client.update(m3c)
    host = await case.host()
    host.metadata.labels |= {"rack.example/a": "1", "other.example/b": "2"}
    await case.client.update(host)
    await Metal3LabelSyncReconciler(env=case.env).reconcile(Request(NS, "host-0"))
    (node,) = await case.workload.nodes(None)
    assert node.metadata.labels == {"own": "x", "rack.example/a": "1"}
    await asyncio.sleep(0)
