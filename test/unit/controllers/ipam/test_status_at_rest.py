"""When nothing happens any more, the status of a pool says how it is; whatever happened before."""

import asyncio
import random

import pytest

from metal3.api.ipam_metal3_io import v1alpha1 as ipamv1
from metal3.runtime.client import InternalServerError, Patch, PatchType
from metal3.runtime.types import NamespacedName

from ..bad_weather import Blind, Slow  # noqa: TID252 - shared by the tests of all operators

pytestmark = pytest.mark.looptime(start=0)


async def settle(seconds=5):
    """Let the operator work for a while of virtual time."""
    await asyncio.sleep(seconds)


def key(name):
    """An object in the namespace of all tests."""
    return NamespacedName("metal3", name)


def address_of(claim, pool="pool", name="pool-192-0-2-10"):
    """An address object that somebody else made."""
    address = ipamv1.IPAddress.named(name, "metal3")
    address.spec.address = "192.0.2.10"
    address.spec.claim = ipamv1.ObjectReference(kind="IPClaim", name=claim, namespace="metal3")
    address.spec.pool = ipamv1.ObjectReference(kind="IPPool", name=pool, namespace="metal3")
    return address


async def used(client, pool="pool"):
    """What its status says."""
    return (await client.get(ipamv1.IPPool, key(pool))).status.used


async def test_a_status_that_somebody_else_wrote_is_put_right(make_pool, make_claim, run_ipam):
    """Be it a user, or a manager that did not know better."""
    async with run_ipam(make_pool(), make_claim()) as ipam:
        wrong = Patch(PatchType.MERGE, {"status": {"used": 3, "indexes": {"ghost": "192.0.2.12"}}})
        await ipam.client.status.patch(await ipam.pool(), wrong)
        await settle()
        status = (await ipam.pool()).status
        assert (status.used, status.indexes) == (1, {"claim": "192.0.2.10"})


async def test_a_manager_that_has_not_heard_of_an_address_does_not_have_the_last_word(
    make_pool, make_claim, make_client, start_operator
):
    """It writes a count that is too low, and is killed before it learns better."""
    client = make_client(make_pool())
    async with start_operator(client):
        await settle()
        async with start_operator(Blind(Blind(client, ipamv1.IPAddress), ipamv1.IPClaim)):
            await settle()
            await client.create(make_claim())
            await settle(10)
            pool = await client.get(ipamv1.IPPool, key("pool"))
            pool.metadata.annotations["look"] = "again"
            await client.update(pool)
            await settle(0.01)
            assert await used(client) == 0
        await settle(10)
        assert await used(client) == 1


async def test_a_manager_that_has_not_heard_of_its_own_status_puts_it_right_later(
    make_pool, make_claim, make_client, start_operator
):
    """What it would write is what it sees, which is what was there before its last write."""
    client = make_client(make_pool())
    async with start_operator(Blind(client, ipamv1.IPPool)):
        await settle(300)
        await client.create(make_claim())
        await settle()
        assert await used(client) == 1
        await client.delete(await client.get(ipamv1.IPClaim, key("claim")))
        await settle(300)
        assert await used(client) == 0


class RefusesSlowly(Slow):
    """A server that takes ten seconds to refuse the address of one claim."""

    async def create(self, obj, **kwargs):
        """Not that one."""
        if isinstance(obj, ipamv1.IPAddress) and obj.spec.claim.name == "unlucky":
            await asyncio.sleep(10)
            raise InternalServerError("not today")
        return await super().create(obj, **kwargs)


async def test_an_address_that_was_not_made_after_all_is_not_counted(
    make_pool, make_claim, make_client, start_operator
):
    """While it is being made it counts, so that the status is to be written again when it is not."""
    client = make_client(make_pool("a"), make_pool("b"))
    async with start_operator(RefusesSlowly(client, random.Random(0), 0.0)):  # noqa: S311 - to be repeated
        await settle()
        await client.create(make_claim("unlucky", "a"))
        await settle(3)
        await client.create(make_claim("lucky", "b"))
        await settle(5)
        assert [await used(client, pool) for pool in "ab"] == [2, 2]
        await client.delete(await client.get(ipamv1.IPClaim, key("unlucky")))
        await settle(30)
        assert [await used(client, pool) for pool in "ab"] == [1, 1]


async def test_an_address_that_is_left_alone_for_a_while_is_counted_so_long_in_all_pools(
    make_pool, make_claim, make_client, start_operator
):
    """Another manager's address is met before it is seen, and gone before it ever is."""
    client = make_client(make_pool("a"), make_pool("b"))
    async with start_operator(Blind(client, ipamv1.IPAddress)):
        await settle()
        await client.create(address_of("theirs", "a", "a-192-0-2-10"))
        await client.create(make_claim("mine", "a"))
        await settle()
        assert [await used(client, pool) for pool in "ab"] == [2, 2]
        await client.delete(await client.get(ipamv1.IPAddress, key("a-192-0-2-10")))
        await settle(20)
        assert [await used(client, pool) for pool in "ab"] == [1, 1]


@pytest.mark.parametrize("then", ["pool", "other"])
async def test_an_address_that_is_made_over_to_another_is_told_anew(
    make_pool, make_claim, run_ipam, then
):
    """By hand, where no webhook is there to refuse it; to another pool, even."""
    paused = {"annotations": {"cluster.x-k8s.io/paused": ""}}
    claims = [make_claim(name, **paused) for name in ("before", "after")]
    pools = make_pool(), make_pool("other", {"start": "192.0.2.20", "end": "192.0.2.20"})
    async with run_ipam(*pools, *claims, address_of("before")) as ipam:
        assert (await ipam.pool()).status.indexes == {"before": "192.0.2.10"}

        def make_over(address):
            address.spec.claim.name, address.spec.pool.name = "after", then

        await ipam.edit(ipamv1.IPAddress, "pool-192-0-2-10", make_over)
        await settle()
        told = {name: (await ipam.pool(name)).status.indexes for name in ("pool", "other")}
        assert told.pop(then) == {"after": "192.0.2.10"}
        assert list(told.values()) == [{}]
