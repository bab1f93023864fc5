"""Power, deletion and capacity, against an Ironic that is made up."""

import asyncio
from datetime import timedelta

import pytest

from metal3.provisioner import NeedsRegistrationError, RebootMode, Result

from .conftest import POLL
from .fake_ironic import RefusedError

pytestmark = pytest.mark.looptime


async def power_on(bench, *, force=False):
    """One call of the step."""
    return await (await bench.provisioner()).power_on(force=force)


async def power_off(bench, mode=RebootMode.HARD, *, force=False, cleaning="metadata"):
    """One call of the step."""
    return await (await bench.provisioner()).power_off(
        mode, force=force, automated_cleaning_mode=cleaning
    )


def asked(ironic):
    """Bodies of power requests."""
    return [body for _, path, body in ironic.calls if path.endswith("/states/power")]


async def test_power_follows_and_then_is_done(bench, ironic):
    """One request, waiting, complete; each with its event once."""
    node = ironic.add(provision_state="active", power_state="power off")
    assert await power_on(bench) == Result.again(POLL)
    assert await power_on(bench) == Result.again(POLL)
    node.update(power_state="power on", target_power_state=None)
    assert await power_on(bench) == Result.complete()
    assert asked(ironic) == [{"target": "power on"}]
    assert bench.events == [("PowerOn", "Host powered on")]


@pytest.mark.parametrize(
    ("mode", "force", "body"),
    [
        (RebootMode.HARD, False, {"target": "power off"}),
        (RebootMode.SOFT, False, {"target": "soft power off", "timeout": 180}),
        (RebootMode.SOFT, True, {"target": "power off"}),
    ],
)
async def test_how_a_host_is_switched_off(bench, ironic, mode, force, body):
    """Softly with a limit, unless that failed before."""
    ironic.add(provision_state="active")
    assert await power_off(bench, mode, force=force) == Result.again(POLL)
    assert asked(ironic) == [body]
    assert bench.reasons == ["PowerOff"]


async def test_a_driver_without_soft_power_off(bench, ironic):
    """Ironic refuses it at once, so the power is cut in the same call."""
    ironic.add(provision_state="active")
    real = ironic._power

    def power(node, target):
        if target.startswith("soft"):
            raise RefusedError(400, "The driver does not support soft power off.")
        real(node, target)

    ironic._power = power
    assert (await power_off(bench, RebootMode.SOFT)).dirty
    assert [body["target"] for body in asked(ironic)] == ["soft power off", "power off"]


@pytest.mark.parametrize(
    ("mode", "target"), [(RebootMode.SOFT, "soft rebooting"), (RebootMode.HARD, "rebooting")]
)
async def test_a_host_that_must_stay_on_is_rebooted(bench, ironic, mode, target):
    """Complete as soon as Ironic took the request, so that it is asked for once."""
    ironic.add(provision_state="active", disable_power_off=True)
    assert await power_off(bench, mode) == Result.complete()
    assert asked(ironic) == [{"target": target}]


async def test_a_reboot_that_was_not_taken_is_not_done(bench, ironic):
    """While something else changes the power, or the node is locked, the reboot is still due."""
    node = ironic.add(
        provision_state="active", disable_power_off=True, target_power_state="power on"
    )
    assert await power_off(bench) == Result.again(POLL)
    node.update(target_power_state=None, reservation="conductor-1")
    assert await power_off(bench) == Result.again(timedelta(seconds=3))


@pytest.mark.parametrize("force", [False, True])
async def test_every_failed_change_is_told_before_the_next(bench, ironic, force):
    """Ask, tell, ask, tell: also when the error is the same each time and the caller insists."""
    ironic.add(provision_state="active", power_state="power off")
    ironic.step_time = 0
    for attempt in (1, 2, 3):
        ironic.fails["power"] = "Failed to set node power state to power on: 401"
        assert (await power_on(bench, force=force)).dirty
        assert len(asked(ironic)) == attempt
        await asyncio.sleep(6)
        assert "refused the credentials" in (await power_on(bench, force=force)).error_message
    assert len(asked(ironic)) == 3


