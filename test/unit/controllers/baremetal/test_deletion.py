"""How hosts go, from every state, and what happens when that does not work."""

import random

import pytest

from metal3.api.core import v1 as corev1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.client import NotFoundError
from metal3.runtime.types import NamespacedName

State = metal3api.ProvisioningState
IMAGE = {"url": "http://images/a.qcow2", "checksum": "abc"}

pytestmark = pytest.mark.looptime(start=0)

OFF = ["powering off before delete", "deleting"]


@pytest.mark.parametrize(
    ("state", "spec", "path"),
    [
        pytest.param(State.REGISTERING, {}, ["deleting"], id="registering"),
        pytest.param(State.INSPECTING, {}, OFF, id="inspecting"),
        pytest.param(State.PREPARING, {}, OFF, id="preparing"),
        pytest.param(State.AVAILABLE, {}, OFF, id="available"),
        pytest.param(
            State.EXTERNALLY_PROVISIONED, {"externallyProvisioned": True}, OFF, id="external"
        ),
        pytest.param(
            State.PROVISIONING, {"image": IMAGE}, ["deprovisioning", *OFF], id="provisioning"
        ),
        pytest.param(
            State.PROVISIONED, {"image": IMAGE}, ["deprovisioning", *OFF], id="provisioned"
        ),
    ],
)
async def test_each_state_has_its_way_out(bench, make_host, state, spec, path):
    """A host is cleaned if it had an image, switched off if it was managed, and forgotten."""
    b = bench(make_host(**spec))
    host = await b.until(state)
    await b.client.delete(host)
    assert await b.rest() is None
    assert b.states[b.states.index(state) + 1 :] == path
    assert b.backend.nodes == {}


async def test_externally_provisioned_disks_are_not_wiped(bench, make_host):
    """What others installed stays on the disk."""
    b = bench(make_host(externallyProvisioned=True))
    host = await b.until(State.EXTERNALLY_PROVISIONED)
    await b.client.delete(host)
    assert await b.rest() is None
    assert b.machine.wipes == 0


async def test_a_deletion_goes_on_after_the_backend_lost_the_host(bench, make_host):
    """The backend has no node when the deletion is seen: the host is registered again, and goes."""
    b = bench(make_host(image=IMAGE))
    host = await b.until(State.PROVISIONED)
    await b.rest()
    b.backend.lose_database()
    await b.client.delete(host)
    assert await b.rest() is None
    assert b.machine.wipes == 1
    assert b.backend.nodes == {}


async def test_deletion_goes_on_without_the_secret(bench):
    """A Secret that is gone does not keep the host."""
    b = bench()
    await b.until(State.AVAILABLE)
    secret = await b.client.get(corev1.Secret, NamespacedName("metal3", "bmc"))
    secret.metadata.finalizers = []
    await b.client.update(secret)
    await b.client.delete(secret)
    await b.client.delete(await b.host())
    assert await b.rest() is None


async def test_cleaning_that_fails_is_given_up_after_four_times(bench, make_host):
    """Three backoffs, then the host is switched off and deleted all the same."""
    b = bench(make_host(image=IMAGE))
    host = await b.until(State.PROVISIONED)
    b.backend.fail(b.key, "deprovision", "disk is dead", times=100)
    await b.client.delete(host)
    host = await b.drive(lambda h: h.status.error_count == 3, limit=2000)
    assert host.status.provisioning.state == "deprovisioning"
    await b.gone(limit=2000)
    assert b.recorder.reasons.count("ProvisioningError") == 4
    assert b.states[-2:] == OFF


async def test_powering_off_that_fails_is_given_up_after_four_times(bench):
    """A dead BMC does not keep the host for ever."""
    b = bench()
    await b.until(State.AVAILABLE)
    await b.rest()
    b.backend.fail(b.key, "power", "BMC is dead", times=100)
    await b.client.delete(await b.host())
    await b.gone(limit=4000)
    assert b.recorder.reasons.count("PowerManagementError") == 4


async def test_registration_that_fails_is_given_up_after_four_times(bench, make_host):
    """The same holds when the machine cannot even be registered any more."""
    b = bench(make_host(image=IMAGE))
    host = await b.until(State.PROVISIONED)
    b.backend.lose_database()
    b.machine.password = "changed"
    await b.client.delete(host)
    await b.gone(limit=4000)
    assert b.recorder.reasons.count("RegistrationError") >= 4


async def test_a_host_that_must_not_be_off_is_not_switched_off(bench, make_host):
    """With disablePowerOff the deletion leaves the power alone."""
    b = bench(make_host(disablePowerOff=True))
    await b.until(State.AVAILABLE)
    await b.rest()
    await b.client.delete(await b.host())
    assert await b.rest() is None
    assert b.machine.powered_on


@pytest.mark.parametrize(
    ("value", "goes"),
    [
        pytest.param("", True, id="empty"),
        pytest.param("not json", True, id="not-json"),
        pytest.param('{"deleteAction": "delete"}', True, id="delete"),
        pytest.param('{"deleteAction": "delay"}', False, id="delay"),
    ],
)
async def test_a_detached_host_is_deleted_as_its_annotation_says(bench, make_host, value, goes):
    """Without touching the machine, unless it is to wait."""
    b = bench(make_host(image=IMAGE))
    await b.until(State.PROVISIONED)
    await b.rest()
    await b.edit(lambda h: h.metadata.annotations.update({metal3api.DETACHED_ANNOTATION: value}))
    host = await b.rest()
    assert host.status.operational_status == "detached"
    assert b.backend.nodes == {}
    await b.client.delete(host)
    assert (await b.rest() is None) is goes
    assert b.machine.wipes == 0
    assert b.machine.powered_on


