"""Pools of a namespace that have addresses in common hand out each of them once."""

import asyncio
import random
from contextlib import AsyncExitStack

import pytest

from metal3.api.ipam_metal3_io import v1alpha1 as ipamv1
from metal3.api.meta import v1 as metav1
from metal3.runtime.client import InternalServerError

from ..bad_weather import Blind, Slow  # noqa: TID252 - shared by the tests of all operators

pytestmark = pytest.mark.looptime(start=0)

TWO = {"start": "192.0.2.10", "end": "192.0.2.11"}
THREE = {"start": "192.0.2.11", "end": "192.0.2.13"}


async def settle(seconds=5):
    """Let the operator work for a while of virtual time."""
    await asyncio.sleep(seconds)


def guards(objects):
    """Names of guards, with the address objects they stand for."""
    return {
        obj.metadata.name: obj.metadata.annotations[ipamv1.GUARD_ANNOTATION]
        for obj in objects
        if ipamv1.GUARD_ANNOTATION in obj.metadata.annotations
    }


class DiesAfterGuard(Slow):
    """A connection that breaks once, when a guard is there and its address is not."""

    creations = 0

    async def create(self, obj, **kwargs):
        """Count addresses; the second fails."""
        if isinstance(obj, ipamv1.IPAddress):
            self.creations += 1
            if self.creations == 2:
                raise InternalServerError("killed here")
        return await super().create(obj, **kwargs)


async def test_an_address_of_two_pools_is_handed_out_once(make_pool, make_claim, run_ipam):
    """Whoever comes first has it; the counts of both pools say so, and a claim of either waits."""
    async with run_ipam(make_pool("a", TWO), make_pool("b", TWO)) as ipam:
        await ipam.client.create(make_claim("one", "a"))
        await settle()
        await ipam.client.create(make_claim("two", "b"))
        await ipam.client.create(make_claim("three", "b"))
        await settle()
        assert await ipam.held() == {"one": "192.0.2.10", "two": "192.0.2.11"}
        assert await ipam.reason("three") == "PoolExhausted"
        for name in ("a", "b"):
            status = (await ipam.pool(name)).status
            assert (status.total, status.used, status.free) == (2, 2, 0)
        await ipam.delete(ipamv1.IPClaim, "one")
        await settle()
        assert await ipam.held() == {"three": "192.0.2.10", "two": "192.0.2.11"}


async def test_a_guard_comes_and_goes_with_its_address(make_pool, make_claim, run_ipam):
    """It bears the other pool's name for it, is owned by the claim alone, and holds nothing up."""
    async with run_ipam(make_pool("a", TWO), make_pool("b", THREE)) as ipam:
        await ipam.client.create(make_claim("plain", "a"))
        await settle()
        assert guards((await ipam.client.list(ipamv1.IPAddress)).items) == {}
        await ipam.client.create(make_claim("shared", "a"))
        await settle()
        found = (await ipam.client.list(ipamv1.IPAddress)).items
        assert guards(found) == {"b-192-0-2-11": "a-192-0-2-11"}
        guard = next(obj for obj in found if obj.metadata.name == "b-192-0-2-11")
        assert [owner.name for owner in guard.metadata.owner_references] == ["shared"]
        assert guard.metadata.finalizers == []
        assert (await ipam.claim("shared")).status.address.name == "a-192-0-2-11"
        await ipam.delete(ipamv1.IPClaim, "shared")
        await settle()
        found = (await ipam.client.list(ipamv1.IPAddress)).items
        assert [obj.metadata.name for obj in found] == ["a-192-0-2-10"]


async def test_pools_apart_cost_no_request_more(make_pool, make_claim, run_ipam):
    """Finalizer, address, status: three writes, and an Event that nobody waits for."""
    other = make_pool("b", {"subnet": "198.51.100.0/24"})
    async with run_ipam(make_pool("a", TWO), other) as ipam:
        before = len(ipam.client.actions)
        await ipam.client.create(make_claim("one", "a"))
        await settle(0.5)
        written = [(a.verb, a.kind) for a in ipam.client.actions[before + 1 :]]
        ours = [w for w in written if w[0] in {"create", "patch", "update", "delete"}]
        assert sorted(ours) == [
            ("create", "Event"),
            ("create", "IPAddress"),
            ("patch", "IPClaim"),
            ("patch", "IPClaim"),
        ]


