"""What users of pools and claims see, with the whole operator running."""

import asyncio

import pytest

from metal3.api.ipam_cluster_x_k8s_io import v1beta2 as capiipamv1
from metal3.api.ipam_metal3_io import v1alpha1 as ipamv1
from metal3.api.meta import v1 as metav1

pytestmark = pytest.mark.looptime(start=0)

ONE = {"start": "192.0.2.10", "end": "192.0.2.10"}


async def settle(seconds=5):
    """Let the operator work for a while of virtual time."""
    await asyncio.sleep(seconds)


async def test_a_claim_gets_an_address_and_all_that_goes_with_it(make_pool, make_claim, run_ipam):
    """The address has prefix, gateway, name servers, owners and labels; the claim points at it."""
    pool = make_pool(gateway="192.0.2.1", dnsServers=["192.0.2.53"])
    async with run_ipam(pool, make_claim(labels={"a": "b"})) as ipam:
        claim, address = await ipam.claim(), (await ipam.addresses())["IPClaim/claim"]
        assert address.metadata.name == "pool-192-0-2-10"
        assert (address.spec.address, address.spec.prefix) == ("192.0.2.10", 24)
        assert (address.spec.gateway, address.spec.dns_servers) == ("192.0.2.1", ["192.0.2.53"])
        assert address.metadata.labels == {"a": "b"}
        assert [o.kind for o in address.metadata.owner_references] == ["IPPool", "IPClaim"]
        assert address.metadata.owner_references[1].uid == claim.metadata.uid
        assert address.metadata.owner_references[1].controller
        assert address.metadata.finalizers == ["ipaddress.ipam.metal3.io"]
        assert claim.status.address.name == "pool-192-0-2-10"
        assert claim.metadata.finalizers == ["ipclaim.ipam.metal3.io"]
        assert metav1.is_condition_true(claim.status.conditions, "Ready")
        assert "AddressAllocated" in await ipam.events()


async def test_a_cluster_api_claim_is_served_as_the_contract_says(
    make_pool, make_capi_claim, run_ipam
):
    """The address bears the claim's name, the claim controls it, and Ready is valid at once."""
    async with run_ipam(make_pool(gateway="192.0.2.1"), make_capi_claim()) as ipam:
        claim = await ipam.capi_claim()
        (address,) = (await ipam.client.list(capiipamv1.IPAddress)).items
        assert address.metadata.name == "claim"
        assert claim.status.address_ref.name == "claim"
        assert (address.spec.address, address.spec.prefix) == ("192.0.2.10", 24)
        assert address.spec.gateway == "192.0.2.1"
        assert address.spec.pool_ref.to_dict() == claim.spec.pool_ref.to_dict()
        owners = {o.kind: o for o in address.metadata.owner_references}
        assert owners["IPAddressClaim"].controller
        assert all(o.block_owner_deletion for o in owners.values())
        assert address.metadata.finalizers == ["ipam.metal3.io/ipaddress"]
        (ready,) = claim.status.conditions
        assert (ready.type, ready.status, ready.reason) == ("Ready", "True", "Allocated")
        assert ready.last_transition_time
        # One write of the status only: no invalid one before it.
        writes = [a for a in ipam.client.actions if a.kind == "IPAddressClaim" and a.subresource]
        assert len(writes) == 1


async def test_both_kinds_draw_from_one_pool(make_pool, make_claim, make_capi_claim, run_ipam):
    """Claims of both kinds, of the same name even, never share an address."""
    async with run_ipam(make_pool(), make_claim("same"), make_capi_claim("same")) as ipam:
        addresses = await ipam.addresses()
        assert addresses.keys() == {"IPClaim/same", "IPAddressClaim/same"}
        assert len({a.spec.address for a in addresses.values()}) == 2


