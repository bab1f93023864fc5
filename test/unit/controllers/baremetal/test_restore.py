"""A host that comes from another cluster with its status in an annotation."""

import json

import pytest

from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.client import NotFoundError

State = metal3api.ProvisioningState
IMAGE = {"url": "http://images/a.qcow2", "checksum": "abc"}
ANNOTATION = metal3api.STATUS_ANNOTATION

pytestmark = pytest.mark.looptime(start=0)


def carrying(make_host, status, **spec):
    """A host with a status in its annotation, as text or as an object."""
    host = make_host(**spec)
    text = status if isinstance(status, str) else json.dumps(status)
    host.metadata.annotations = {ANNOTATION: text}
    return host


async def test_a_restored_status_is_taken_over(bench, make_host):
    """A host that moved between clusters goes on where it was, and is not written again."""
    host = make_host(image=IMAGE)
    b = bench(host)
    await b.until(State.PROVISIONED)
    carried = (await b.host()).status.to_json().decode()
    moved = make_host(image=IMAGE)
    moved.metadata.annotations = {metal3api.STATUS_ANNOTATION: carried}
    c = bench(moved)
    c.backend.hardware[c.key] = b.machine
    found = await c.rest()
    assert found.status.provisioning.state == "provisioned"
    assert metal3api.STATUS_ANNOTATION not in found.metadata.annotations
    assert c.states == ["", "provisioned"]
    assert len(c.machine.deployments) == 1


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"errorCount": "many"}'])
async def test_a_status_that_cannot_be_read_is_not_ignored(bench, make_host, text):
    """The host may run an instance: it is left alone, and told what to do, until it is mended."""
    b = bench(carrying(make_host, text, image=IMAGE))
    for _ in range(5):
        assert (await b.reconcile()).requeue_after is None
    host = await b.host()
    assert host.status.provisioning.state == ""
    assert host.status.last_updated is None
    assert ANNOTATION in b.condition(host, "Progressing").message
    assert b.recorder.reasons == ["InvalidAnnotationValue"]
    assert b.backend.nodes == {}
    await b.edit(lambda h: h.metadata.annotations.update({ANNOTATION: '{"errorCount": 7}'}))
    await b.reconcile()
    assert (await b.host()).status.error_count == 7


async def test_removing_a_broken_status_starts_afresh(bench, make_host):
    """Then the host is a new one."""
    b = bench(carrying(make_host, "{"))
    await b.reconcile()
    await b.edit(lambda h: h.metadata.annotations.clear())
    assert (await b.rest()).status.provisioning.state == "available"


async def test_a_broken_status_does_not_keep_a_host(bench, make_host):
    """Nothing is known of it, and nothing is asked of it any more."""
    host = carrying(make_host, "{")
    host.metadata.finalizers = [metal3api.HOST_FINALIZER]
    b = bench(host)
    await b.client.delete(await b.host())
    assert await b.rest() is None


async def test_a_part_of_a_status_is_enough(bench, make_host):
    """What is not told has its default; the time of the update is filled in."""
    carried = {"operationalStatus": "OK", "provisioning": {"state": "unmanaged", "ID": ""}}
    b = bench(carrying(make_host, carried, bmc=None))
    await b.reconcile()
    host = await b.host()
    assert host.status.provisioning.state == "unmanaged"
    assert host.status.last_updated
    assert "Discovered" not in b.recorder.reasons


@pytest.mark.parametrize(
    ("status", "error"), [("servicing", None), ("error", "servicing error"), ("detached", None)]
)
async def test_every_operational_status_can_be_carried(bench, make_host, status, error):
    """Also those that the Go operator's webhook refuses."""
    carried = {"operationalStatus": status, "provisioning": {"state": "provisioned", "ID": "x"}}
    if error:
        carried |= {"errorType": error, "errorMessage": "broken"}
    host = carrying(make_host, carried, image=IMAGE)
    host.metadata.annotations[metal3api.DETACHED_ANNOTATION] = ""
    host.spec.bmc = None
    b = bench(host)
    await b.reconcile()
    restored = (await b.host()).status
    assert restored.provisioning.state == "provisioned"
    assert restored.provisioning.id == "x"
    assert ANNOTATION not in (await b.host()).metadata.annotations


async def test_a_status_that_is_there_counts_more(bench, make_host):
    """The annotation is dropped unread."""
    b = bench()
    await b.until(State.AVAILABLE)
    await b.edit(lambda h: h.metadata.annotations.update({ANNOTATION: '{"errorCount": 7}'}))
    host = await b.rest()
    assert host.status.error_count == 0
    assert ANNOTATION not in host.metadata.annotations


async def test_hardware_data_counts_more_than_what_was_carried(bench, make_host):
    """It moved along, and may be newer; nothing is created when it did not."""
    carried = {
        "operationalStatus": "discovered",
        "provisioning": {"state": "unmanaged", "ID": ""},
        "hardware": {"hostname": "old"},
    }
    data = metal3api.HardwareData.named("host-0", "metal3")
    data.spec.hardware = metal3api.HardwareDetails(hostname="new")
    b = bench(carrying(make_host, carried, bmc=None), data)
    await b.reconcile()
    assert (await b.host()).status.hardware.hostname == "new"
    c = bench(carrying(make_host, carried, bmc=None))
    await c.reconcile()
    assert (await c.host()).status.hardware.hostname == "old"
    with pytest.raises(NotFoundError):
        await c.client.get(metal3api.HardwareData, c.key)
