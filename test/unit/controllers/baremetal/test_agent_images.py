"""Images to boot the agent with: asked for by the host, chosen by the environment, used when ready."""

from datetime import timedelta
from typing import Any

import pytest

from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers.baremetal.host.agent_images import AgentImages
from metal3.controllers.baremetal.host.hostpass import HostPass
from metal3.controllers.baremetal.host.preprovisioning import needs_agent
from metal3.controllers.baremetal.preprovisioningimage_controller import (
    PreprovisioningImageReconciler,
)
from metal3.provisioner import NeedsPreprovisioningImageError
from metal3.provisioner.fixture._provisioner import FixtureProvisioner
from metal3.runtime.client import NotFoundError
from metal3.runtime.reconcile import Request

State = metal3api.ProvisioningState
IMAGES = AgentImages({"DEPLOY_ISO_URL": "http://agent/iso"})

pytestmark = pytest.mark.looptime(start=0)


@pytest.mark.parametrize(
    ("environment", "arch", "formats", "url"),
    [
        ({}, "x86_64", ["iso"], None),
        ({"DEPLOY_ISO_URL": "any"}, "x86_64", ["iso"], "any"),
        ({"DEPLOY_ISO_URL": "any"}, "x86_64", ["initrd"], None),
        ({"DEPLOY_ISO_URL": "any", "DEPLOY_ISO_URL_AARCH64": "arm"}, "aarch64", ["iso"], "arm"),
        ({"DEPLOY_ISO_URL": "any", "DEPLOY_ISO_URL_AARCH64": "arm"}, "x86_64", ["iso"], "any"),
        (
            {"DEPLOY_ISO_BY_ARCH": "x86_64:http://x/i,aarch64:http://a/i"},
            "aarch64",
            ["iso"],
            "http://a/i",
        ),
        ({"DEPLOY_KERNEL_URL": "k", "DEPLOY_RAMDISK_URL": "r"}, "x86_64", ["iso", "initrd"], "r"),
        ({"DEPLOY_KERNEL_URL": "k"}, "x86_64", ["initrd"], None),
    ],
)
def test_where_images_come_from(environment, arch, formats, url):
    """The variable of the architecture, then the table, then the one for all."""
    found = AgentImages(environment).find(arch, formats)
    assert (found.image_url if found else None) == url


class NeedsAgent(FixtureProvisioner):
    """A backend that boots an agent from an image made for the host."""

    async def preprovisioning_image_formats(self):
        """Virtual media is best."""
        return ("iso", "initrd")

    async def register(self, data, *, credentials_changed, restart_on_failure):
        """Not without an image where the agent is booted."""
        if data.state in {"inspecting", "preparing"} and data.preprovisioning_image is None:
            raise NeedsPreprovisioningImageError
        SEEN.append(data.preprovisioning_image)
        return await super().register(
            data, credentials_changed=credentials_changed, restart_on_failure=restart_on_failure
        )


SEEN: list[Any] = []


@pytest.fixture
def agent_bench(bench, monkeypatch):
    """Makes a bench whose backend needs an image for each host."""
    SEEN.clear()
    monkeypatch.setattr("metal3.provisioner.fixture._backend.FixtureProvisioner", NeedsAgent)
    return bench


async def image_of(b):
    """The host's image."""
    return await b.client.get(metal3api.PreprovisioningImage, b.key)


async def answer(b, images=IMAGES) -> timedelta | None:
    """Let the image controller work."""
    reconciler = PreprovisioningImageReconciler(env=b.env, images=images)
    return (await reconciler.reconcile(Request(*b.key))).requeue_after


async def test_a_host_asks_for_an_image_and_uses_it_when_ready(agent_bench):
    """It waits with a reason, and is registered with the image once that is there."""
    b = agent_bench()
    await b.until(State.INSPECTING)
    assert (await b.reconcile()).requeue_after == timedelta(minutes=5)
    host = await b.host()
    assert "pre-provisioning image" in b.condition(host, "Progressing").message
    image = await image_of(b)
    assert image.spec.accept_formats == ["iso", "initrd"]
    owner = metav1.controller_of(image)
    assert owner is not None
    assert owner.name == "host-0"
    await answer(b)
    await b.until(State.AVAILABLE)
    assert SEEN[-1].image_url == "http://agent/iso"
    conditions = (await image_of(b)).status.conditions
    assert {c.type: (c.status, c.reason) for c in conditions} == {
        "Ready": ("True", "ImageSuccess"),
        "Error": ("False", "ImageSuccess"),
    }


