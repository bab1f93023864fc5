"""Which changes wake whom: what nobody has to act on must wake nobody."""

import pytest

from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers.baremetal.wakeups import (
    firmware_may_have_changed,
    host_changed,
    is_late_arrival,
    is_new,
    is_news,
    is_news_of_hardware,
    registration_changed,
)
from metal3.runtime.event import CreateEvent, DeleteEvent, UpdateEvent

State = metal3api.ProvisioningState


@pytest.fixture
def change(make_host):
    """Makes the event of a change: ``edit`` is done to the newer of two hosts."""

    def make(edit, **before):
        old = make_host()
        old.metadata.generation, old.metadata.resource_version = 1, "1"
        old.status = metal3api.BareMetalHostStatus.from_dict(before)
        new = old.deep_copy()
        new.metadata.resource_version = "2"
        edit(new)
        return UpdateEvent(object_old=old, object_new=new)

    return make


def sets(path, value):
    """An edit of one attribute."""

    def edit(host):
        *way, last = path.split(".")
        place = host
        for step in way:
            place = getattr(place, step)
        setattr(place, last, value)

    return edit


@pytest.mark.parametrize(
    ("path", "value", "wakes"),
    [
        ("metadata.generation", 2, True),
        ("metadata.annotations", {"reboot.metal3.io": ""}, True),
        ("metadata.finalizers", ["baremetalhost.metal3.io"], True),
        ("metadata.labels", {"rack": "1"}, False),
        ("metadata.owner_references", [metav1.OwnerReference(kind="X", name="x")], False),
        ("status.powered_on", True, False),
        ("status.provisioning.state", State.INSPECTING, False),
    ],
)
def test_a_host_is_woken_by_what_users_change(change, path, value, wakes):
    """Its status is ever written by the operator alone."""
    assert host_changed().update(change(sets(path, value))) is wakes


def test_every_host_is_looked_at_when_it_comes_and_goes(make_host):
    """Also those that were there before the operator."""
    for first in (False, True):
        assert host_changed().create(CreateEvent(object=make_host(), is_in_initial_list=first))
    assert host_changed().delete(DeleteEvent(object=make_host()))


@pytest.mark.parametrize(
    ("before", "path", "value", "registration", "firmware"),
    [
        ({}, "status.provisioning.id", "1", True, True),
        ({}, "status.operational_status", "detached", True, True),
        ({"operationalStatus": "detached"}, "status.operational_status", "OK", True, True),
        ({"operationalStatus": "servicing"}, "status.operational_status", "OK", True, True),
        ({"operationalStatus": "OK"}, "status.operational_status", "error", False, False),
        ({}, "status.provisioning.state", State.INSPECTING, False, True),
        ({}, "status.provisioning.state", State.AVAILABLE, False, True),
        ({}, "status.provisioning.state", State.EXTERNALLY_PROVISIONED, False, True),
        ({}, "status.provisioning.state", State.PROVISIONING, False, False),
        ({}, "status.powered_on", True, False, False),
        ({}, "metadata.generation", 2, False, False),
    ],
)
def test_what_companions_hear_of_their_host(change, before, path, value, registration, firmware):
    """Whether the machine can be asked, and whether its firmware may be another by now."""
    event = change(sets(path, value), **before)
    assert registration_changed().update(event) is registration
    assert firmware_may_have_changed().update(event) is firmware


@pytest.mark.parametrize("annotation", [metal3api.PAUSED_ANNOTATION, metal3api.DETACHED_ANNOTATION])
def test_companions_hear_of_a_host_that_is_handed_back(change, annotation):
    """What was asked of it in the meantime was left alone, and is looked at now."""
    registered = {"provisioning": {"state": "available", "ID": "1"}}
    event = change(sets("metadata.annotations", {annotation: ""}), **registered)
    back = UpdateEvent(object_old=event.object_new, object_new=event.object_old)
    for turn in (event, back):
        assert registration_changed().update(turn)
        assert firmware_may_have_changed().update(turn)


def test_hosts_that_are_there_already_are_no_news_to_companions(make_host):
    """Each companion is looked at at the start anyway."""
    event = CreateEvent(object=make_host(), is_in_initial_list=False)
    assert not registration_changed().create(event)
    assert not firmware_may_have_changed().create(event)


@pytest.mark.parametrize(
    ("predicate", "created", "listed", "changed", "resynced", "deleted"),
    [
        (is_news(), False, False, True, False, True),
        (is_new(), True, False, False, False, False),
        (is_late_arrival(), True, False, True, False, True),
        (is_news_of_hardware(), True, False, True, False, True),
    ],
)
def test_what_is_news_of_things_beside_a_host(
    change, predicate, created, listed, changed, resynced, deleted
):
    """What the start lists wakes nobody, and neither does hearing the same again."""
    event = change(lambda _: None)
    same = UpdateEvent(object_old=event.object_old, object_new=event.object_old)
    thing = event.object_new
    assert predicate.create(CreateEvent(object=thing, is_in_initial_list=False)) is created
    assert predicate.create(CreateEvent(object=thing, is_in_initial_list=True)) is listed
    assert predicate.update(event) is changed
    assert predicate.update(same) is resynced
    assert predicate.delete(DeleteEvent(object=thing)) is deleted


def test_hardware_data_that_an_inspection_made_is_no_news():
    """It carries the operator's finalizer from the start."""
    data = metal3api.HardwareData.named("host-0", "metal3")
    data.metadata.finalizers = [metal3api.HARDWARE_DATA_FINALIZER]
    event = CreateEvent(object=data, is_in_initial_list=False)
    assert not is_news_of_hardware().create(event)