async def test_a_consumer_gets_an_address_for_each_of_its_claims(
    make_pool, make_claim, make_capi_claim, run_ipam
):
    """Of one pool: any, a requested and a pinned one, of both kinds; each is given back alone."""
    owner = {"apiVersion": "v1", "kind": "Service", "name": "balancer", "uid": "uid-balancer"}
    mine = {"labels": {"consumer": "balancer"}, "ownerReferences": [owner]}
    pool = make_pool("pool", {"subnet": "192.0.2.0/28"}, preAllocations={"kept": "192.0.2.9"})
    any_kind = make_capi_claim("any-capi")
    any_kind.metadata.labels = mine["labels"]
    claims = [make_claim(name, **mine) for name in ("any-0", "any-1", "kept")]
    certain = make_claim("certain", **mine)
    certain.metadata.annotations = {"ipAddress": "192.0.2.5"}
    async with run_ipam(pool, any_kind, certain, *claims) as ipam:
        held = await ipam.held()
        assert (held["certain"], held["kept"]) == ("192.0.2.5", "192.0.2.9")
        assert set(held) == {"any-0", "any-1", "any-capi", "certain", "kept"}
        assert len(set(held.values())) == 5
        found = await ipam.client.list(ipamv1.IPAddress, labels={"consumer": "balancer"})
        assert {a.spec.address for a in found.items} == set(held.values())
        assert (await ipam.pool()).status.indexes == held
        await ipam.delete(ipamv1.IPClaim, "any-0")
        await settle()
        gone = held.pop("any-0")
        assert await ipam.held() == held
        await ipam.client.create(make_claim("stranger", address=gone))
        await settle()
        assert await ipam.held() == held | {"stranger": gone}


async def test_a_claim_waits_for_an_address_and_gets_it(make_pool, make_claim, run_ipam):
    """Exhaustion is told and heals by itself, without anything being made anew."""
    async with run_ipam(make_pool("pool", ONE), make_claim("first")) as ipam:
        await ipam.client.create(make_claim("second"))
        await settle()
        second = await ipam.claim("second")
        assert await ipam.reason("second") == "PoolExhausted"
        assert second.status.error_message == "Exhausted IP Pools"
        await ipam.delete(ipamv1.IPClaim, "first")
        await settle(1)
        second = await ipam.claim("second")
        assert (await ipam.held()) == {"second": "192.0.2.10"}
        assert second.status.error_message is None
        assert not await ipam.exists(ipamv1.IPClaim, "first")


async def test_all_that_wait_are_served_when_the_pool_grows(make_pool, make_claim, run_ipam):
    """A new range serves the claims that had found nothing."""
    claims = [make_claim(f"claim-{i}") for i in range(5)]
    async with run_ipam(make_pool("pool", ONE), *claims) as ipam:
        assert len(await ipam.held()) == 1

        def grow(pool):
            pool.spec.pools.append(ipamv1.Pool(start="192.0.2.20", end="192.0.2.29"))

        await ipam.edit(ipamv1.IPPool, "pool", grow)
        await settle()
        assert len(set((await ipam.held()).values())) == 5


async def test_freed_addresses_go_round_all_that_wait(make_pool, make_claim, run_ipam):
    """Each address that is given back serves one more claim, until all were served."""
    claims = [make_claim(f"claim-{i}") for i in range(6)]
    async with run_ipam(make_pool("pool", ONE), *claims) as ipam:
        served = set()
        for _ in range(6):
            (holder,) = await ipam.held()
            served.add(holder)
            await ipam.delete(ipamv1.IPClaim, holder)
            await settle(1)
        assert len(served) == 6
        assert await ipam.held() == {}


async def test_a_claim_that_goes_while_it_is_woken_passes_the_address_on(
    make_pool, make_claim, run_ipam
):
    """An address freed for a claim that is deleted at the same moment serves the next."""
    claims = [make_claim(f"claim-{i}") for i in range(3)]
    async with run_ipam(make_pool("pool", ONE), *claims) as ipam:
        (holder,) = await ipam.held()
        others = sorted({"claim-0", "claim-1", "claim-2"} - {holder})
        await ipam.delete(ipamv1.IPClaim, others[0])
        await ipam.delete(ipamv1.IPClaim, holder)
        await settle()
        assert list(await ipam.held()) == [others[1]]


async def test_a_claim_may_come_before_its_pool(make_pool, make_claim, run_ipam):
    """A reference to nothing is told, and heals when the pool appears."""
    async with run_ipam(make_claim()) as ipam:
        assert await ipam.reason() == "PoolNotFound"
        await ipam.client.create(make_pool())
        await settle()
        assert await ipam.reason() == "Allocated"


@pytest.mark.parametrize("kind", ["ours", "capi"])
async def test_a_requested_address_is_given(make_pool, make_claim, make_capi_claim, run_ipam, kind):
    """The annotation works on both kinds."""
    make = make_claim if kind == "ours" else make_capi_claim
    async with run_ipam(make_pool(), make(address="192.0.2.12")) as ipam:
        assert await ipam.held() == {"claim": "192.0.2.12"}


async def test_a_claim_waits_for_the_address_it_requests(make_pool, make_claim, run_ipam):
    """It is served when just this one is given back, others being free all the time."""
    async with run_ipam(
        make_pool(), make_claim("first"), make_claim("second", address="192.0.2.10")
    ) as ipam:
        held = await ipam.held()
        if held != {"first": "192.0.2.10"}:
            pytest.fail(f"unexpected order: {held}")
        assert await ipam.reason("second") == "AddressInUse"
        await ipam.delete(ipamv1.IPClaim, "first")
        await settle(1)
        assert await ipam.held() == {"second": "192.0.2.10"}


