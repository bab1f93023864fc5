"""Objects of somebody else that bear a name which a claim's address needs."""

import asyncio
from typing import Any

import pytest

from metal3.api.ipam_cluster_x_k8s_io import v1beta2 as capiipamv1
from metal3.api.ipam_metal3_io import v1alpha1 as ipamv1
from metal3.api.meta import v1 as metav1
from metal3.runtime.types import NamespacedName

pytestmark = pytest.mark.looptime(start=0)

OURS = {"name": "pool", "kind": "IPPool", "apiGroup": "ipam.metal3.io"}
THEIRS = {"name": "pool", "kind": "InClusterIPPool", "apiGroup": "ipam.cluster.x-k8s.io"}
CLAIM = NamespacedName("metal3", "claim")


async def settle(seconds=5):
    """Let the operator work for a while of virtual time."""
    await asyncio.sleep(seconds)


def in_the_way(pool=THEIRS, **meta):
    """A Cluster API address with the claim's name, made for another claim."""
    spec = {"address": "192.0.2.99", "prefix": 24, "claimRef": {"name": "other"}, "poolRef": pool}
    metadata = {"name": CLAIM.name, "namespace": CLAIM.namespace} | meta
    return capiipamv1.IPAddress.from_dict({"metadata": metadata, "spec": spec})


async def ready(client) -> metav1.Condition:
    """How the claim stands."""
    claim = await client.get(capiipamv1.IPAddressClaim, CLAIM)
    found = metav1.find_condition(claim.status.conditions, "Ready")
    assert found is not None
    return found


async def check_served(client) -> None:
    """The claim has an address of the pool, under its own name."""
    assert (await ready(client)).reason == "Allocated"
    there = await client.get(capiipamv1.IPAddress, CLAIM)
    assert (there.spec.claim_ref.name, there.spec.address) == ("claim", "192.0.2.10")


async def test_a_claim_is_served_when_another_provider_s_address_of_its_name_goes(
    make_pool, make_capi_claim, run_ipam
):
    """It says what is in the way, and looks again at once when that is gone."""
    async with run_ipam(make_pool(), in_the_way(), make_capi_claim()) as ipam:
        told = await ready(ipam.client)
        assert told.reason == "AllocationFailed"
        assert told.message == "an IPAddress claim that is not this claim's is in the way"
        await ipam.delete(capiipamv1.IPAddress, "claim")
        await settle(1)
        await check_served(ipam.client)


async def test_a_claim_is_served_when_another_claim_s_address_of_its_name_goes(
    make_pool, make_capi_claim, run_ipam
):
    """One of our pool, too, whose claim is no more; somebody holds it a little longer."""
    held = in_the_way(OURS, finalizers=["example.com/held"])
    async with run_ipam(make_pool(), held, make_capi_claim()) as ipam:
        assert (await ready(ipam.client)).reason == "AllocationFailed"
        assert (await ipam.client.get(capiipamv1.IPAddress, CLAIM)).metadata.deletion_timestamp
        await ipam.edit(capiipamv1.IPAddress, "claim", lambda a: a.metadata.finalizers.clear())
        await settle(1)
        await check_served(ipam.client)


class LateAnswers:
    """A client whose answers take longer than the news of what happened after them."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def __getattr__(self, name: str) -> Any:
        """Everything that is quick."""
        return getattr(self.client, name)

    async def get(self, kind, key):
        """As it was three seconds ago, if it is an address of Cluster API."""
        found = await self.client.get(kind, key)
        await asyncio.sleep(3 if kind is capiipamv1.IPAddress else 0)
        return found


async def test_what_goes_while_it_is_read_is_not_missed(
    make_pool, make_capi_claim, make_client, start_operator
):
    """The news of its end comes before the answer that it is there."""
    client = make_client(make_pool(), in_the_way())
    async with start_operator(LateAnswers(client)):
        await settle()
        await client.create(make_capi_claim())
        await settle(1)
        await client.delete(await client.get(capiipamv1.IPAddress, CLAIM))
        await settle(20)
        await check_served(client)


@pytest.mark.parametrize("of", ["pool", "other"])
async def test_an_address_object_that_lies_about_its_address_costs_only_that_address(
    make_pool, make_claim, run_ipam, of
):
    """Its name says one, its spec another: whoever wants any address gets the next."""
    liar = ipamv1.IPAddress.from_dict(
        {
            "metadata": {"name": "pool-192-0-2-10", "namespace": "metal3"},
            "spec": {
                "address": "192.0.2.99",
                "claim": {"kind": "IPClaim", "name": "other", "namespace": "metal3"},
                "pool": {"name": of, "namespace": "metal3"},
            },
        }
    )
    async with run_ipam(make_pool(), liar, make_claim("other", "none"), make_claim()) as ipam:
        assert (await ipam.held())["claim"] == "192.0.2.11"
        tries = [a for a in ipam.client.actions if a.verb == "create" and a.kind == "IPAddress"]
        assert len(tries) <= 2
