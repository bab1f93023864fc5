"""Changes to hosts that run an instance, or rest: their login, their firmware."""

import asyncio

import pytest

from metal3.api.core import v1 as corev1
from metal3.api.events_k8s_io import v1 as eventsv1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.types import NamespacedName
from metal3.simulator import LabConfig

pytestmark = pytest.mark.e2e

REBOOT = metal3api.REBOOT_ANNOTATION
PATIENCE = 180
COMPONENTS = metal3api.HostFirmwareComponents


async def give_login(w, host, password):
    """What a user does who changes the login."""
    secret = await w.client.get(corev1.Secret, NamespacedName("default", f"{host.name}-bmc"))
    login = {"username": host.username, "password": password}
    secret.data = corev1.new_secret("x", "default", login).data
    await w.client.update(secret)


async def a_login_is_tried_and_healed(w, host, state):
    """A wrong one is told at once, with the Secret's name; nothing is done to the machine."""
    boots = w.boots(host)
    await give_login(w, host, "mistyped-pass")
    found = await w.wait(host, lambda h: bool(h.status.error_type), within=60)
    assert found.status.error_type == "registration error"
    assert f"{host.name}-bmc" in found.status.error_message
    assert "mistyped-pass" not in str(found.to_dict())
    assert found.status.provisioning.state == state
    await give_login(w, host, host.password)
    found = await w.rests(host, state)
    assert found.status.error_message == ""
    assert w.boots(host) == boots


async def given_a_new_login(w, host):
    """At rest without an instance and with one."""
    await w.create(host)
    await w.rests(host, "available")
    await a_login_is_tried_and_healed(w, host, "available")
    await w.put_image(host)
    await w.rests(host, "provisioned")
    await w.wait(host, lambda h: w.runs(host) == "instance")
    await a_login_is_tried_and_healed(w, host, "provisioned")
    await w.delete(host)


async def flashed_while_it_runs(w, host):
    """With a policy new firmware is put on a host with an instance at its next reboot."""
    await w.create(host, image=True)
    await w.rests(host, "provisioned")
    await w.wait(host, lambda c: bool(c.status.components), COMPONENTS)
    policy = metal3api.HostUpdatePolicy.named(host.name, "default")
    policy.spec.firmware_updates = "onReboot"
    await w.client.create(policy)
    boots = w.boots(host)
    update = metal3api.FirmwareUpdate.from_dict(
        {"component": "bios", "url": w.lab.firmware_url("bios", "2.3.4")}
    )
    await w.edit(host, lambda c: setattr(c.spec, "updates", [update]), COMPONENTS)
    await w.wait(host, wants_an_update, COMPONENTS)
    assert w.boots(host) == boots
    await w.annotate(host, REBOOT)
    await w.wait(host, lambda h: h.status.operational_status == "servicing")
    found = await w.wait(host, lambda c: version(c, "bios") == "2.3.4", COMPONENTS)
    assert [u.url for u in found.status.updates] == [update.url]
    await w.rests(host, "provisioned")
    await w.wait(host, lambda h: w.runs(host) == "instance")
    assert (await w.get(host)).status.provisioning.image is not None
    await w.delete(host)


async def left_behind(w, host):
    """A host whose finalizer is taken away leaves a node, which is named and not removed."""
    await w.create(host)
    await w.rests(host, "available")
    await w.client.delete(await w.get(host))
    await w.edit(host, lambda h: setattr(h.metadata, "finalizers", []))
    await orphaned(w, host)
    assert (await w.nodes())[w.node_name(host)] == "manageable"


async def orphaned(w, host):
    """Until the operator complains about the host's node."""
    async with asyncio.timeout(PATIENCE):
        while True:
            events = await w.client.list(eventsv1.Event, namespace="default")
            if host.name in {e.regarding.name for e in events.items if e.reason == "OrphanedNode"}:
                return
            await asyncio.sleep(2)


def wants_an_update(components):
    """Whether the update was found to be missing."""
    return any(
        c.type == "ChangeDetected" and c.status == "True" for c in components.status.conditions
    )


def version(components, name):
    """The version a component has now."""
    found = (c.current_version for c in components.status.components if c.component == name)
    return next(found, None)


async def test_hosts_are_changed_while_they_run(world, play):
    """Each change on its own host, side by side."""
    stories = (given_a_new_login, flashed_while_it_runs, left_behind)
    async with world(LabConfig(hosts=len(stories))) as w:
        await play(w, *stories)


async def test_a_new_login_is_tried_over_ipmi(world):
    """As over Redfish."""
    async with world(LabConfig(hosts=1, bmc="ipmi", boot="ipxe")) as w:
        (host,) = w.lab.hosts
        await w.create(host)
        await w.rests(host, "available")
        await a_login_is_tried_and_healed(w, host, "available")
        await w.delete(host)
