"""Objects as the Go operator leaves them: its notation of "nothing", and what follows from it."""

from typing import Any

import pytest

from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.provisioner.fixture._machine import Node, NodeState

State = metal3api.ProvisioningState
URL = "http://images/a.qcow2"

pytestmark = pytest.mark.looptime(start=0)

# Go writes empty objects, null times and empty strings where nothing is known.
EMPTY: dict[str, Any] = {
    "operationalStatus": "OK",
    "errorMessage": "",
    "errorCount": 0,
    "provisioningFailCount": 0,
    "poweredOn": True,
    "lastUpdated": "2026-01-01T00:00:00Z",
    "hardwareProfile": "unknown",
    "goodCredentials": {},
    "triedCredentials": {},
    "operationHistory": {
        name: {"start": None, "end": None}
        for name in ("register", "inspect", "provision", "deprovision")
    },
    "provisioning": {
        "ID": "11111111-0000-4000-8000-000000000001",
        "bootMode": "UEFI",
        "image": {"url": ""},
        "raid": {"hardwareRAIDVolumes": None, "softwareRAIDVolumes": []},
        "rootDeviceHints": {"deviceName": "/dev/sda"},
        "state": "available",
    },
    "hardware": {"hostname": "h", "nics": [], "storage": [], "cpu": {"arch": "x86_64"}},
}


def taken_over(bench, make_host, *, provisioning, node, **spec):
    """A host with a status of the Go operator, and the node it has in the backend."""
    host = make_host(**spec)
    status = EMPTY | {"provisioning": EMPTY["provisioning"] | provisioning}
    host.status = metal3api.BareMetalHostStatus.from_dict(status)
    host.metadata.finalizers = [metal3api.HOST_FINALIZER]
    b = bench(host)
    b.backend.nodes[b.key] = Node(id=status["provisioning"]["ID"], state=node)
    b.machine.powered_on = True
    return b


async def test_an_available_host_stays_available(bench, make_host):
    """Empty lists and objects ask for no cleaning and no inspection."""
    b = taken_over(bench, make_host, provisioning={}, node=NodeState.MANAGEABLE)
    host = await b.rest()
    assert b.states == ["available"]
    assert host.status.good_credentials.credentials.name == "bmc"
    assert b.machine.inspections == b.machine.wipes == 0
    assert b.machine.power_actions == []


async def test_an_instance_runs_on(bench, make_host):
    """It is neither written again nor restarted."""
    image = {"url": URL, "checksum": "abc"}
    b = taken_over(
        bench,
        make_host,
        provisioning={"state": "provisioned", "image": image},
        node=NodeState.ACTIVE,
        image=image,
    )
    await b.rest()
    assert b.states == ["provisioned"]
    assert b.machine.deployments == []
    assert b.machine.power_actions == []


async def test_an_image_goes_on_a_host_with_an_empty_one(bench, make_host):
    """An image without URL is none."""
    b = taken_over(
        bench,
        make_host,
        provisioning={},
        node=NodeState.MANAGEABLE,
        image={"url": URL, "checksum": "abc"},
    )
    host = await b.until(State.PROVISIONED)
    assert host.status.operation_history.provision.end
    assert [d.url for d in b.machine.deployments] == [URL]


async def test_a_spec_with_empty_strings_asks_for_nothing(bench, make_host):
    """Go clients always send bmc and image, also when they are not meant."""
    bmc = {"address": "", "credentialsName": ""}
    b = bench(make_host(bmc=bmc, image={"url": ""}))
    host = await b.rest()
    assert host.status.provisioning.state == State.UNMANAGED
    assert host.status.operational_status == "discovered"


async def test_an_image_without_url_is_none(bench, make_host):
    """It does not provision, and taking the URL away deprovisions."""
    b = bench(make_host(image={"url": ""}))
    assert (await b.rest()).status.provisioning.state == State.AVAILABLE
    await b.edit(lambda h: setattr(h.spec, "image", metal3api.Image(url=URL, checksum="c")))
    await b.until(State.PROVISIONED)
    await b.edit(lambda h: setattr(h.spec, "image", metal3api.Image(url="")))
    await b.until(State.AVAILABLE)
    assert b.machine.wipes == 1


async def test_what_is_stored_is_in_the_notation_of_the_api(bench, make_host):
    """Times in whole seconds; what is not known is not there."""
    b = bench(make_host(image={"url": URL, "checksum": "abc"}))
    host = await b.until(State.PROVISIONED)
    stored = host.status.to_dict()
    times = [stored["lastUpdated"]] + [
        time for metric in stored["operationHistory"].values() for time in (metric or {}).values()
    ]
    assert all(time.endswith("Z") and "." not in time for time in times if time)
    for disk in stored["hardware"]["storage"]:
        assert "rotational" not in disk
        assert None not in disk.values()
    assert stored["provisioning"]["image"] == {"url": URL, "checksum": "abc"}
