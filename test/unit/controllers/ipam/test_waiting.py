"""Claims that wait miss nothing that happens while they are being refused, or elsewhere."""

import asyncio
import random

import pytest

from metal3.api.ipam_metal3_io import v1alpha1 as ipamv1
from metal3.api.meta import v1 as metav1
from metal3.controllers.ipam.ledger import Ledger
from metal3.controllers.ipam.records import record_of
from metal3.runtime.types import NamespacedName

from ..bad_weather import Blind, Slow  # noqa: TID252 - shared by the tests of all operators

pytestmark = pytest.mark.looptime(start=0)

ONE = {"start": "192.0.2.10", "end": "192.0.2.10"}


class TwoSeconds(Slow):
    """A connection on which each write takes two seconds, and is done after one."""

    async def pause(self):
        """One of them."""
        await asyncio.sleep(1)


async def test_a_pool_that_changes_while_a_refusal_is_written_is_not_missed(
    make_client, start_operator, make_pool, make_claim
):
    """The claim was refused by the old ranges; the new ones have what it asks for."""
    client = make_client(make_pool("pool", ONE))
    async with start_operator(TwoSeconds(client, random.Random(0), 0.0)):  # noqa: S311 - not used
        await asyncio.sleep(20)
        await client.create(make_claim(address="192.0.2.50"))
        await asyncio.sleep(2.5)  # the finalizer is there, and the refusal on its way
        pool = await client.get(ipamv1.IPPool, NamespacedName("metal3", "pool"))
        pool.spec.pools[0].end = "192.0.2.60"
        await client.update(pool)
        await asyncio.sleep(30)
        assert [a.spec.address for a in (await client.list(ipamv1.IPAddress)).items] == [
            "192.0.2.50"
        ]


async def test_an_address_that_another_manager_made_for_a_claim_that_waits_is_told(
    make_pool, make_claim, run_ipam
):
    """That manager was killed before it could say so."""
    async with run_ipam(make_pool("pool", ONE), make_claim("first"), make_claim("waits")) as ipam:
        assert await ipam.reason("waits") == "PoolExhausted"
        claim = await ipam.claim("waits")
        made = ipamv1.IPAddress.from_dict(
            {
                "metadata": {
                    "name": "pool-192-0-2-11",
                    "namespace": "metal3",
                    "finalizers": [ipamv1.ADDRESS_FINALIZER],
                    "ownerReferences": [metav1.owner_reference(claim, controller=True).to_dict()],
                },
                "spec": {
                    "address": "192.0.2.11",
                    "claim": {"kind": "IPClaim", "name": "waits", "namespace": "metal3"},
                    "pool": {"name": "pool", "namespace": "metal3"},
                },
            }
        )
        await ipam.client.create(made)
        await asyncio.sleep(5)
        assert await ipam.reason("waits") == "Allocated"
        assert (await ipam.claim("waits")).status.address.name == "pool-192-0-2-11"


async def test_an_address_whose_claim_is_not_seen_yet_is_left_alone(
    make_pool, make_claim, make_client, start_operator
):
    """Another manager has served a claim; this one hears of the address before the claim."""
    client = make_client(make_pool("pool", ONE))
    async with start_operator(Blind(client, ipamv1.IPClaim)):
        await asyncio.sleep(5)
        async with start_operator(client):
            await asyncio.sleep(5)
            await client.create(make_claim())
            await asyncio.sleep(1)
            (there,) = (await client.list(ipamv1.IPAddress)).items
        await asyncio.sleep(20)
        (still,) = (await client.list(ipamv1.IPAddress)).items
        assert still.metadata.uid == there.metadata.uid


class Woken:
    """Remembers which claims were woken."""

    def __init__(self):
        self.claims = []

    def wake_claim(self, claim):
        """A claim."""
        self.claims.append(claim.name)

    def wake_pool(self, pool, *, at_once=False):
        """Not of interest."""

    def wake_address(self, address):
        """Not of interest."""


def address(claim, uid):
    """The same name for another claim."""
    return record_of(
        ipamv1.IPAddress.from_dict(
            {
                "metadata": {"name": "pool-192-0-2-10", "namespace": "metal3", "uid": uid},
                "spec": {
                    "address": "192.0.2.10",
                    "claim": {"name": claim},
                    "pool": {"name": "pool"},
                },
            }
        )
    )


def test_an_address_that_changed_hands_while_nobody_watched_is_the_new_claim_s():
    """A watch that was cut shows one object where there was another; the old claim hears of it."""
    woken = Woken()
    ledger = Ledger(wakeups=woken, time=lambda: 0.0)
    old, new = address("old", "1"), address("new", "2")
    ledger.claim_changed(old.claim, was_there=True)
    ledger.address_changed(old)
    ledger.address_changed(new)
    assert ledger.records_of(old.claim) == []
    assert woken.claims == ["old"]
    ledger.address_gone(new.key)
    assert ledger.records_of(new.claim) == []
    assert not ledger.pool(new.pool).is_used(new.address)
