"""Remediations: power first, then the node, which must never run twice."""

from datetime import timedelta

import pytest

from metal3.api.cluster_x_k8s_io import v1beta2 as clusterv1
from metal3.api.core import v1 as corev1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.controllers.capm3.remediation_node import OUT_OF_SERVICE
from metal3.controllers.capm3.remediation_workload import (
    Pod,
    PodSpec,
    VolumeAttachment,
    VolumeAttachmentSpec,
)
from metal3.runtime.client import ForbiddenError, NotFoundError
from metal3.runtime.reconcile import Request

NS = "metal3"
KEY = Request(NS, "m-0")
TIMEOUT = timedelta(seconds=300)


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
