"""Remediations: power first, then the node; and giving up in a way Cluster API understands."""

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
from metal3.controllers.capm3.metal3remediation_controller import Metal3RemediationReconciler
from metal3.controllers.capm3.remediation_node import OUT_OF_SERVICE
from metal3.controllers.capm3.remediation_workload import (
    POD_NODE_FIELD,
    Pod,
    PodSpec,
    VolumeAttachment,
    VolumeAttachmentSpec,
)
from metal3.runtime.client import ForbiddenError, NotFoundError, ServerVersion
from metal3.runtime.client.fake import FakeClient
from metal3.runtime.reconcile import Request
from metal3.runtime.recorder import FakeRecorder

NS = "metal3"
KEY = Request(NS, "m-0")
HOST = Request(NS, "host-0")
NODE = Request("", "n-0")
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
TIMEOUT = timedelta(seconds=300)
OFF = infrav1.REMEDIATION_REBOOT_PREFIX + "r-uid"


class WorkloadServer(FakeClient):
    """The API server of a workload cluster, of some release."""

    minor = "31+"

    async def server_version(self):
        """As from ``/version``."""
        return ServerVersion(major="1", minor=self.minor, git_version="", platform="")


class Case:
    """A machine with a node, on a host whose power the test sets."""

    def __init__(self, objects, workload):
        self.machine, self.m3m, self.host_object, *others = objects
        self.m3r = new_remediation(self.machine)
        self.clock = EPOCH
        self.client = FakeClient(
            self.machine, self.m3m, self.host_object, self.m3r, *others, clock=lambda: self.clock
        )
        for kind, indexes in INDEXES.items():
            for name, extract in indexes.items():
                self.client.index_field(kind, name, extract)
        self.workload = workload
        self.recorder = FakeRecorder()
        env = Environment(
            client=self.client,
            live=self.client,
            recorder=self.recorder,
            workload=workload,
            now=lambda: self.clock,
        )
        self.reconciler = Metal3RemediationReconciler(env=env)

    async def step(self, times=1):
        """That many calls of the reconciler; the answer of the last."""
        for _ in range(times):
            result = await self.reconciler.reconcile(KEY)
        return result

    async def settle(self):
        """Calls, and seconds, until nothing more happens by itself."""
        for _ in range(8):
            await self.step()
            self.clock += timedelta(seconds=2)

    async def remediation(self):
        """As it is stored."""
        return await self.client.get(infrav1.Metal3Remediation, KEY)

    async def phase(self):
        """Of the remediation."""
        return (await self.remediation()).status.phase

    async def host(self):
        """As it is stored."""
        return await self.client.get(metal3api.BareMetalHost, HOST)

    async def is_held_off(self):
        """Whether the host is to stay off."""
        return OFF in (await self.host()).metadata.annotations

    async def node(self):
        """As it is stored in the workload cluster."""
        return await self.workload.remote.get(corev1.Node, NODE)

    async def taints(self):
        """Keys of the node's taints."""
        return [taint.key for taint in (await self.node()).spec.taints]

    async def edit_host(self, change):
        """What the bare-metal operator, or a user, does."""
        host = await self.host()
        change(host)
        await self.client.status.update(host)
        stored = await self.host()
        stored.spec, stored.metadata.annotations = host.spec, host.metadata.annotations
        await self.client.update(stored)

    async def obey(self):
        """The bare-metal operator switches the host as it is told."""

        def switch(host):
            host.status.powered_on = OFF not in host.metadata.annotations

        await self.edit_host(switch)

    async def one_try(self):
        """Off, on, and no success until the time is up."""
        await self.settle()
        await self.obey()
        self.clock += timedelta(seconds=10)
        await self.settle()
        await self.obey()
        await self.settle()
        self.clock += TIMEOUT

    async def is_gone(self):
        """Whether the remediation is no more."""
        try:
            await self.remediation()
        except NotFoundError:
            return True
        return False

    async def delete(self, kind):
        """Ask for deletion of the remediation, or of what is named like it."""
        await self.client.delete(await self.client.get(kind, KEY))


def new_remediation(machine):
    """As a health check makes it: of the machine's name, owned by it."""
    m3r = infrav1.Metal3Remediation.from_dict(
        {
            "metadata": {"name": "m-0", "namespace": NS, "uid": "r-uid"},
            "spec": {"strategy": {"type": "Reboot", "retryLimit": 1, "timeoutSeconds": 300}},
        }
    )
    m3r.metadata.owner_references = [metav1.owner_reference(machine)]
    return m3r


