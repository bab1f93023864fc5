"""Looking at the hardware: modes, repetition, and what stands in for it."""

import asyncio
import json

import pytest

from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.provisioner.fixture import FixtureOptions
from metal3.runtime.client import NotFoundError
from metal3.runtime.metrics import REGISTRY

State = metal3api.ProvisioningState
DETAILS = json.dumps({"ramMebibytes": 4096, "hostname": "told"})

pytestmark = pytest.mark.looptime(start=0)


async def test_a_disabled_inspection_is_skipped(bench, make_host):
    """The host becomes available without its hardware being known."""
    b = bench(make_host(inspectionMode="disabled"))
    host = await b.until(State.AVAILABLE)
    assert "inspecting" not in b.states
    assert host.status.hardware is None
    assert b.machine.inspections == 0


async def test_a_new_inspection_on_request(bench):
    """The annotation is granted once, and HardwareData is brought up to date."""
    b = bench()
    await b.until(State.AVAILABLE)
    await b.rest()
    data = await b.client.get(metal3api.HardwareData, b.key)
    data.spec.hardware.hostname = "old"
    await b.client.update(data)
    await b.edit(lambda h: h.metadata.annotations.update({metal3api.INSPECT_ANNOTATION: ""}))
    await b.until(State.INSPECTING)
    host = await b.until(State.AVAILABLE)
    host = await b.rest()
    assert b.machine.inspections == 2
    assert metal3api.INSPECT_ANNOTATION not in host.metadata.annotations
    data = await b.client.get(metal3api.HardwareData, b.key)
    assert data.spec.hardware.hostname == "host-0"


async def test_a_request_on_a_host_that_must_not_be_inspected_is_ignored(bench, make_host):
    """No round trips for ever; the condition says why nothing happens."""
    b = bench(make_host(inspectionMode="disabled"))
    await b.until(State.AVAILABLE)
    await b.edit(lambda h: h.metadata.annotations.update({metal3api.INSPECT_ANNOTATION: ""}))
    host = await b.rest()
    assert b.states == ["", "registering", "preparing", "available"]
    assert metal3api.INSPECT_ANNOTATION in b.condition(host, "Progressing").message


async def test_a_failed_inspection_is_shown_and_repeated(bench):
    """The error ends with the next try that works."""
    b = bench()
    b.backend.fail(b.key, "inspect", "the agent never called back")
    host = await b.drive(lambda h: h.status.error_type is not None)
    assert (host.status.error_type, host.status.error_message) == (
        "inspection error",
        "the agent never called back",
    )
    host = await b.until(State.AVAILABLE)
    assert (host.status.error_type, host.status.error_count) == (None, 0)


async def test_hardware_told_by_annotation(bench, make_host):
    """A host that is not inspected gets its details from the user, and HardwareData with them."""
    host = make_host(inspectionMode="disabled")
    host.metadata.annotations = {metal3api.HARDWARE_DETAILS_ANNOTATION: DETAILS}
    b = bench(host)
    host = await b.until(State.AVAILABLE)
    assert host.status.hardware.hostname == "told"
    assert metal3api.HARDWARE_DETAILS_ANNOTATION not in host.metadata.annotations
    data = await b.client.get(metal3api.HardwareData, b.key)
    assert data.spec.hardware.hostname == "told"
    assert "UpdateHardwareDetails" in b.recorder.reasons


async def test_a_broken_annotation_is_dropped_with_an_event(bench, make_host):
    """It is not looked at again and again."""
    host = make_host(inspectionMode="disabled")
    host.metadata.annotations = {metal3api.HARDWARE_DETAILS_ANNOTATION: "{"}
    b = bench(host)
    host = await b.until(State.AVAILABLE)
    assert host.status.hardware is None
    assert host.metadata.annotations == {}
    assert "RemoveAnnotation" in b.recorder.reasons


async def test_hardware_data_is_trusted_more_than_the_annotation(bench, make_host):
    """What an inspection found wins over what somebody wrote."""
    host = make_host(inspectionMode="disabled")
    host.metadata.annotations = {metal3api.HARDWARE_DETAILS_ANNOTATION: DETAILS}
    data = metal3api.HardwareData.named("host-0", "metal3")
    data.spec.hardware = metal3api.HardwareDetails(hostname="found")
    b = bench(host, data)
    host = await b.until(State.AVAILABLE)
    assert host.status.hardware.hostname == "found"


