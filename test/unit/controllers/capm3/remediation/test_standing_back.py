"""What a remediation leaves alone, and that it ends whenever it is told to."""

from datetime import timedelta

import pytest

from metal3.api.cluster_x_k8s_io import v1beta2 as clusterv1
from metal3.api.core import v1 as corev1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.reconcile import Request

NS = "metal3"
KEY = Request(NS, "m-0")
TIMEOUT = timedelta(seconds=300)


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
