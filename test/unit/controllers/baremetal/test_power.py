"""Power: the spec, the annotations, failures, and hosts that must not be off."""

import asyncio
from datetime import timedelta

import pytest

from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.provisioner import Result
from metal3.provisioner.fixture._provisioner import FixtureProvisioner

State = metal3api.ProvisioningState
IMAGE = {"url": "http://images/a.qcow2", "checksum": "abc"}
REBOOT = metal3api.REBOOT_ANNOTATION

pytestmark = pytest.mark.looptime(start=0)


async def provisioned(bench, make_host, **spec):
    """A bench whose host runs an instance and rests."""
    b = bench(make_host(image=IMAGE, **spec))
    await b.until(State.PROVISIONED)
    await b.rest()
    b.machine.power_actions.clear()
    return b


async def test_power_follows_online(bench, make_host):
    """Off softly, on again."""
    b = await provisioned(bench, make_host)
    await b.edit(lambda h: setattr(h.spec, "online", False))
    host = await b.rest()
    assert not host.status.powered_on
    await b.edit(lambda h: setattr(h.spec, "online", True))
    host = await b.rest()
    assert host.status.powered_on
    assert b.machine.power_actions == ["soft power off", "power on"]
    assert host.status.provisioning.state == "provisioned"


@pytest.mark.parametrize(
    ("value", "mode"),
    [
        ("", "soft"),
        ('{"mode": "hard"}', "hard"),
        ('{"mode": "soft"}', "soft"),
        ("not json", "soft"),
    ],
)
async def test_one_reboot_for_the_plain_annotation(bench, make_host, value, mode):
    """The host goes off and on once; the operator takes the annotation away."""
    b = await provisioned(bench, make_host)
    await b.edit(lambda h: h.metadata.annotations.update({REBOOT: value}))
    host = await b.rest()
    assert b.machine.power_actions == [f"{mode} power off", "power on"]
    assert REBOOT not in host.metadata.annotations
    assert ("InvalidAnnotationValue" in b.recorder.reasons) is (value == "not json")


async def test_a_suffixed_annotation_holds_the_host_off(bench, make_host):
    """Until the client takes it away, which the operator never does."""
    b = await provisioned(bench, make_host)
    key = f"{REBOOT}/me"
    await b.edit(lambda h: h.metadata.annotations.update({key: ""}))
    host = await b.rest()
    assert not host.status.powered_on
    assert key in host.metadata.annotations
    await b.edit(lambda h: h.metadata.annotations.clear())
    host = await b.rest()
    assert host.status.powered_on


async def test_the_hardest_of_several_annotations_counts(bench, make_host):
    """One hard request makes the power off hard."""
    b = await provisioned(bench, make_host)
    both = {f"{REBOOT}/a": '{"mode": "hard"}', f"{REBOOT}/b": ""}
    await b.edit(lambda h: h.metadata.annotations.update(both))
    await b.rest()
    assert b.machine.power_actions == ["hard power off"]


async def test_a_look_alike_is_no_reboot(bench, make_host):
    """Only the key itself, or the key with a slash and more, counts."""
    b = await provisioned(bench, make_host)
    await b.edit(lambda h: h.metadata.annotations.update({f"{REBOOT}-foo": ""}))
    await b.rest()
    assert b.machine.power_actions == []


@pytest.mark.parametrize(("value", "reboots"), [("", False), ('{"force": true}', True)])
async def test_without_an_instance_only_force_reboots(bench, value, reboots):
    """An available host ignores reboots that are not forced."""
    b = bench()
    await b.until(State.AVAILABLE)
    await b.rest()
    b.machine.power_actions.clear()
    await b.edit(lambda h: h.metadata.annotations.update({REBOOT: value}))
    await b.rest()
    assert bool(b.machine.power_actions) is reboots


async def test_a_soft_power_off_that_fails_is_followed_by_a_hard_one(bench, make_host):
    """The message says so, and the next try cuts the power."""
    b = await provisioned(bench, make_host)
    b.backend.fail(b.key, "power", "no ACPI")
    await b.edit(lambda h: setattr(h.spec, "online", False))
    host = await b.drive(lambda h: h.status.error_type == "power management error")
    assert "power will be cut" in host.status.error_message
    assert host.status.powered_on
    host = await b.drive(lambda h: not h.status.powered_on)
    assert b.machine.power_actions == ["hard power off"]
    assert (host.status.error_type, host.status.operational_status) == (None, "OK")


async def test_power_lost_elsewhere_is_noticed_and_mended(bench, make_host):
    """The machine was switched off by somebody: it is switched on again."""
    b = await provisioned(bench, make_host)
    b.machine.powered_on = False
    host = await b.rest()
    assert host.status.powered_on
    assert b.machine.power_actions == ["power on"]


async def test_disable_power_off_reboots_once(bench, make_host):
    """The host is restarted, not held off, and the annotation goes once that was accepted."""
    b = await provisioned(bench, make_host, disablePowerOff=True)
    await b.edit(lambda h: h.metadata.annotations.update({REBOOT: ""}))
    host = await b.rest()
    assert b.machine.power_actions == ["soft reboot"]
    assert REBOOT not in host.metadata.annotations