async def test_waiting_for_a_slot_is_shown_and_ends_with_a_wake_up(bench, make_host):
    """A delayed host says so, and is woken when the host before it is done."""
    b = bench(None, make_host("host-1"), fixture=FixtureOptions(limit=1))
    other = b.key._replace(name="host-1")
    await b.until(State.INSPECTING)
    await b.reconcile()
    for _ in range(4):
        await b.reconcile(other)
    await asyncio.sleep(0.5)
    await b.reconcile(other)
    host = await b.host(other)
    assert (host.status.provisioning.state, host.status.operational_status) == (
        "registering",
        "delayed",
    )
    assert "free slot" in b.condition(host, "Progressing").message
    assert other not in b.woken
    await b.until(State.PREPARING)
    assert b.woken == [other]
    await b.reconcile(other)
    host = await b.host(other)
    assert (host.status.provisioning.state, host.status.operational_status) == ("inspecting", "OK")


async def test_conditions_of_a_life(bench, make_host):
    """Programs can wait for each stage, and people can read what goes on."""
    b = bench()
    host = await b.until(State.INSPECTING)
    assert b.condition(host, "Progressing").reason == "Inspecting"
    assert b.condition(host, "Manageable").status == "True"
    assert b.condition(host, "Ready").status == "False"
    host = await b.until(State.AVAILABLE)
    assert b.condition(host, "AvailableForProvisioning").status == "True"
    image = metal3api.Image(url="http://images/a.qcow2", checksum="abc")
    await b.edit(lambda h: setattr(h.spec, "image", image))
    host = await b.until(State.PROVISIONED)
    for kind in ("Ready", "Provisioned", "Manageable"):
        assert b.condition(host, kind).status == "True"
    assert b.condition(host, "AvailableForProvisioning").status == "False"
    assert b.condition(host, "Progressing").status == "False"
    assert all(c.observed_generation == host.metadata.generation for c in host.status.conditions)


async def test_operation_times_are_kept(bench):
    """When each operation began and ended."""
    b = bench()
    host = await b.until(State.AVAILABLE)
    for name in ("register", "inspect"):
        metric = host.status.operation_history.to_dict()[name]
        assert metric["start"] <= metric["end"]


async def test_hardware_data_of_the_user_is_followed(bench, make_host):
    """While inspection is disabled it is the user's, also when it is changed later."""
    data = metal3api.HardwareData.named("host-0", "metal3")
    data.spec.hardware = metal3api.HardwareDetails(hostname="first")
    b = bench(make_host(inspectionMode="disabled"), data)
    assert (await b.rest()).status.hardware.hostname == "first"
    stored = await b.client.get(metal3api.HardwareData, b.key)
    stored.spec.hardware.hostname = "second"
    await b.client.update(stored)
    await b.reconcile()
    assert (await b.host()).status.hardware.hostname == "second"


async def test_hardware_data_that_is_not_wanted_any_more_goes(bench):
    """Its finalizer keeps it for the host, not from whoever deletes it; an inspection makes it anew."""
    b = bench()
    await b.until(State.AVAILABLE)
    data = await b.client.get(metal3api.HardwareData, b.key)
    await b.client.delete(data)
    host = await b.rest()
    assert host.status.hardware is not None
    with pytest.raises(NotFoundError):
        await b.client.get(metal3api.HardwareData, b.key)
    await b.annotate(**{metal3api.INSPECT_ANNOTATION: ""})
    await b.until(State.INSPECTING)
    await b.until(State.AVAILABLE)
    await b.client.get(metal3api.HardwareData, b.key)


async def test_hardware_data_of_an_inspection_is_left_alone(bench):
    """What was found counts until the next inspection."""
    b = bench()
    found = (await b.rest()).status.hardware.hostname
    stored = await b.client.get(metal3api.HardwareData, b.key)
    stored.spec.hardware.hostname = "mine"
    await b.client.update(stored)
    await b.reconcile()
    assert (await b.host()).status.hardware.hostname == found


@pytest.mark.parametrize(
    ("mode", "annotation", "inspections"),
    [
        (None, None, 1),
        ("agent", None, 1),
        ("fast", None, 1),
        ("disabled", None, 0),
        (None, "disabled", 0),
    ],
)
async def test_inspection_modes(bench, make_host, mode, annotation, inspections):
    """The field, or the deprecated annotation, decides; a skipped inspection is told."""
    host = make_host(inspectionMode=mode)
    if annotation is not None:
        host.metadata.annotations = {metal3api.INSPECT_ANNOTATION: annotation}
    b = bench(host)
    await b.until(State.AVAILABLE)
    assert b.machine.inspections == inspections
    # Registering leads straight to preparing, so there is no inspection that could be skipped.
    assert ("inspecting" in b.states) is bool(inspections)


