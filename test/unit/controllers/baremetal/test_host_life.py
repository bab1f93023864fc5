"""A host's whole life with machines in memory."""

import random

import pytest

from metal3.api.core import v1 as corev1
from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.client import NotFoundError
from metal3.runtime.types import NamespacedName

State = metal3api.ProvisioningState
IMAGE = {"url": "http://images/a.qcow2", "checksum": "http://images/a.sha256"}

pytestmark = pytest.mark.looptime(start=0)


async def test_a_host_is_registered_inspected_and_made_available(bench):
    """Without an image a new host ends available, with its hardware known and power as asked."""
    b = bench()
    host = await b.until(State.AVAILABLE)
    assert b.states == ["", "registering", "inspecting", "preparing", "available"]
    host = await b.rest()
    assert host.status.operational_status == "OK"
    assert host.status.powered_on
    assert b.machine.power_actions == ["power on"]
    assert host.status.hardware.nics[0].mac == "52:54:00:00:00:01"
    data = await b.client.get(metal3api.HardwareData, b.key)
    assert data.spec.hardware.to_dict() == host.status.hardware.to_dict()
    assert host.status.good_credentials.to_dict() == host.status.tried_credentials.to_dict()
    assert host.status.provisioning.id
    assert b.recorder.reasons == [
        "Registered",
        "BMCAccessValidated",
        "InspectionStarted",
        "InspectionComplete",
        "PowerOn",
    ]


async def test_the_secret_is_marked_and_held(bench):
    """The BMC's Secret is labelled for the cache, owned by the host and kept until it is gone."""
    b = bench()
    await b.until(State.AVAILABLE)
    secret = await b.client.get(corev1.Secret, NamespacedName("metal3", "bmc"))
    assert secret.metadata.labels == {"environment.metal3.io": "baremetal"}
    assert secret.metadata.finalizers == ["baremetalhost.metal3.io/secret"]
    (owner,) = secret.metadata.owner_references
    assert (owner.kind, owner.name, owner.controller) == ("BareMetalHost", "host-0", None)


async def test_an_image_is_provisioned_and_taken_off(bench, make_host):
    """An image is written once; when it is no longer asked for, the disk is wiped.

    A host that comes to `available` only to go on is written once for both.
    """
    b = bench(make_host(image=IMAGE))
    host = await b.until(State.PROVISIONED)
    assert b.states[-3:] == ["preparing", "provisioning", "provisioned"]
    assert host.status.provisioning.image.url == IMAGE["url"]
    await b.rest()
    await b.edit(lambda h: setattr(h.spec, "image", None))
    host = await b.until(State.AVAILABLE)
    assert b.states[-2:] == ["deprovisioning", "available"]
    assert host.status.provisioning.image is None
    assert [d.url for d in b.machine.deployments] == [IMAGE["url"]]
    assert b.machine.wipes == 1


async def test_deletion_cleans_up_everything(bench, make_host):
    """A provisioned host is wiped, switched off and forgotten before its finalizer goes."""
    b = bench(make_host(image=IMAGE))
    await b.until(State.PROVISIONED)
    await b.client.delete(await b.host())
    assert await b.rest() is None
    assert b.states[-3:] == ["deprovisioning", "powering off before delete", "deleting"]
    assert b.machine.disk is None
    assert not b.machine.powered_on
    assert b.backend.nodes == {}
    secret = await b.client.get(corev1.Secret, NamespacedName("metal3", "bmc"))
    assert secret.metadata.finalizers == []
    data = await b.client.get(metal3api.HardwareData, b.key)
    assert data.metadata.finalizers == []


async def test_a_host_without_bmc_waits_and_goes_without_the_backend(bench, make_host):
    """Nothing is asked of the backend for a host nobody can reach, not even on deletion."""
    b = bench(make_host(bmc=None), secret=None)
    b.backend.down = True
    host = await b.until(State.UNMANAGED)
    assert host.status.operational_status == "discovered"
    await b.client.delete(host)
    assert await b.rest() is None


async def test_bmc_details_given_later_start_the_registration(bench, make_host):
    """A discovered host becomes managed when its BMC is told."""
    b = bench(make_host(bmc=None))
    await b.until(State.UNMANAGED)
    bmc = metal3api.BMCDetails(address="ipmi://bmc", credentials_name="bmc")
    await b.edit(lambda h: setattr(h.spec, "bmc", bmc))
    host = await b.until(State.AVAILABLE)
    assert host.status.operational_status == "OK"


async def test_writes_of_a_whole_life_are_few(bench, make_host):
    """Creation to provisioned takes no more writes than the budget allows, and no conflicts."""
    b = bench(make_host(image=IMAGE))
    await b.until(State.PROVISIONED)
    await b.rest()
    writes = [str(action) for action in b.client.actions]
    assert len(writes) + len(b.recorder.events) <= 16, writes + b.recorder.reasons


async def test_the_same_name_comes_back_as_a_new_host(bench, make_host):
    """What is remembered of a deleted host has no effect on its successor."""
    b = bench()
    await b.until(State.AVAILABLE)
    await b.client.delete(await b.host())
    assert await b.rest() is None
    with pytest.raises(NotFoundError):
        await b.host()
    data = await b.client.get(metal3api.HardwareData, b.key)
    await b.client.delete(data)
    await b.client.create(make_host(image=IMAGE))
    host = await b.until(State.PROVISIONED)
    assert metav1.is_condition_true(host.status.conditions, "Ready")


async def test_a_cache_that_learns_nothing_leads_to_nothing_wrong(bench, make_host):
    """Decisions stand on our own last write: no step is done twice, nothing is left behind."""
    b = bench(make_host(image=IMAGE))
    cache = b.lag(random.Random(1))  # noqa: S311 - how far it is behind
    await b.reconcile()
    cache.is_stuck = True
    await b.until(State.PROVISIONED)
    assert len(b.machine.deployments) == 1
    cache.is_stuck, cache.lags = False, False
    await b.rest()
    await b.client.delete(await b.host())
    await b.reconcile()
    cache.is_stuck = True
    assert await b.rest() is None
    for _ in range(5):
        await b.reconcile()
    assert b.backend.nodes == {}
    assert not [a for a in b.client.actions[-3:] if a.verb == "create"]