async def test_the_error_of_before_is_not_told_again_too_early(bench, ironic):
    """Ironic clears it only when it begins; until then nothing is asked twice."""
    node = ironic.add(provision_state="active", power_state="power off", last_error="old")
    await power_on(bench)
    node.update(target_power_state=None, last_error="old")
    assert await power_on(bench) == Result.again(timedelta(seconds=3))
    assert len(asked(ironic)) == 1


async def test_an_old_error_is_no_power_failure(bench, ironic):
    """What an inspection left behind does not keep the host from being switched on."""
    ironic.add(power_state="power off", last_error="Inspection failed")
    assert (await power_on(bench)).dirty
    assert asked(ironic) == [{"target": "power on"}]


@pytest.mark.parametrize(
    ("state", "fields", "cleaning", "target"),
    [
        ("inspect wait", {}, "metadata", "abort"),
        ("inspect failed", {"target_provision_state": "manageable"}, "metadata", "manage"),
        ("clean wait", {"target_provision_state": "manageable"}, "metadata", "abort"),
        ("clean wait", {"target_provision_state": "available"}, "metadata", None),
        ("clean wait", {"target_provision_state": "available"}, "disabled", "abort"),
        ("cleaning", {}, "metadata", None),
        ("inspecting", {}, "metadata", None),
    ],
)
async def test_work_under_way_is_ended_before_power_off(
    bench, ironic, state, fields, cleaning, target
):
    """What may be aborted is, what may not is waited for; the power stays on till then."""
    ironic.add(provision_state=state, **fields)
    assert (await power_off(bench, cleaning=cleaning)).dirty
    assert ironic.targets() == ([target] if target else [])
    assert asked(ironic) == []


@pytest.mark.parametrize("state", ["clean failed", "available", "manageable", "active"])
async def test_power_off_at_rest(bench, ironic, state):
    """Also after a failed step, whose target Ironic still shows."""
    ironic.add(provision_state=state, target_provision_state="available")
    await power_off(bench)
    assert asked(ironic) == [{"target": "power off"}]


@pytest.mark.parametrize(
    ("power", "seen"), [("power on", True), ("power off", False), (None, None), ("error", None)]
)
async def test_power_as_ironic_sees_it(bench, ironic, power, seen):
    """Unknown is neither on nor off."""
    ironic.add(power_state=power)
    provisioner = await bench.provisioner()
    assert (await provisioner.update_hardware_state()).powered_on is seen


async def test_power_failure_and_health(bench, ironic):
    """Both come with the node."""
    ironic.add(fault="power failure", health="Warning")
    provisioner = await bench.provisioner()
    assert await provisioner.has_power_failure() is True
    assert await provisioner.health() == "Warning"


async def test_an_unknown_host_needs_registering(bench, ironic):
    """Every step says so when the node is gone."""
    provisioner = await bench.provisioner(provisioner_id="00000000-0000-4000-8000-000000000000")
    with pytest.raises(NeedsRegistrationError):
        await provisioner.update_hardware_state()
    with pytest.raises(NeedsRegistrationError):
        await provisioner.power_on(force=False)


async def remove(bench, *, force=None):
    """Delete, or detach when ``force`` is given."""
    provisioner = await bench.provisioner()
    return await (provisioner.delete() if force is None else provisioner.detach(force=force))


@pytest.mark.parametrize("state", ["enroll", "manageable", "available"])
async def test_a_resting_node_is_deleted(bench, ironic, state):
    """In one call, also when an instance is noted on it; a second call finds nothing."""
    ironic.add(provision_state=state, instance_uuid="x" if state != "enroll" else None)
    assert await remove(bench) == Result.complete()
    assert ironic.nodes == {}
    assert await remove(bench) == Result.complete()