async def test_isolated_pools_may_hand_out_the_same(make_pool, make_claim, run_ipam):
    """They say that their networks are apart; later they may say otherwise."""
    objects = (make_pool("a", TWO), make_pool("b", TWO, isolated=True))
    async with run_ipam(*objects, make_claim("one", "a"), make_claim("two", "b")) as ipam:
        assert await ipam.held() == {"one": "192.0.2.10", "two": "192.0.2.10"}
        await ipam.edit(ipamv1.IPPool, "b", lambda pool: setattr(pool.spec, "isolated", False))
        await ipam.client.create(make_claim("three", "b"))
        await ipam.client.create(make_claim("four", "a"))
        await settle()
        assert (await ipam.pool("a")).status.used == 2
        assert sorted((await ipam.held()).values()) == ["192.0.2.10", "192.0.2.10", "192.0.2.11"]


async def test_what_another_pool_keeps_for_a_claim_is_left_alone(make_pool, make_claim, run_ipam):
    """Until it keeps it no more: then it serves who waits, of whichever pool."""
    keeping = make_pool("a", TWO, preAllocations={"x": "192.0.2.10"})
    claims = make_claim("one", "b"), make_claim("two", "b")
    async with run_ipam(keeping, make_pool("b", TWO), *claims) as ipam:
        assert list((await ipam.held()).values()) == ["192.0.2.11"]
        await ipam.edit(ipamv1.IPPool, "a", lambda pool: pool.spec.pre_allocations.clear())
        await settle()
        assert sorted((await ipam.held()).values()) == ["192.0.2.10", "192.0.2.11"]


async def test_a_begun_address_is_finished(make_pool, make_claim, make_client, start_operator):
    """A guard whose address was not made, as after a kill, is used by its claim or goes."""
    client = make_client(make_pool("a", TWO), make_pool("b", TWO))
    dying = DiesAfterGuard(client, random.Random(0), 0.0)  # noqa: S311 - to be repeated
    async with start_operator(dying):
        await client.create(make_claim("one", "a"))
        await settle(60)
        found = (await client.list(ipamv1.IPAddress)).items
        assert {obj.metadata.name for obj in found} == {"a-192-0-2-10", "b-192-0-2-10"}
        # The guard, the failure, the guard that is there, the address.
        assert dying.creations == 4


async def test_what_another_manager_took_from_the_other_pool_is_found_out(
    make_pool, make_claim, make_client, start_operator
):
    """The guard of an address that was not seen is refused, and another is taken."""
    client = make_client(make_pool("a", TWO), make_pool("b", TWO))
    async with start_operator(Blind(client, ipamv1.IPAddress)):
        await settle()
        taken = ipamv1.IPAddress.named("b-192-0-2-10", "metal3")
        taken.spec.address = "192.0.2.10"
        taken.spec.claim = ipamv1.ObjectReference(kind="IPClaim", name="theirs", namespace="metal3")
        taken.spec.pool = ipamv1.ObjectReference(kind="IPPool", name="b", namespace="metal3")
        await client.create(taken)
        await client.create(make_claim("one", "a"))
        await settle()
        found = (await client.list(ipamv1.IPAddress)).items
        assert {obj.metadata.name: obj.spec.claim.name for obj in found} == {
            "b-192-0-2-10": "theirs",
            "b-192-0-2-11": "one",
            "a-192-0-2-11": "one",
        }


@pytest.mark.parametrize("seed", range(4))
async def test_a_pool_that_comes_to_overlap_is_safe_from_late_views(
    make_client, start_operator, make_pool, make_claim, make_capi_claim, seed
):
    """Three managers that hear of the second pool at different times serve claims of both."""
    client = make_client(make_pool("a", {"subnet": "192.0.2.0/27"}))
    rng = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret
    async with AsyncExitStack() as stack:
        for lag in (0.0, 3.0, 6.0):
            await stack.enter_async_context(start_operator(Slow(client, rng, lag)))
        await settle(30)
        await client.create(make_pool("b", {"subnet": "192.0.2.0/27"}))
        for number in range(7):
            await client.create(make_claim(f"claim-{number}", "b"))
            await client.create(make_capi_claim(f"claim-{number}", "a"))
        await settle(300)
        found = (await client.list(ipamv1.IPAddress)).items
    real = [obj for obj in found if obj.metadata.name not in guards(found)]
    assert len(real) == len({obj.spec.address for obj in real}) == 14
    for claim in (await client.list(ipamv1.IPClaim)).items:
        assert metav1.is_condition_true(claim.status.conditions, "Ready")
