"""The ways users take their hosts: firmware, media, reboots, letting go and taking back."""

import asyncio

import pytest

from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.simulator import LabConfig, NoCallback

pytestmark = pytest.mark.e2e

REBOOT = metal3api.REBOOT_ANNOTATION
DETACHED = metal3api.DETACHED_ANNOTATION
SETTINGS = metal3api.HostFirmwareSettings


async def reboot(w, host):
    """Ask for a reboot and wait until it is over; gives how many boots that took."""
    boots = w.boots(host)
    await w.annotate(host, REBOOT, '{"mode": "hard"}')
    await w.annotation_is_gone(host, REBOOT)
    await w.wait(host, lambda h: h.status.powered_on and w.runs(host) == "instance")
    return w.boots(host) - boots


async def let_go_and_taken_back(w, host):
    """Detaching leaves the machine alone, and a deletion waits until the host is back."""
    await w.create(host, image=True)
    await w.rests(host, "provisioned")
    boots = w.boots(host)
    await w.annotate(host, DETACHED, '{"deleteAction": "delay"}')
    await w.wait(host, lambda h: h.status.operational_status == "detached")
    assert w.node_name(host) not in await w.nodes()
    await w.annotate(host, DETACHED, None)
    await w.rests(host, "provisioned")
    await w.active(host)
    assert (w.boots(host), w.runs(host)) == (boots, "instance")
    await w.annotate(host, DETACHED, '{"deleteAction": "delay"}')
    await w.wait(host, lambda h: h.status.operational_status == "detached")
    await w.client.delete(await w.get(host))
    await asyncio.sleep(2)
    found = await w.get(host)
    assert found.status.provisioning.state == "provisioned"
    assert (w.boots(host), w.runs(host)) == (boots, "instance")
    await w.annotate(host, DETACHED, None)
    await w.gone(host)
    assert w.runs(host) == "off"


async def let_go_in_the_middle(w, host):
    """With force a host is detached from any state; taken back, it goes on from there."""
    await w.lab.fault(host, NoCallback())
    await w.create(host)
    await w.state(host, "inspecting")
    await w.annotate(host, DETACHED)
    await asyncio.sleep(2)
    assert (await w.get(host)).status.operational_status == "OK"
    await w.annotate(host, DETACHED, '{"force": true}')
    await w.wait(host, lambda h: h.status.operational_status == "detached")
    assert w.node_name(host) not in await w.nodes()
    await w.lab.heal(host)
    await w.annotate(host, DETACHED, None)
    await w.rests(host, "available")
    await w.delete(host)


async def ask_for_settings(w, host, **settings):
    """Write the spec of the host's firmware settings."""
    await w.wait(host, lambda s: bool(s.status.settings), SETTINGS)
    await w.edit(host, lambda s: setattr(s.spec, "settings", settings), SETTINGS)


async def have_settings(w, host, **settings):
    """Until the machine's firmware reports these."""
    await w.wait(host, lambda s: settings.items() <= s.status.settings.items(), SETTINGS)


async def firmware_before_and_on_an_instance(w, host):
    """Settings are applied in preparing; on an instance only with a policy and at a reboot."""
    await w.create(host)
    await w.state(host, "available")
    await ask_for_settings(w, host, ProcTurboMode="Disabled")
    await w.state(host, "preparing")
    await w.state(host, "available")
    await have_settings(w, host, ProcTurboMode="Disabled")
    await w.put_image(host)
    await w.rests(host, "provisioned")
    policy = metal3api.HostUpdatePolicy.named(host.name, "default")
    policy.spec.firmware_settings = "onReboot"
    await w.client.create(policy)
    boots = w.boots(host)
    await ask_for_settings(w, host, ProcTurboMode="Enabled")
    await w.wait(host, changes, SETTINGS)
    assert w.boots(host) == boots
    await w.annotate(host, REBOOT)
    await w.wait(host, lambda h: h.status.operational_status == "servicing")
    await have_settings(w, host, ProcTurboMode="Enabled")
    await w.rests(host, "provisioned")
    await w.wait(host, lambda h: w.runs(host) == "instance")
    await w.delete(host)


def changes(settings):
    """Whether the settings were found to differ from the machine's."""
    return any(
        c.type == "ChangeDetected" and c.status == "True" for c in settings.status.conditions
    )


