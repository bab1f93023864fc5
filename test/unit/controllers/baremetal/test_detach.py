"""Detaching: in which states, how a deletion goes on, and coming back."""

import pytest

from metal3.api.metal3_io import v1alpha1 as metal3api

State = metal3api.ProvisioningState
DETACHED = metal3api.DETACHED_ANNOTATION
IMAGE = {"url": "http://images/a.qcow2", "checksum": "abc"}
DELAY = '{"deleteAction": "delay"}'
FORCE = '{"force": true}'

pytestmark = pytest.mark.looptime(start=0)


async def annotated(b, state, value):
    """The host in this state, with the annotation."""
    await b.until(state)
    await b.edit(lambda h: h.metadata.annotations.update({DETACHED: value}))


REST = [
    (State.AVAILABLE, {}),
    (State.PROVISIONED, {"image": IMAGE}),
    (State.EXTERNALLY_PROVISIONED, {"externallyProvisioned": True}),
]
BUSY = [
    (State.REGISTERING, {}),
    (State.INSPECTING, {}),
    (State.PREPARING, {}),
    (State.PROVISIONING, {"image": IMAGE}),
]


@pytest.mark.parametrize(("state", "spec"), REST)
async def test_a_host_at_rest_is_detached(bench, make_host, state, spec):
    """It keeps its state, and the backend forgets it."""
    b = bench(make_host(**spec))
    await annotated(b, state, "")
    host = await b.rest()
    assert (host.status.provisioning.state, host.status.operational_status) == (state, "detached")
    assert b.backend.nodes == {}


@pytest.mark.parametrize(("state", "spec"), BUSY)
async def test_a_busy_host_is_detached_by_force_only(bench, make_host, state, spec):
    """Without force its work is done first."""
    b = bench(make_host(**spec))
    await annotated(b, state, "")
    await b.reconcile()
    assert (await b.host()).status.operational_status != "detached"
    await b.edit(lambda h: h.metadata.annotations.update({DETACHED: FORCE}))
    host = await b.drive(lambda h: h.status.operational_status == "detached", limit=5)
    assert b.backend.nodes == {}
    await b.edit(lambda h: h.metadata.annotations.clear())
    host = await b.rest()
    assert host.status.operational_status == "OK"
    assert host.status.provisioning.state == ("provisioned" if "image" in spec else "available")


async def test_the_old_name_of_available_is_at_rest_too(bench, make_host):
    """Objects of old operators may still carry it."""
    b = bench(make_host())
    await b.until(State.AVAILABLE)
    host = await b.host()
    host.status.provisioning.state = State.READY
    await b.client.status.update(host)
    await annotated(b, State.READY, "")
    assert (await b.rest()).status.operational_status == "detached"


@pytest.mark.parametrize("state", [State.DEPROVISIONING, State.POWERING_OFF_BEFORE_DELETE])
async def test_a_deletion_that_hangs_ends_when_the_host_is_detached(bench, make_host, state):
    """The annotation says that nothing is to be done to the machine any more."""
    b = bench(make_host(image=IMAGE))
    await b.until(State.PROVISIONED)
    step = "deprovision" if state == State.DEPROVISIONING else "power"
    b.backend.fail(b.key, step, "hangs", times=100)
    await b.client.delete(await b.host())
    await b.until(state)
    b.machine.powered_on = True
    await annotated(b, state, "")
    assert await b.rest(limit=5) is None


@pytest.mark.parametrize("state", [State.DEPROVISIONING, State.POWERING_OFF_BEFORE_DELETE])
async def test_a_deletion_is_put_off_at_any_step(bench, make_host, state):
    """Nothing more happens, the condition says why, and it goes on when it may."""
    b = bench(make_host(image=IMAGE))
    await b.until(State.PROVISIONED)
    await b.client.delete(await b.host())
    await annotated(b, state, DELAY)
    host = await b.rest()
    assert host.status.provisioning.state == state
    assert DETACHED in b.condition(host, "Progressing").message
    await b.edit(lambda h: h.metadata.annotations.clear())
    assert await b.rest() is None
    assert b.machine.wipes == 1


async def test_the_annotation_means_nothing_while_deleting(bench):
    """The backend forgets the host anyway."""
    b = bench()
    await b.until(State.AVAILABLE)
    b.backend.fail(b.key, "delete", "locked", times=1)
    await b.client.delete(await b.host())
    await annotated(b, State.DELETING, DELAY)
    assert await b.rest(limit=100) is None


async def test_an_error_of_before_is_shown_again_after_attaching(bench, make_host):
    """Detaching mends nothing."""
    b = bench(make_host(image=IMAGE))
    await b.until(State.PROVISIONED)
    await b.rest()
    b.backend.fail(b.key, "power", "no power", times=100)
    await b.edit(lambda h: setattr(h.spec, "online", False))
    await b.drive(lambda h: h.status.error_type == "power management error")
    await b.edit(lambda h: h.metadata.annotations.update({DETACHED: ""}))
    host = await b.drive(lambda h: h.status.operational_status == "detached")
    assert host.status.error_type == "power management error"
    await b.edit(lambda h: h.metadata.annotations.clear())
    host = await b.drive(lambda h: h.status.operational_status != "detached")
    assert host.status.operational_status == "error"