async def test_a_delayed_deletion_goes_on_after_attaching(bench, make_host):
    """When the annotation is taken away the host is attached, cleaned and deleted."""
    b = bench(make_host(image=IMAGE))
    await b.until(State.PROVISIONED)
    await b.rest()
    value = '{"deleteAction": "delay"}'
    await b.edit(lambda h: h.metadata.annotations.update({metal3api.DETACHED_ANNOTATION: value}))
    host = await b.rest()
    await b.client.delete(host)
    assert await b.rest() is not None
    await b.edit(lambda h: h.metadata.annotations.clear())
    assert await b.rest() is None
    assert b.machine.wipes == 1


async def test_a_detached_host_comes_back_as_it_was(bench, make_host):
    """Attaching registers the machine again, with a new ID, and keeps what runs."""
    b = bench(make_host(image=IMAGE))
    await b.until(State.PROVISIONED)
    before = await b.rest()
    await b.edit(lambda h: h.metadata.annotations.update({metal3api.DETACHED_ANNOTATION: ""}))
    host = await b.rest()
    assert b.condition(host, "Ready").reason == "Detached"
    assert host.status.provisioning.state == "provisioned"
    await b.edit(lambda h: h.metadata.annotations.clear())
    host = await b.drive(lambda h: h.status.operational_status == "OK" and bool(b.backend.nodes))
    host = await b.rest()
    assert host.status.provisioning.id != before.status.provisioning.id
    assert len(b.machine.deployments) == 1


@pytest.mark.parametrize(
    ("value", "detached"), [("", False), ('{"force": true}', True)], ids=["plain", "forced"]
)
async def test_a_busy_host_is_detached_only_by_force(bench, make_host, value, detached):
    """In the middle of work the annotation waits for a state at rest."""
    b = bench(make_host(image=IMAGE))
    await b.until(State.PROVISIONING)
    await b.edit(lambda h: h.metadata.annotations.update({metal3api.DETACHED_ANNOTATION: value}))
    await b.reconcile()
    host = await b.host()
    assert (host.status.operational_status == "detached") is detached


async def test_a_failed_detachment_is_shown_and_repeated(bench):
    """The error goes when the annotation does."""
    b = bench()
    await b.until(State.AVAILABLE)
    b.backend.fail(b.key, "delete", "locked", times=1)
    await b.edit(lambda h: h.metadata.annotations.update({metal3api.DETACHED_ANNOTATION: ""}))
    host = await b.drive(lambda h: h.status.error_type == "detach error")
    await b.edit(lambda h: h.metadata.annotations.clear())
    host = await b.rest()
    assert (host.status.operational_status, host.status.error_count) == ("OK", 0)


async def test_a_backend_that_refuses_keeps_the_host_and_says_so(bench):
    """Nothing is left behind in the backend: the host waits, with the reason in its condition."""
    b = bench()
    await b.until(State.AVAILABLE)
    b.backend.fail(b.key, "delete", "locked by somebody", times=3)
    await b.client.delete(await b.host())
    host = await b.until(State.DELETING)
    await b.reconcile()
    host = await b.host()
    assert "locked by somebody" in b.condition(host, "Progressing").message
    assert await b.rest() is None


async def test_hardware_data_does_not_keep_a_host(bench):
    """Its finalizer is taken off as soon as the deletion begins."""
    b = bench()
    await b.until(State.AVAILABLE)
    await b.client.delete(await b.client.get(metal3api.HardwareData, b.key))
    await b.client.delete(await b.host())
    await b.reconcile()
    with pytest.raises(NotFoundError):
        await b.client.get(metal3api.HardwareData, b.key)


async def test_what_the_cache_has_not_seen_yet_is_let_go_too(bench):
    """HardwareData that was made a moment before the deletion is not held for ever."""
    b = bench()
    await b.until(State.INSPECTING)
    stuck = b.lag(random.Random(1))  # noqa: S311 - only delays
    await b.until(State.PREPARING)
    stuck.hide(metal3api.HardwareData)
    await b.client.delete(await b.host())
    assert await b.rest() is None
    data = await b.client.get(metal3api.HardwareData, b.key)
    assert metal3api.HARDWARE_DATA_FINALIZER not in data.metadata.finalizers


async def test_a_secret_that_was_let_go_is_not_held_again(bench, make_host):
    """While the host is deleted nothing is put on its Secret any more."""
    b = bench(make_host(image=IMAGE))
    await b.until(State.PROVISIONED)
    await b.client.delete(await b.host())
    key = NamespacedName("metal3", "bmc")
    secret = await b.client.get(corev1.Secret, key)
    secret.metadata.finalizers = []
    await b.client.update(secret)
    await b.until(State.POWERING_OFF_BEFORE_DELETE)
    assert (await b.client.get(corev1.Secret, key)).metadata.finalizers == []
    assert await b.rest() is None


@pytest.mark.parametrize(
    "bmc",
    [
        {"address": "smoke://signal", "credentialsName": "bmc"},
        {"address": "", "credentialsName": "bmc"},
        {"address": "ipmi://b", "credentialsName": "nowhere"},
    ],
)
async def test_a_host_that_never_worked_can_be_deleted(bench, make_host, bmc):
    """Whatever is wrong with its BMC."""
    b = bench(make_host(bmc=bmc))
    await b.drive(lambda h: h.status.error_type is not None)
    await b.client.delete(await b.host())
    assert await b.rest() is None


async def test_a_host_whose_bmc_details_went_can_be_deleted(bench, make_host):
    """It was registered before; nobody knows how to reach it now."""
    b = bench(make_host())
    await b.until(State.AVAILABLE)
    await b.edit(lambda h: setattr(h.spec, "bmc", None))
    await b.client.delete(await b.host())
    await b.gone(limit=4000)
    assert b.backend.nodes == {}
