"""The operator while Ironic is down, and after Ironic forgot everything."""

import asyncio

import pytest

from metal3.simulator import LabConfig

pytestmark = pytest.mark.e2e


async def test_ironic_goes_comes_back_and_forgets(world):
    """A deletion waits for Ironic and then happens; what runs is adopted, not booted again."""
    async with world(LabConfig(hosts=2)) as w:
        stays, goes = w.lab.hosts
        for host in (stays, goes):
            await w.create(host, image=True)
        for host in (stays, goes):
            await w.rests(host, "provisioned")
        boots = w.boots(stays)

        await w.lab.kill_ironic()
        await w.client.delete(await w.get(goes))
        await asyncio.sleep(5)
        assert (await w.get(goes)).metadata.deletion_timestamp is not None
        assert w.runs(goes) == "instance"
        await w.lab.start_ironic()
        await w.gone(goes)
        assert w.runs(goes) == "off"
        assert set(await w.nodes()) == {w.node_name(stays)}

        before = await w.get(stays)
        await w.lab.wipe_ironic_database()
        after = await w.wait(
            stays,
            lambda h: h.status.provisioning.id not in {"", before.status.provisioning.id},
        )
        assert after.status.provisioning.state == "provisioned"
        await w.active(stays)
        after = await w.rests(stays, "provisioned")
        assert after.status.provisioning.image.url == w.lab.image_url
        assert (w.boots(stays), w.runs(stays)) == (boots, "instance")
        await w.delete(stays)
        assert await w.nodes() == {}
