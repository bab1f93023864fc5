"""Data images and event subscriptions."""

from datetime import timedelta

import pytest

from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers.baremetal.bmceventsubscription_controller import (
    BMCEventSubscriptionReconciler,
)
from metal3.controllers.baremetal.dataimage_controller import DataImageReconciler
from metal3.runtime.client import NotFoundError
from metal3.runtime.reconcile import Request
from metal3.runtime.types import NamespacedName

State = metal3api.ProvisioningState
IMAGE = {"url": "http://images/a.qcow2", "checksum": "abc"}
ISO = "http://images/data.iso"
SUBSCRIPTION = NamespacedName("metal3", "events")

pytestmark = pytest.mark.looptime(start=0)


async def with_data_image(bench, make_host):
    """A host that runs an instance and rests, with a data image for it."""
    b = bench(make_host(image=IMAGE))
    await b.until(State.PROVISIONED)
    await b.rest()
    image = metal3api.DataImage.named("host-0", "metal3")
    image.spec.url = ISO
    await b.client.create(image)
    await look(b)
    return b


async def look(b):
    """Let the data image be looked at."""
    return await DataImageReconciler(env=b.env).reconcile(Request(*b.key))


async def reboot(b):
    """Ask for one reboot and wait for its end."""
    await b.edit(lambda h: h.metadata.annotations.update({metal3api.REBOOT_ANNOTATION: ""}))
    return await b.rest()


async def test_a_data_image_is_inserted_at_the_next_reboot(bench, make_host):
    """Not before, and the status says what is in the drive."""
    b = await with_data_image(bench, make_host)
    await b.rest()
    assert b.machine.media == ""
    host = await reboot(b)
    assert b.machine.media == ISO
    assert host.status.powered_on
    image = await b.client.get(metal3api.DataImage, b.key)
    assert image.status.attached_image.url == ISO
    assert image.metadata.owner_references[0].name == "host-0"


async def test_a_data_image_that_cannot_be_inserted_keeps_the_host_off(bench, make_host):
    """The error is counted on the image, the host's condition says what it waits for."""
    b = await with_data_image(bench, make_host)
    b.backend.fail(b.key, "media", "no such file", passing=True)
    await b.edit(lambda h: h.metadata.annotations.update({metal3api.REBOOT_ANNOTATION: ""}))
    host = await b.drive(lambda h: "no such file" in b.condition(h, "Progressing").message)
    assert not host.status.powered_on
    image = await b.client.get(metal3api.DataImage, b.key)
    assert image.status.error.count == 1
    host = await b.drive(lambda h: h.status.powered_on)
    assert b.machine.media == ISO
    assert (await b.client.get(metal3api.DataImage, b.key)).status.error.count == 0


async def test_a_data_image_in_use_is_held_until_a_power_cycle(bench, make_host):
    """Deleting the object ejects the medium at the next reboot, then the object goes."""
    b = await with_data_image(bench, make_host)
    await reboot(b)
    await b.client.delete(await b.client.get(metal3api.DataImage, b.key))
    assert (await look(b)).requeue_after == timedelta(seconds=60)
    await reboot(b)
    assert b.machine.media == ""
    await look(b)
    with pytest.raises(NotFoundError):
        await b.client.get(metal3api.DataImage, b.key)


async def test_a_data_image_without_host_is_let_go(bench):
    """Nothing holds it when there is no machine."""
    image = metal3api.DataImage.named("nobody", "metal3")
    image.spec.url = ISO
    b = bench(None, image)
    reconciler = DataImageReconciler(env=b.env)
    key = NamespacedName("metal3", "nobody")
    await reconciler.reconcile(Request(*key))
    image = await b.client.get(metal3api.DataImage, key)
    assert image.metadata.finalizers == ["dataimage.metal3.io"]
    await b.client.delete(image)
    await reconciler.reconcile(Request(*key))
    with pytest.raises(NotFoundError):
        await b.client.get(metal3api.DataImage, key)


