"""What is told of pools and claims besides their status: Events and metrics."""

import asyncio

import pytest

from metal3.api.ipam_metal3_io import v1alpha1 as ipamv1
from metal3.runtime.metrics import REGISTRY

pytestmark = pytest.mark.looptime(start=0)

ONE = {"start": "192.0.2.10", "end": "192.0.2.10"}


def sample(name: str, **labels: str) -> float | None:
    """One figure as it is now; None when there is no such series."""
    return REGISTRY.get_sample_value(f"metal3_ipam_{name}", labels)


def addresses(pool: str) -> dict[str, float | None]:
    """The figures of a pool."""
    return {
        state: sample("pool_addresses", namespace="metal3", pool=pool, state=state)
        for state in ("total", "used", "free")
    }


async def settle(seconds=5):
    """Let the operator work for a while of virtual time."""
    await asyncio.sleep(seconds)


async def test_events_tell_of_allocation_exhaustion_and_release(make_pool, make_claim, run_ipam):
    """Each once, about the claim it happened to."""
    async with run_ipam(make_pool("pool", ONE), make_claim("first")) as ipam:
        await ipam.client.create(make_claim("second"))
        await settle()
        await ipam.delete(ipamv1.IPClaim, "first")
        await settle()
        told = [
            (a.body["regarding"]["name"], a.body["reason"], a.body["type"], a.body["note"])
            for a in ipam.client.actions
            if a.kind == "Event" and a.verb == "create" and a.body["regarding"]["kind"] == "IPClaim"
        ]
        assert told == [
            ("first", "AddressAllocated", "Normal", "address 192.0.2.10 of IPPool pool"),
            ("second", "PoolExhausted", "Warning", "Exhausted IP Pools"),
            ("first", "AddressReleased", "Normal", "192.0.2.10 was given back"),
            ("second", "AddressAllocated", "Normal", "address 192.0.2.10 of IPPool pool"),
        ]


async def test_a_pool_s_figures_follow_it_and_go_with_it(make_pool, make_claim, run_ipam):
    """Size, used, free and waiting; no series of a pool that is gone."""
    waiting = {"namespace": "metal3", "pool": "figures"}
    claims = [make_claim(name, "figures") for name in ("a", "b")]
    async with run_ipam(make_pool("figures", ONE), *claims) as ipam:
        assert addresses("figures") == {"total": 1, "used": 1, "free": 0}
        assert sample("pool_waiting_claims", **waiting) == 1
        await ipam.delete(ipamv1.IPClaim, "a")
        await settle()
        assert sample("pool_waiting_claims", **waiting) == 0
        await ipam.delete(ipamv1.IPClaim, "b")
        await ipam.delete(ipamv1.IPPool, "figures")
        await settle()
        assert set(addresses("figures").values()) == {None}
        assert sample("pool_waiting_claims", **waiting) is None


async def test_allocations_refusals_and_how_long_it_took_are_counted(
    make_pool, make_claim, run_ipam
):
    """A refusal is counted when waiting begins; the time runs until the address is there."""

    def figures() -> list[float]:
        return [
            sample("allocations_total", kind="IPClaim") or 0,
            sample("refusals_total", kind="IPClaim", reason="PoolExhausted") or 0,
            sample("allocation_seconds_count", kind="IPClaim") or 0,
            sample("allocation_seconds_sum", kind="IPClaim") or 0,
        ]

    async with run_ipam(make_pool("pool", ONE)) as ipam:
        before = figures()
        await ipam.client.create(make_claim("a"))
        await settle()
        await ipam.client.create(make_claim("b"))
        await settle(30)
        await ipam.delete(ipamv1.IPClaim, "a")
        await settle()
        allocations, refusals, count, seconds = (
            now - then for now, then in zip(figures(), before, strict=True)
        )
        assert (allocations, refusals, count) == (2, 1, 2)
        assert 29.9 < seconds < 31  # a difference of sums that other tests have grown