async def test_an_inspection_that_is_forbidden_while_it_runs_ends(bench):
    """With an event, and without details."""
    b = bench()
    await b.until(State.INSPECTING)
    await b.edit(lambda h: setattr(h.spec, "inspection_mode", "disabled"))
    host = await b.until(State.PREPARING)
    assert "InspectionSkipped" in b.recorder.reasons
    assert host.status.hardware is None


@pytest.mark.parametrize("state", ["match profile", "ready"])
async def test_states_of_old_operators_lead_on(bench, make_host, state):
    """Objects written years ago are still taken up."""
    b = bench()
    await b.until(State.AVAILABLE)
    host = await b.host()
    host.status.provisioning.state = state
    await b.client.status.update(host)
    await b.edit(
        lambda h: setattr(h.spec, "image", metal3api.Image(url="http://i/a", checksum="c"))
    )
    await b.until(State.PROVISIONED)


async def test_a_delayed_host_gives_up_its_place_when_it_is_deleted(bench, make_host):
    """Deprovisioning waits for its turn too, and is counted as such."""
    image = {"url": "http://images/a.qcow2", "checksum": "abc"}
    b = bench(make_host(image=image), make_host("host-1"), fixture=FixtureOptions(limit=1))
    await b.until(State.PROVISIONED)
    other = b.key._replace(name="host-1")
    for _ in range(12):
        await b.reconcile(other)
        if (await b.host(other)).status.provisioning.state == "inspecting":
            break
        await asyncio.sleep(0.2)
    await b.reconcile(other)
    await b.client.delete(await b.host())
    await b.reconcile()
    host = await b.host()
    assert host.status.operational_status == "delayed"
    assert "free slot" in b.condition(host, "Progressing").message or (
        host.status.provisioning.state == "provisioned"
    )
    labels = {"namespace": "metal3", "host": "host-0"}
    assert REGISTRY.get_sample_value("metal3_delayed__deprovisioning_total", labels) == 1
    for _ in range(20):
        await b.reconcile(other)
        await asyncio.sleep(0.2)
    assert await b.rest() is None


async def test_a_spec_is_never_written(bench, make_host):
    """It belongs to its user; what inspection found about the processor is used all the same."""
    image = {"url": "http://images/a.qcow2", "checksum": "abc"}
    b = bench(make_host(image=image))
    before = (await b.host()).spec.to_dict()
    await b.until(State.PROVISIONED)
    host = await b.rest()
    assert host.spec.to_dict() == before
    assert "architecture" not in before
    assert host.metadata.generation == 1


@pytest.mark.parametrize("state", ["inspecting", "provisioning", "deprovisioning"])
async def test_a_host_found_in_a_limited_state_queues_up_again(bench, make_host, state):
    """The operator was restarted, and others took the places meanwhile; it goes on when it may."""
    image = {"url": "http://images/a.qcow2", "checksum": "abc"}
    b = bench(make_host(image=image), make_host("host-1"), fixture=FixtureOptions(limit=1))
    await b.until("provisioned" if state == "deprovisioning" else state)
    if state == "deprovisioning":
        await b.edit(lambda h: setattr(h.spec, "image", None))
        await b.until(state)
    b.backend.nodes[b.key].step = None
    b.restart()
    other = b.key._replace(name="host-1")
    for _ in range(8):
        await b.reconcile(other)
        await asyncio.sleep(0.15)
    assert (await b.host(other)).status.provisioning.state == "inspecting"
    await b.reconcile()
    host = await b.host()
    assert (host.status.provisioning.state, host.status.operational_status) == (state, "delayed")
    for _ in range(4):
        await asyncio.sleep(0.2)
        await b.reconcile(other)
    assert b.key in b.woken
    await b.reconcile()
    assert (await b.host()).status.operational_status == "OK"


async def test_the_boot_mode_is_fixed_when_work_begins(bench, make_host):
    """A change in the middle counts for the next step that boots the machine."""
    b = bench(make_host(bootMode="legacy"))
    host = await b.until(State.INSPECTING)
    assert host.status.provisioning.boot_mode == "legacy"
    await b.edit(lambda h: setattr(h.spec, "boot_mode", None))
    host = await b.until(State.AVAILABLE)
    assert host.status.provisioning.boot_mode == "legacy"
    await b.edit(
        lambda h: setattr(h.spec, "image", metal3api.Image(url="http://i/a", checksum="c"))
    )
    host = await b.until(State.PROVISIONING)
    assert host.status.provisioning.boot_mode == "UEFI"