async def subscribed(bench, *others, **spec):
    """A bench with a subscription for its host."""
    subscription = metal3api.BMCEventSubscription.from_dict(
        {
            "metadata": {"name": "events", "namespace": "metal3"},
            "spec": {"hostName": "host-0", "destination": "http://sink/"} | spec,
        }
    )
    b = bench(None, subscription, *others)
    await b.until(State.AVAILABLE)
    return b, BMCEventSubscriptionReconciler(env=b.env)


async def get(b):
    """The subscription as the API has it."""
    return await b.client.get(metal3api.BMCEventSubscription, SUBSCRIPTION)


async def test_a_subscription_is_made_once_and_removed_with_its_object(bench, make_secret):
    """Headers come from a Secret that need not carry the operator's label."""
    headers = {"httpHeadersRef": {"name": "headers", "namespace": "metal3"}}
    b, reconciler = await subscribed(bench, make_secret("headers", Authorization="x"), **headers)
    for _ in range(3):
        await reconciler.reconcile(Request(*SUBSCRIPTION))
    subscription = await get(b)
    assert list(b.machine.subscriptions) == [subscription.status.subscription_id]
    assert list(b.machine.subscriptions.values()) == [{"Authorization": "x"}]
    await b.client.delete(subscription)
    await reconciler.reconcile(Request(*SUBSCRIPTION))
    assert b.machine.subscriptions == {}
    with pytest.raises(NotFoundError):
        await get(b)


async def test_a_subscription_of_a_paused_host_goes_when_it_is_handed_back(bench):
    """The BMC is left alone, and would send for ever if the object went before."""
    b, reconciler = await subscribed(bench)
    await reconciler.reconcile(Request(*SUBSCRIPTION))
    await b.annotate(**{metal3api.PAUSED_ANNOTATION: ""})
    await b.client.delete(await get(b))
    await reconciler.reconcile(Request(*SUBSCRIPTION))
    assert b.machine.subscriptions
    assert "paused" in (await get(b)).status.error
    await b.edit(lambda h: h.metadata.annotations.clear())
    await reconciler.reconcile(Request(*SUBSCRIPTION))
    assert not b.machine.subscriptions
    with pytest.raises(NotFoundError):
        await get(b)


async def test_a_subscription_of_a_detached_host_goes_at_once(bench):
    """The backend knows no way to its BMC any more."""
    b, reconciler = await subscribed(bench)
    await reconciler.reconcile(Request(*SUBSCRIPTION))
    await b.annotate(**{metal3api.DETACHED_ANNOTATION: ""})
    await b.rest()
    await b.client.delete(await get(b))
    await reconciler.reconcile(Request(*SUBSCRIPTION))
    with pytest.raises(NotFoundError):
        await get(b)


async def test_what_a_subscription_waits_for_is_said_and_unsaid(bench, make_secret):
    """A missing Secret, then a failure, then success: the error is the latest, and then gone."""
    headers = {"httpHeadersRef": {"name": "headers", "namespace": "metal3"}}
    b, reconciler = await subscribed(bench, **headers)
    await reconciler.reconcile(Request(*SUBSCRIPTION))
    assert "metal3/headers does not exist" in str((await get(b)).status.error)
    await b.client.create(make_secret("headers", Authorization="x"))
    b.backend.fail(b.key, "subscribe", "not supported")
    await reconciler.reconcile(Request(*SUBSCRIPTION))
    assert (await get(b)).status.error == "not supported"
    await reconciler.reconcile(Request(*SUBSCRIPTION))
    assert (await get(b)).status.error is None


async def test_a_subscription_for_a_host_that_is_not_there(bench):
    """It says so, and goes without a fight."""
    b, reconciler = await subscribed(bench, hostName="other")
    await reconciler.reconcile(Request(*SUBSCRIPTION))
    assert "'other' does not exist" in str((await get(b)).status.error)
    await b.client.delete(await get(b))
    await reconciler.reconcile(Request(*SUBSCRIPTION))
    with pytest.raises(NotFoundError):
        await get(b)