async def installed_by_others(w, host):
    """Taken over without a boot; made ours without a boot; given away again."""
    await w.create(host, externallyProvisioned=True)
    await w.rests(host, "externally provisioned")
    await w.active(host)
    await w.wait(host, lambda h: w.runs(host) == "instance")
    boots = w.boots(host)

    def ours(found):
        found.spec.externally_provisioned = False
        found.spec.image = w.image

    await w.edit(host, ours)
    found = await w.state(host, "provisioned")
    assert found.status.provisioning.image.url == w.lab.image_url
    assert (w.boots(host), w.runs(host)) == (boots, "instance")
    await w.edit(host, lambda h: setattr(h.spec, "image", None))
    await w.state(host, "available")
    await w.edit(host, lambda h: setattr(h.spec, "externally_provisioned", True))
    await w.rests(host, "externally provisioned")
    await w.delete(host)


async def rebooted_and_held_off(w, host):
    """A suffixed annotation holds the host off until it goes; the plain one reboots it once."""
    await w.create(host, image=True)
    await w.rests(host, "provisioned")
    boots = w.boots(host)
    await w.annotate(host, f"{REBOOT}/one")
    await w.annotate(host, f"{REBOOT}/two", '{"mode": "hard"}')
    await w.rests(host, "provisioned", powered_on=False)
    assert w.runs(host) == "off"
    await w.annotate(host, f"{REBOOT}/one", None)
    await asyncio.sleep(2)
    assert w.runs(host) == "off"
    await w.annotate(host, f"{REBOOT}/two", None)
    await w.rests(host, "provisioned")
    await w.wait(host, lambda h: w.runs(host) == "instance")
    assert w.boots(host) == boots + 1
    assert await reboot(w, host) == 1
    await w.edit(host, lambda h: setattr(h.spec, "online", False))
    await w.rests(host, "provisioned", powered_on=False)
    assert w.runs(host) == "off"
    await w.delete(host)


async def booted_from_a_live_iso(w, host):
    """Nothing is written: the machine runs the medium, and another image can follow."""
    live = metal3api.Image.from_dict({"url": w.lab.live_iso_url, "format": "live-iso"})
    await w.create(host)
    await w.put_image(host, live)
    found = await w.rests(host, "provisioned")
    assert found.status.provisioning.image.format == "live-iso"
    await w.wait(host, lambda h: w.runs(host) == "instance")
    await w.delete(host)


async def deployed_in_its_own_way(w, host):
    """The agent's own deploy step in place of an image; taking it away deprovisions."""
    await w.create(host, customDeploy={"method": "custom_deploy"})
    found = await w.rests(host, "provisioned")
    assert found.status.provisioning.custom_deploy.method == "custom_deploy"
    assert found.status.provisioning.image is None
    await w.edit(host, lambda h: setattr(h.spec, "custom_deploy", None))
    found = await w.state(host, "available")
    assert found.status.provisioning.custom_deploy is None
    await w.delete(host)


async def given_a_data_image(w, host):
    """Inserted at the first reboot after it was asked for, ejected at the first after it went."""
    await w.create(host, image=True)
    await w.rests(host, "provisioned")
    image = metal3api.DataImage.named(host.name, "default")
    image.spec.url = w.lab.live_iso_url
    await w.client.create(image)
    await w.wait(host, lambda i: bool(i.metadata.finalizers), metal3api.DataImage)
    assert not (await w.get(host, metal3api.DataImage)).status.attached_image
    assert await reboot(w, host) == 1
    image = await w.get(host, metal3api.DataImage)
    assert image.status.attached_image.url == w.lab.live_iso_url
    await w.client.delete(image)
    assert await reboot(w, host) == 1
    await w.gone(host, metal3api.DataImage)
    await w.delete(host)


async def test_hosts_go_the_ways_of_their_users(world, play):
    """Each way on its own host, side by side; nothing is left over in Ironic."""
    stories = (
        let_go_and_taken_back,
        let_go_in_the_middle,
        firmware_before_and_on_an_instance,
        installed_by_others,
        rebooted_and_held_off,
        booted_from_a_live_iso,
        deployed_in_its_own_way,
        given_a_data_image,
    )
    async with world(LabConfig(hosts=len(stories))) as w:
        await play(w, *stories)
        assert await w.nodes() == {}
