"""The operator with machines whose BMCs speak IPMI."""

import pytest

from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.simulator import LabConfig, WrongPassword

pytestmark = pytest.mark.e2e


async def whole_life(w, host):
    """Provisioned over the network, rebooted, taken off, deleted."""
    await w.create(host, image=True)
    await w.rests(host, "provisioned")
    await w.wait(host, lambda h: w.runs(host) == "instance")
    boots = w.boots(host)
    await w.annotate(host, metal3api.REBOOT_ANNOTATION, '{"mode": "hard"}')
    await w.annotation_is_gone(host, metal3api.REBOOT_ANNOTATION)
    await w.rests(host, "provisioned")
    await w.wait(host, lambda h: w.runs(host) == "instance")
    assert w.boots(host) == boots + 1
    await w.edit(host, lambda h: setattr(h.spec, "image", None))
    await w.state(host, "available")
    await w.delete(host)
    assert w.runs(host) == "off"


async def refused_at_first(w, host):
    """A BMC that refuses the login is named as the cause; the retry after mending is enough."""
    await w.lab.fault(host, WrongPassword())
    await w.create(host)
    found = await w.wait(host, lambda h: h.status.error_type == "registration error")
    assert "BMC" in found.status.error_message
    assert host.password not in str(found.to_dict())
    await w.lab.heal(host)
    await w.retry(host)
    await w.state(host, "available")
    await w.delete(host)


async def test_hosts_live_behind_ipmi(world, play):
    """A whole life and a refused login, side by side."""
    config = LabConfig(hosts=2, bmc="ipmi", boot="ipxe")
    async with world(config) as w:
        await play(w, whole_life, refused_at_first)
        assert await w.nodes() == {}