@pytest.fixture
def make_case(make_machine, make_host, make_cluster, make_workload):
    """Makes cases; with a node of some labels unless told otherwise."""

    def make(*, with_node=True, reachable=True):
        machine, m3m, _ = make_machine()
        host = make_host()
        host.status.powered_on = True
        host.status.provisioning.state = metal3api.ProvisioningState.PROVISIONED
        claim(host, m3m)
        remote = WorkloadServer()
        remote.index_field(Pod, POD_NODE_FIELD, lambda pod: [pod.spec.node_name])
        if with_node:
            machine.status.node_ref = clusterv1.NodeReference(name="n-0")
            node = corev1.Node.named("n-0")
            node.metadata.labels = {"rack": "7", "note": "old"}
            node.metadata.annotations = {"note": "mine"}
            remote = WorkloadServer(node)
            remote.index_field(Pod, POD_NODE_FIELD, lambda pod: [pod.spec.node_name])
        workload = make_workload(remote=remote, reachable=reachable)
        return Case([machine, m3m, host, *make_cluster()], workload)

    return make


@pytest.fixture
def case(make_case):
    """A case where everything answers."""
    return make_case()


async def test_a_reboot_with_the_node_out_of_service(case):
    """Off, node tainted, on, taint removed, nothing left that would hold the object."""
    await case.settle()
    assert await case.phase() == "Running"
    assert await case.is_held_off()
    assert await case.taints() == []  # pods may still be running
    await case.obey()
    await case.step()
    assert await case.taints() == [OUT_OF_SERVICE]
    await case.step()
    assert await case.phase() == "Running"  # nobody has had the time to evict pods
    await case.settle()
    assert await case.phase() == "Waiting"
    assert not await case.is_held_off()
    assert await case.taints() == [OUT_OF_SERVICE]
    await case.obey()
    await case.step()
    assert await case.taints() == []
    assert (await case.remediation()).metadata.finalizers == []
    assert case.recorder.reasons == ["RemediationStarted", "HostPoweredOff", "NodeRestored"]


async def test_the_host_stays_off_until_pods_and_volumes_left(case):
    """A volume must not be written from two places; and that wait has an end of its own."""
    remote = case.workload.remote
    pod = Pod.named("p", "default", spec=PodSpec(node_name="n-0"))
    pod.metadata.finalizers = ["example/slow"]
    pod = await remote.create(pod)
    await remote.delete(pod)
    volume = VolumeAttachment.named("v", spec=VolumeAttachmentSpec(node_name="n-0"))
    volume = await remote.create(volume)
    await case.settle()
    await case.obey()
    await case.settle()
    assert await case.is_held_off()
    pod = await remote.get(Pod, Request("default", "p"))
    pod.metadata.finalizers = []
    await remote.update(pod)
    await case.settle()
    assert await case.is_held_off()
    await remote.delete(volume)
    await case.settle()
    assert not await case.is_held_off()


async def test_pods_that_never_leave_do_not_keep_the_host_off(case):
    """The time of a try bounds every wait in it."""
    volume = VolumeAttachment.named("v", spec=VolumeAttachmentSpec(node_name="n-0"))
    await case.workload.remote.create(volume)
    await case.settle()
    await case.obey()
    await case.settle()
    case.clock += TIMEOUT
    await case.step()
    assert await case.phase() == "Waiting"


async def test_the_version_of_the_workload_cluster_decides_how_a_node_is_fenced(case):
    """An old one gets its node deleted, and the labels people gave it back."""
    case.workload.remote.minor = "27"
    await case.settle()
    await case.obey()
    await case.settle()
    with pytest.raises(NotFoundError):
        await case.node()
    await case.obey()
    await case.settle()
    saved = (await case.remediation()).metadata
    assert infrav1.NODE_LABELS_BACKUP in saved.annotations
    assert saved.finalizers

    node = corev1.Node.named("n-0")
    node.metadata.labels = {"fresh": "yes", "note": "new"}
    await case.workload.remote.create(node)
    await case.step()
    node = await case.node()
    assert node.metadata.labels == {"fresh": "yes", "note": "new", "rack": "7"}
    assert node.metadata.annotations == {"note": "mine"}
    saved = (await case.remediation()).metadata
    assert infrav1.NODE_LABELS_BACKUP not in saved.annotations
    assert saved.finalizers == []


