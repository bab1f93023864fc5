"""Giving up in a way Cluster API understands, and how that is taken back."""

from datetime import timedelta

from metal3.api.cluster_x_k8s_io import v1beta2 as clusterv1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.meta import v1 as metav1
from metal3.runtime.reconcile import Request

NS = "metal3"
KEY = Request(NS, "m-0")
TIMEOUT = timedelta(seconds=300)
OFF = infrav1.REMEDIATION_REBOOT_PREFIX + "r-uid"


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