async def test_an_image_that_cannot_be_had_is_an_error_of_the_host(agent_bench):
    """The image's own message is passed on."""
    b = agent_bench()
    await b.until(State.INSPECTING)
    await b.reconcile()
    await answer(b, AgentImages({}))
    host = await b.drive(lambda h: h.status.error_type is not None)
    assert host.status.error_type == "registration error"
    assert "DEPLOY_ISO_URL" in host.status.error_message


async def test_network_data_is_part_of_the_image(agent_bench, make_host, make_secret):
    """An image made before the Secret changed is not used."""
    b = agent_bench(make_host(preprovisioningNetworkDataName="net"), make_secret("net", value="{}"))
    await b.until(State.INSPECTING)
    await b.reconcile()
    await answer(b)
    await b.until(State.AVAILABLE)
    image = await image_of(b)
    assert image.status.network_data.name == "net"
    SEEN.clear()
    secret = await b.client.get(type(make_secret()), b.key._replace(name="net"))
    secret.data = make_secret("net", value="{1}").data
    await b.client.update(secret)
    await b.reconcile()
    assert SEEN == [None]
    await answer(b)
    await b.reconcile()
    assert SEEN[-1] is not None


async def test_missing_network_data_is_named_and_waited_for(bench):
    """It wakes the image when it comes; the clock is only a backstop."""
    image = metal3api.PreprovisioningImage.named("host-0", "metal3")
    image.spec.network_data_name = "net"
    image.spec.accept_formats = ["iso"]
    b = bench(None, image)
    assert await answer(b) == timedelta(minutes=10)
    error = b.condition(await image_of(b), "Error")
    assert (error.status, error.reason) == ("True", "MissingNetworkData")
    assert "metal3/net" in error.message


async def test_an_image_goes_when_its_host_lets_it(agent_bench):
    """The image stays usable until the host is gone."""
    b = agent_bench()
    await b.until(State.INSPECTING)
    await b.reconcile()
    await answer(b)
    await b.until(State.AVAILABLE)
    await b.client.delete(await image_of(b))
    await answer(b)
    assert (await image_of(b)).metadata.deletion_timestamp
    await b.client.delete(await b.host())
    assert await b.rest() is None
    await answer(b)
    with pytest.raises(NotFoundError):
        await image_of(b)


async def test_a_mended_image_ends_the_backoff(agent_bench):
    """The machine was never tried, so there is nothing to wait for once the image is there."""
    b = agent_bench()
    await b.until(State.INSPECTING)
    await b.reconcile()
    await answer(b, AgentImages({}))
    for _ in range(4):
        await b.reconcile()
    host = await b.host()
    assert (host.status.error_type, host.status.error_count) == ("registration error", 4)
    assert (await b.reconcile()).requeue_after >= timedelta(minutes=16)
    await answer(b)
    host = await b.drive(lambda h: h.status.error_type is None, limit=5)
    assert SEEN[-1].image_url == "http://agent/iso"


NEEDS = [
    (State.REGISTERING, {}, "OK", False),
    (State.INSPECTING, {}, "OK", True),
    (State.INSPECTING, {"inspectionMode": "fast"}, "OK", False),
    (State.PREPARING, {}, "OK", True),
    (State.AVAILABLE, {}, "OK", True),
    (State.PROVISIONING, {}, "OK", True),
    (State.PROVISIONED, {}, "OK", False),
    (State.PROVISIONED, {}, "servicing", True),
    (State.EXTERNALLY_PROVISIONED, {}, "OK", False),
    (State.EXTERNALLY_PROVISIONED, {}, "servicing", True),
    (State.DEPROVISIONING, {}, "OK", True),
    (State.DEPROVISIONING, {"automatedCleaningMode": "disabled"}, "OK", False),
    (State.POWERING_OFF_BEFORE_DELETE, {}, "OK", False),
    (State.DELETING, {}, "OK", False),
]


@pytest.mark.parametrize(("state", "spec", "status", "needed"), NEEDS)
async def test_which_states_need_an_image(bench, make_host, state, spec, status, needed):
    """Only those that may boot the agent."""
    b = bench(make_host(**spec))
    host = await b.host()
    host.status.provisioning.state = state
    host.status.operational_status = status
    p = HostPass(env=b.env, host=host, writer=b.reconciler.writer)
    assert needs_agent(p) is needed