@pytest.mark.parametrize("state", ["active", "deploy failed", "clean failed", "error"])
async def test_a_node_in_any_other_state_is_deleted_in_maintenance(bench, ironic, state):
    """Ironic then leaves the machine as it is."""
    node = ironic.add(provision_state=state, instance_uuid="x")
    assert await remove(bench) == Result.complete()
    assert ironic.nodes == {}
    assert "Metal3" in node["maintenance_reason"]
    assert ironic.targets() == []


@pytest.mark.parametrize(
    "state", ["verifying", "deploying", "cleaning", "inspecting", "servicing", "deleting"]
)
async def test_a_node_at_work_is_not_torn_away(bench, ironic, state):
    """Deleting waits until the conductor lets go."""
    ironic.add(provision_state=state)
    assert await remove(bench) == Result.again(POLL)
    assert ironic.writes() == []


@pytest.mark.parametrize(
    ("state", "minor", "force", "target"),
    [
        ("inspect wait", 115, True, "abort"),
        ("clean wait", 115, True, "abort"),
        ("service wait", 115, True, "abort"),
        ("wait call-back", 115, True, "abort"),
        ("wait call-back", 109, True, "deleted"),
        ("clean wait", 115, False, None),
        ("wait call-back", 115, False, None),
    ],
)
async def test_waiting_for_the_agent_is_cut_short_by_force(
    bench, ironic, state, minor, force, target
):
    """Without force it is waited for."""
    ironic.minor = minor
    ironic.add(provision_state=state)
    assert await remove(bench, force=force) == Result.again(POLL)
    assert ironic.targets() == ([target] if target else [])


async def test_deleting_does_not_touch_a_node_of_another_host(bench, ironic):
    """Its MAC address alone does not make a node ours."""
    other = ironic.add("metal3~other")
    ironic.add_port("52:54:00:00:00:01", other["uuid"])
    assert await remove(bench) == Result.complete()
    assert list(ironic.nodes) == [other["uuid"]]


IPMI = "ipmi://192.0.2.1"


@pytest.mark.parametrize(
    ("address", "boots", "room"),
    [
        (IPMI, ["ipxe", "ipxe"], False),
        (IPMI, ["ipxe", "redfish-virtual-media"], True),
        (IPMI, ["ipxe", "redfish-https"], True),
        ("redfish-virtualmedia://192.0.2.1", ["ipxe", "ipxe"], True),
    ],
)
async def test_room_on_the_provisioning_network(bench, ironic, address, boots, room):
    """Only machines that boot over it count, and only they are limited."""
    bench.configure(provisioning_limit=2)
    for number, boot in enumerate(boots):
        ironic.add(f"metal3~busy-{number}", provision_state="deploying", boot_interface=boot)
    ironic.add(provision_state="available")
    provisioner = await bench.provisioner(bmc_address=address)
    assert await provisioner.has_capacity() is room


async def test_a_host_at_work_keeps_its_place(bench, ironic):
    """It is one of those that are counted."""
    bench.configure(provisioning_limit=1)
    ironic.add(provision_state="clean wait", boot_interface="ipxe")
    provisioner = await bench.provisioner(bmc_address=IPMI)
    assert await provisioner.has_capacity() is True


async def test_a_promised_place_is_not_given_twice(bench, ironic):
    """Two hosts asking in the same second do not both get the last one; unused, it comes back."""
    bench.configure(provisioning_limit=1)
    ironic.add("metal3~a", provision_state="available", boot_interface="ipxe")
    ironic.add("metal3~b", provision_state="available", boot_interface="ipxe")
    first = await bench.provisioner(name="a", bmc_address=IPMI)
    second = await bench.provisioner(name="b", bmc_address=IPMI)
    assert await first.has_capacity() is True
    assert await second.has_capacity() is False
    assert await first.has_capacity() is True
