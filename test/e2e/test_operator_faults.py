"""What goes wrong with machines, as users of the operator see it, and how it ends well."""

import pytest

from metal3.controllers.baremetal import BaremetalOptions
from metal3.simulator import DeployStepFails, LabConfig, NoCallback, WrongPassword

pytestmark = pytest.mark.e2e

IMPATIENT = {
    "conductor.check_provision_state_interval": "5",
    "conductor.deploy_callback_timeout": "40",
    "conductor.force_power_state_during_sync": "false",
    "conductor.inspect_wait_timeout": "40",
    "conductor.power_failure_recovery_interval": "5",
    "conductor.power_state_sync_max_retries": "1",
    "conductor.sync_power_state_interval": "5",
}
SILENT = "the deploy agent never reported back"
LIMIT = 2


def failed(kind, words=""):
    """A failure of this kind that says these words."""
    return lambda h: h.status.error_type == kind and words in h.status.error_message


async def silent_when_inspected(w, host):
    """Inspection ends with the cause in words; once the agent calls, the host is provisioned."""
    await w.lab.fault(host, NoCallback())
    await w.create(host, image=True)
    found = await w.wait(host, failed("inspection error"))
    assert SILENT in found.status.error_message
    await w.lab.heal(host)
    await w.retry(host)
    found = await w.state(host, "provisioned")
    assert not found.status.error_message
    await w.delete(host)


async def silent_when_deployed(w, host):
    """The same in the middle of a deployment."""
    # Without cleaning, which would wait for the agent as well.
    await w.create(host, automatedCleaningMode="disabled")
    await w.state(host, "available")
    await w.lab.fault(host, NoCallback())
    await w.put_image(host)
    found = await w.wait(host, failed("provisioning error"))
    assert SILENT in found.status.error_message
    await w.lab.heal(host)
    await w.retry(host)
    await w.state(host, "provisioned")
    await w.wait(host, lambda _: w.runs(host) == "instance")
    await w.delete(host)


async def failing_until_the_limit(w, host):
    """The step's own words are shown; after two attempts nothing is tried until a user says so."""
    await w.create(host)
    await w.state(host, "available")
    await w.lab.fault(host, DeployStepFails("the disk is on fire", times=99))
    await w.put_image(host)
    for attempt in range(LIMIT):
        found = await w.wait(
            host,
            lambda h, n=attempt: (
                h.status.provisioning.state == "provisioning"
                and h.status.error_type == "provisioning error"
                and h.status.provisioning_fail_count == n
            ),
        )
        assert "the disk is on fire" in found.status.error_message
        # Over virtual media Ironic itself forgets the words: they come from the node's history.
        assert (await w.node(host))["last_error"] is None
        # Any change by a user ends the waiting, and only the retry annotation the counting.
        await w.annotate(host, "example.com/seen", str(attempt))
    found = await w.wait(host, failed("provisioning error", f"failed {LIMIT} times"))
    assert found.status.provisioning.state == "available"
    assert w.runs(host) != "instance"
    await w.lab.heal(host)
    await w.retry(host)
    found = await w.state(host, "provisioned")
    assert found.status.provisioning_fail_count == 0
    await w.delete(host)


@pytest.fixture
def without_power_control(condition):
    """The story of a BMC that takes no orders for a while."""

    async def story(w, host):
        await w.create(host, image=True)
        await w.rests(host, "provisioned")
        boots = w.boots(host)
        await w.lab.fault(host, WrongPassword())
        await w.wait(host, lambda h: condition(h, "Manageable") == ("False", "PowerFailure"))
        await w.lab.heal(host)
        found = await w.wait(host, lambda h: condition(h, "Manageable") == ("True", "Manageable"))
        assert found.status.provisioning.state == "provisioned"
        assert (w.boots(host), w.runs(host)) == (boots, "instance")
        await w.delete(host)

    return story


async def test_what_goes_wrong_is_told_and_ends_well(world, play, without_power_control):
    """Silent agents, failing deployments and lost power control, side by side."""
    stories = (
        silent_when_inspected,
        silent_when_deployed,
        failing_until_the_limit,
        without_power_control,
    )
    config = LabConfig(hosts=len(stories), ironic_options=IMPATIENT)
    async with world(config, BaremetalOptions(max_provisioning_retries=LIMIT)) as w:
        await play(w, *stories)
        assert await w.nodes() == {}