async def test_a_wrong_request_can_be_corrected(make_pool, make_claim, run_ipam):
    """The claim is looked at again when its annotation changes."""
    async with run_ipam(make_pool(), make_claim(address="203.0.113.1")) as ipam:
        assert await ipam.reason() == "AllocationFailed"
        assert "203.0.113.1 is in no range" in (await ipam.claim()).status.error_message
        await ipam.edit(
            ipamv1.IPClaim, "claim", lambda c: c.metadata.annotations.update(ipAddress="192.0.2.11")
        )
        await settle()
        assert await ipam.held() == {"claim": "192.0.2.11"}


async def test_a_pinned_address_is_kept_and_survives_its_claim(make_pool, make_claim, run_ipam):
    """Nobody else gets it, also while its claim is away."""
    pool = make_pool(preAllocations={"mine": "192.0.2.10"})
    async with run_ipam(pool, *(make_claim(f"other-{i}") for i in range(3))) as ipam:
        assert "192.0.2.10" not in (await ipam.held()).values()
        for _ in range(2):
            await ipam.client.create(make_claim("mine"))
            await settle()
            assert (await ipam.held())["mine"] == "192.0.2.10"
            await ipam.delete(ipamv1.IPClaim, "mine")
            await settle()
        assert (await ipam.pool()).status.indexes["mine"] == "192.0.2.10"


async def test_the_pool_tells_how_it_stands(make_pool, make_claim, run_ipam):
    """Counts for the pool and each range, addresses by claim, and conditions."""
    pool = make_pool(
        "pool",
        {"start": "192.0.2.10", "end": "192.0.2.12"},
        {"subnet": "198.51.100.0/29"},
        preAllocations={"kept": "198.51.100.3"},
    )
    async with run_ipam(pool, make_claim()) as ipam:
        status = (await ipam.pool()).status
        assert (status.total, status.used, status.free) == (9, 1, 7)
        assert [(r.total, r.used, r.free) for r in status.ranges] == [(3, 1, 2), (6, 0, 5)]
        assert status.indexes == {"claim": "192.0.2.10", "kept": "198.51.100.3"}
        assert metav1.is_condition_true(status.conditions, "Ready")
        assert metav1.is_condition_true(status.conditions, "AddressesAvailable")
        assert status.last_updated
        assert status.observed_generation == 1


async def test_a_pool_warns_before_and_when_it_is_exhausted(make_pool, make_claim, run_ipam):
    """From the threshold on its condition has another reason; at the end it is False."""
    pool = make_pool(exhaustionWarningPercent=60)
    async with run_ipam(pool, make_claim("a"), make_claim("b")) as ipam:

        async def condition():
            return metav1.find_condition(
                (await ipam.pool()).status.conditions, "AddressesAvailable"
            )

        assert ((await condition()).status, (await condition()).reason) == (
            "True",
            "NearlyExhausted",
        )
        await ipam.client.create(make_claim("c"))
        await settle()
        assert ((await condition()).status, (await condition()).reason) == (
            "False",
            "PoolExhausted",
        )
        assert {"NearlyExhausted", "PoolExhausted"} <= set(await ipam.events())


async def test_a_large_pool_s_counts_fit_the_api(make_pool, make_claim, run_ipam):
    """An IPv6 subnet has more addresses than an int64 counts."""
    async with run_ipam(make_pool("pool", {"subnet": "2001:db8::/64"}), make_claim()) as ipam:
        status = (await ipam.pool()).status
        assert (status.total, status.used) == (2**63 - 1, 1)
        assert status.indexes == {"claim": "2001:db8::1"}


async def test_claims_of_other_providers_are_left_alone(make_pool, make_capi_claim, run_ipam):
    """A pool of the same name and another kind is not ours."""
    async with run_ipam(make_pool(), make_capi_claim(kind="InClusterIPPool")) as ipam:
        assert await ipam.addresses() == {}
        assert (await ipam.capi_claim()).metadata.finalizers == []


async def test_a_pool_of_another_namespace_is_refused(make_pool, make_claim, run_ipam):
    """The claim says why."""
    claim = make_claim()
    claim.spec.pool.namespace = "elsewhere"
    async with run_ipam(make_pool(), claim) as ipam:
        assert await ipam.reason() == "InvalidPoolReference"
        assert await ipam.addresses() == {}