async def test_disable_power_off_keeps_the_annotation_of_a_refused_reboot(bench, make_host):
    """A reboot that was not accepted is still owed."""
    b = await provisioned(bench, make_host, disablePowerOff=True)
    b.backend.fail(b.key, "power", "busy")
    await b.edit(lambda h: h.metadata.annotations.update({REBOOT: ""}))
    host = await b.drive(lambda h: h.status.error_type is not None)
    assert REBOOT in host.metadata.annotations
    host = await b.drive(lambda h: REBOOT not in h.metadata.annotations)
    assert b.machine.power_actions == ["hard reboot"]


async def test_disable_power_off_keeps_the_annotation_while_the_machine_is_locked(
    bench, make_host, monkeypatch
):
    """A reboot that could not be asked for yet is asked for again, and only then forgotten."""
    b = await provisioned(bench, make_host, disablePowerOff=True)
    answers = [Result.again(timedelta(seconds=3))] * 2
    ask = FixtureProvisioner.power_off

    async def locked_at_first(self, mode, **how):
        return answers.pop() if answers else await ask(self, mode, **how)

    monkeypatch.setattr(FixtureProvisioner, "power_off", locked_at_first)
    await b.edit(lambda h: h.metadata.annotations.update({REBOOT: ""}))
    host = await b.rest()
    assert b.machine.power_actions == ["soft reboot"]
    assert REBOOT not in host.metadata.annotations


async def test_disable_power_off_never_loops_on_a_suffixed_annotation(bench, make_host):
    """The host cannot be held off: the annotation is ignored and the condition says why."""
    b = await provisioned(bench, make_host, disablePowerOff=True)
    await b.edit(lambda h: h.metadata.annotations.update({f"{REBOOT}/me": ""}))
    for _ in range(10):
        await b.reconcile()
        await asyncio.sleep(1)
    assert b.machine.power_actions == []
    assert "disablePowerOff" in b.condition(await b.host(), "Progressing").message


async def test_a_host_at_rest_is_left_in_peace(bench, make_host):
    """Nothing is written, and the next look is far away."""
    b = await provisioned(bench, make_host)
    writes = len(b.client.actions)
    assert (await b.reconcile()).requeue_after == timedelta(minutes=10)
    assert len(b.client.actions) == writes


async def test_a_power_failure_and_health_show_in_the_conditions(bench, make_host):
    """What the backend knows of the hardware is passed on with what to do about it."""
    b = await provisioned(bench, make_host)
    assert b.condition(await b.host(), "Healthy").status == "True"
    b.machine.power_failure, b.machine.health = True, "Critical"
    host = await b.rest()
    manageable = b.condition(host, "Manageable")
    assert (manageable.status, manageable.reason) == ("False", "PowerFailure")
    assert "BMC" in manageable.message
    assert b.condition(host, "Healthy").reason == "CriticalError"


async def test_a_host_that_must_not_be_off_stays_on(bench, make_host):
    """Should the webhook not have refused it: no restarts, and the condition says why."""
    b = await provisioned(bench, make_host, disablePowerOff=True)
    await b.edit(lambda h: setattr(h.spec, "online", False))
    for _ in range(3):
        host = await b.rest()
    assert host.status.powered_on
    assert b.machine.power_actions == []
    assert "disablePowerOff" in b.condition(host, "Progressing").message


@pytest.mark.parametrize("state", [State.INSPECTING, State.PROVISIONING])
@pytest.mark.parametrize(
    ("value", "forced"), [("", False), ('{"mode": "hard"}', False), ('{"force": true}', True)]
)
async def test_only_force_interrupts_work(bench, make_host, monkeypatch, state, value, forced):
    """The backend is told to start over with the step at hand."""
    told = []
    step = "inspect_hardware" if state == State.INSPECTING else "provision"
    original = getattr(FixtureProvisioner, step)

    async def noted(self, *args, force_reboot, **kwargs):
        told.append(force_reboot)
        return await original(self, *args, force_reboot=force_reboot, **kwargs)

    monkeypatch.setattr(FixtureProvisioner, step, noted)
    b = bench(make_host(image=IMAGE))
    await b.until(state)
    told.clear()
    await b.edit(lambda h: h.metadata.annotations.update({REBOOT: value}))
    await b.reconcile()
    assert told == [forced]


async def test_starting_an_inspection_grants_a_reboot(bench):
    """The machine is booted anyway; suffixed annotations are their clients' to remove."""
    b = bench()
    await b.until(State.REGISTERING)
    await b.edit(lambda h: h.metadata.annotations.update({REBOOT: "", f"{REBOOT}/me": ""}))
    host = await b.until(State.PREPARING)
    assert set(host.metadata.annotations) == {f"{REBOOT}/me"}


async def test_taking_an_image_off_grants_a_reboot(bench, make_host):
    """The instance that should be restarted is gone."""
    b = await provisioned(bench, make_host)
    await b.edit(lambda h: setattr(h.spec, "image", None))
    await b.until(State.DEPROVISIONING)
    await b.edit(lambda h: h.metadata.annotations.update({REBOOT: "", f"{REBOOT}/me": ""}))
    host = await b.until(State.AVAILABLE)
    assert set(host.metadata.annotations) == {f"{REBOOT}/me"}