@pytest.mark.parametrize("text", ["", "no json", "[1]", '{"rack": 7}'])
async def test_a_spoilt_backup_costs_labels_and_nothing_else(case, text):
    """Annotations can be edited by anybody."""
    case.workload.remote.minor = "27"
    await case.settle()
    await case.obey()
    await case.settle()
    m3r = await case.remediation()
    m3r.metadata.annotations[infrav1.NODE_LABELS_BACKUP] = text
    await case.client.update(m3r)
    await case.workload.remote.create(corev1.Node.named("n-0"))
    await case.obey()
    await case.settle()
    assert (await case.remediation()).metadata.finalizers == []
    assert (await case.node()).metadata.labels == {}


async def test_a_machine_that_never_joined_is_rebooted(make_case):
    """Health checks find those, too, and power needs no node."""
    case = make_case(with_node=False, reachable=False)
    await case.settle()
    await case.obey()
    await case.settle()
    assert await case.phase() == "Waiting"
    await case.obey()
    await case.settle()
    assert (await case.remediation()).metadata.finalizers == []


async def test_a_control_plane_that_is_down_does_not_wait_for_itself(make_case):
    """The workload API may run on this machine: without it power goes on nevertheless."""
    case = make_case(reachable=False)
    machine = await case.client.get(clusterv1.Machine, KEY)
    machine.metadata.labels[clusterv1.CONTROL_PLANE_LABEL] = ""
    await case.client.update(machine)
    await case.settle()
    await case.obey()
    await case.settle()
    assert not await case.is_held_off()
    assert "NodeNotFenced" in case.recorder.reasons
    await case.obey()
    case.workload.reachable = True
    await case.settle()
    assert (await case.remediation()).metadata.finalizers == []


async def test_a_worker_waits_a_while_for_its_cluster(make_case):
    """Unfenced pods do not move: half of the time is given to reach the cluster."""
    case = make_case(reachable=False)
    await case.settle()
    await case.obey()
    await case.settle()
    assert await case.is_held_off()
    case.clock += TIMEOUT / 2
    await case.settle()
    assert not await case.is_held_off()


async def test_missing_rights_in_the_cluster_do_not_stop_a_reboot(case):
    """Then the node is left as it is."""
    case.workload.remote.fail_next("*", corev1.Node, ForbiddenError("no"), times=100)
    await case.settle()
    await case.obey()
    await case.settle()
    assert await case.phase() == "Waiting"
    await case.obey()
    await case.settle()
    assert (await case.remediation()).metadata.finalizers == []


async def test_escalation_is_readable_by_any_cluster_api(case):
    """After the last try both condition sets say so, and the host is marked and free to power on."""
    machine = await case.client.get(clusterv1.Machine, KEY)
    other = clusterv1.OldCondition(type="Other", status="True")
    machine.status.deprecated.v1beta1.conditions = [other]
    await case.client.status.update(machine)
    for _ in range(2):
        await case.one_try()
    await case.settle()
    assert await case.phase() == "Deleting machine"
    assert (await case.remediation()).status.retry_count == 1
    machine = await case.client.get(clusterv1.Machine, KEY)
    new = metav1.find_condition(machine.status.conditions, "OwnerRemediated")
    assert new is not None
    assert (new.status, new.reason) == ("False", "WaitingForRemediation")
    kept, old = machine.status.deprecated.v1beta1.conditions
    assert kept.type == "Other"
    assert (old.type, old.status, old.severity) == ("OwnerRemediated", "False", "Warning")
    host = await case.host()
    assert host.metadata.annotations[infrav1.UNHEALTHY_ANNOTATION] == "capm3/UnhealthyNode"
    assert OFF not in host.metadata.annotations
    assert case.recorder.reasons[-1] == "RemediationEscalated"


async def test_an_escalation_is_taken_back_by_deleting_the_remediation(case):
    """The documented way out: machine and host are as if nothing had been."""
    for _ in range(2):
        await case.one_try()
    await case.settle()
    await case.delete(infrav1.Metal3Remediation)
    await case.settle()
    assert await case.is_gone()
    machine = await case.client.get(clusterv1.Machine, KEY)
    assert machine.status.conditions == []
    assert machine.status.deprecated.v1beta1.conditions == []
    assert infrav1.UNHEALTHY_ANNOTATION not in (await case.host()).metadata.annotations


async def test_power_that_does_not_obey_ends_in_escalation(case):
    """A BMC that is dead must not make a remediation wait for ever; the host is let go."""
    for _ in range(2):
        await case.settle()
        assert await case.is_held_off()
        case.clock += TIMEOUT
        await case.step()
    assert await case.phase() == "Deleting machine"
    assert not await case.is_held_off()


@pytest.mark.parametrize("checked", [None, "True", "False"])
async def test_a_machine_that_is_healthy_again_is_left_in_peace(case, checked):
    """Who made the remediation may be late to delete it; only a health check that fails counts."""
    machine = await case.client.get(clusterv1.Machine, KEY)
    if checked:
        machine.status.conditions = [
            metav1.Condition(type="HealthCheckSucceeded", status=checked, reason="x")
        ]
        await case.client.status.update(machine)
    node = await case.node()
    node.status.conditions = [corev1.NodeCondition(type="Ready", status="True")]
    await case.workload.remote.status.update(node)
    await case.one_try()
    await case.step()
    assert await case.phase() == ("Running" if checked == "False" else "Waiting")


async def test_a_host_that_shall_be_off_is_left_until_it_shall_be_on(case):
    """Somebody switched it off on purpose; that failure ends when they switch it on."""

    def online(value):
        return lambda host: setattr(host.spec, "online", value)

    await case.edit_host(online(value=False))
    await case.settle()
    assert await case.phase() == "Failed"
    assert not await case.is_held_off()
    assert case.recorder.reasons == ["RemediationFailed"]
    await case.edit_host(online(value=True))
    await case.settle()
    assert await case.is_held_off()


async def test_a_host_that_is_not_provisioned_is_not_touched(case):
    """The operator would not heed the request now, but the next user of the host would suffer."""

    def provisioning(host):
        host.status.provisioning.state = metal3api.ProvisioningState.PROVISIONING

    await case.edit_host(provisioning)
    await case.settle()
    assert await case.phase() == "Running"
    assert not await case.is_held_off()


async def test_a_paused_host_and_a_paused_cluster_stop_the_clock(case):
    """Who paused has all the time they want."""

    def pause(host):
        host.metadata.annotations[metal3api.PAUSED_ANNOTATION] = ""

    await case.step()
    await case.edit_host(pause)
    case.clock += TIMEOUT * 3
    await case.settle()
    assert await case.phase() == "Running"
    assert not await case.is_held_off()
    cluster = await case.client.get(clusterv1.Cluster, Request(NS, "c"))
    cluster.spec.paused = True
    await case.client.update(cluster)
    await case.edit_host(lambda host: host.metadata.annotations.clear())
    await case.settle()
    assert not await case.is_held_off()


@pytest.mark.parametrize("moment", range(6))
async def test_a_deletion_at_any_moment_leaves_nothing_behind(case, moment):
    """No annotation, no taint, no finalizer."""
    for _ in range(moment):
        await case.step(2)
        await case.obey()
        case.clock += timedelta(seconds=3)
    await case.delete(infrav1.Metal3Remediation)
    await case.settle()
    assert await case.is_gone()
    assert not await case.is_held_off()
    assert await case.taints() == []


async def test_a_cluster_that_never_answers_does_not_keep_the_object(case):
    """A deleted remediation ends when the time of a try is over, and says what it left."""
    await case.settle()
    await case.obey()
    await case.step()
    case.workload.reachable = False
    await case.delete(infrav1.Metal3Remediation)
    await case.settle()
    assert not await case.is_gone()
    assert not await case.is_held_off()
    case.clock += TIMEOUT
    await case.step()
    assert await case.is_gone()
    assert case.recorder.reasons[-1] == "NodeNotRestored"


@pytest.mark.parametrize("gone", [clusterv1.Machine, infrav1.Metal3Machine])
async def test_what_is_gone_keeps_no_remediation(case, gone):
    """Machine or infrastructure: the object can be deleted, and the host powers on again."""
    await case.settle()
    assert await case.is_held_off()
    await case.delete(gone)
    await case.delete(infrav1.Metal3Remediation)
    await case.settle()
    assert await case.is_gone()
    assert not await case.is_held_off()


async def test_a_machine_without_a_host_is_handed_over_when_its_time_is_up(case):
    """There is no power to cut, so its owner may replace it; but not at once."""
    await case.delete(infrav1.Metal3Machine)
    await case.settle()
    assert await case.phase() == "Running"
    case.clock += TIMEOUT
    await case.settle()
    assert await case.phase() == "Deleting machine"


async def test_it_asks_to_be_woken_when_its_time_is_up(case):
    """No polling while the host alone is waited for."""
    await case.step(2)
    case.clock += timedelta(seconds=100)
    assert (await case.step()).requeue_after == timedelta(seconds=200)
