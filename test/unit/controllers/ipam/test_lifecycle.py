"""Pausing, deleting, quarantine, moves, damage by hand, and a server that fails."""

import asyncio
from datetime import timedelta

import pytest

from metal3.api.cluster_x_k8s_io import v1beta2 as clusterv1
from metal3.api.ipam_cluster_x_k8s_io import v1beta2 as capiipamv1
from metal3.api.ipam_metal3_io import v1alpha1 as ipamv1
from metal3.api.meta import v1 as metav1
from metal3.controllers.ipam import IPAMOptions
from metal3.runtime.client import ConflictError, InternalServerError, InvalidError

pytestmark = pytest.mark.looptime(start=0)

ONE = {"start": "192.0.2.10", "end": "192.0.2.10"}


async def settle(seconds=5):
    """Let the operator work for a while of virtual time."""
    await asyncio.sleep(seconds)


PAUSED = {"cluster.x-k8s.io/paused": ""}


async def test_a_paused_pool_hands_out_nothing(make_pool, make_claim, run_ipam):
    """Not even without a cluster; unpaused it goes on."""
    pool = make_pool()
    pool.metadata.annotations = dict(PAUSED)
    async with run_ipam(pool, make_claim()) as ipam:
        assert await ipam.addresses() == {}
        await ipam.edit(ipamv1.IPPool, "pool", lambda p: p.metadata.annotations.clear())
        await settle()
        assert await ipam.held() == {"claim": "192.0.2.10"}


async def test_a_paused_cluster_pauses_pool_and_claims(
    make_pool, make_claim, make_capi_claim, make_cluster, run_ipam
):
    """The cluster of the pool, or of a claim, is enough; unpausing wakes all."""
    other = make_pool("other", {"subnet": "198.51.100.0/24"})
    objects = (
        make_cluster(paused=True),
        make_pool(clusterName="cluster"),
        other,
        make_claim(),
        make_capi_claim("theirs", "other", cluster="cluster"),
    )
    async with run_ipam(*objects) as ipam:
        assert await ipam.addresses() == {}
        await ipam.edit(clusterv1.Cluster, "cluster", lambda c: setattr(c.spec, "paused", False))
        await settle()
        assert (await ipam.held()).keys() == {"claim", "theirs"}


async def test_a_pool_waits_for_its_cluster(make_pool, make_claim, make_cluster, run_ipam):
    """When the cluster comes the pool gets its labels and owner, and claims are served."""
    async with run_ipam(make_pool(clusterName="cluster"), make_claim()) as ipam:
        assert await ipam.reason() == "PoolNotReady"
        ready = metav1.find_condition((await ipam.pool()).status.conditions, "Ready")
        assert ready is not None
        assert (ready.status, ready.reason) == ("False", "ClusterNotFound")
        await ipam.client.create(make_cluster())
        await settle()
        pool = await ipam.pool()
        assert pool.metadata.labels == {
            "cluster.x-k8s.io/cluster-name": "cluster",
            "cluster.x-k8s.io/provider": "ipam-metal3",
        }
        assert [o.kind for o in pool.metadata.owner_references] == ["Cluster"]
        assert metav1.is_condition_true(pool.status.conditions, "Ready")
        assert await ipam.reason() == "Allocated"


async def test_a_pool_stays_until_its_addresses_are_given_back(make_pool, make_claim, run_ipam):
    """Deleting a pool in use waits, serves nobody new, and ends with the last address."""
    async with run_ipam(make_pool(), make_claim()) as ipam:
        await ipam.delete(ipamv1.IPPool, "pool")
        await ipam.client.create(make_claim("late"))
        await settle()
        assert await ipam.exists(ipamv1.IPPool, "pool")
        assert await ipam.reason("late") == "PoolDeleting"
        await ipam.delete(ipamv1.IPClaim, "claim")
        await settle()
        assert not await ipam.exists(ipamv1.IPPool, "pool")
        assert await ipam.addresses() == {}


async def test_a_claim_that_others_hold_keeps_its_address(make_pool, make_claim, run_ipam):
    """While another controller's finalizer is on the claim, the address may be configured."""
    claim = make_claim(finalizers=["metal3data.infrastructure.cluster.x-k8s.io"])
    async with run_ipam(make_pool(), claim) as ipam:
        await ipam.delete(ipamv1.IPClaim, "claim")
        await settle()
        assert await ipam.held() == {"claim": "192.0.2.10"}
        await ipam.edit(
            ipamv1.IPClaim,
            "claim",
            lambda c: setattr(c.metadata, "finalizers", ["ipclaim.ipam.metal3.io"]),
        )
        await settle()
        assert await ipam.held() == {}
        assert not await ipam.exists(ipamv1.IPClaim, "claim")


async def test_a_claim_deleted_at_once_leaves_nothing(make_pool, make_claim, run_ipam):
    """However soon it goes, no address is left behind."""
    async with run_ipam(make_pool()) as ipam:
        for i in range(5):
            await ipam.client.create(make_claim(f"claim-{i}"))
            await settle(0.001 * i)
            await ipam.delete(ipamv1.IPClaim, f"claim-{i}")
        await settle()
        assert await ipam.addresses() == {}
        assert (await ipam.client.list(ipamv1.IPClaim)).items == []


async def test_deleting_a_cluster_api_claim_takes_both_addresses(
    make_pool, make_capi_claim, run_ipam
):
    """Nothing of either group is left."""
    async with run_ipam(make_pool(), make_capi_claim()) as ipam:
        await ipam.delete(capiipamv1.IPAddressClaim, "claim")
        await settle()
        assert await ipam.addresses() == {}
        assert (await ipam.client.list(capiipamv1.IPAddress)).items == []
        assert not await ipam.exists(capiipamv1.IPAddressClaim, "claim")


async def test_an_address_in_quarantine_is_not_issued_before_its_time(
    make_pool, make_claim, run_ipam
):
    """A new claim waits it out; the claim of the same name may have it back at once."""
    pool = make_pool("pool", ONE, quarantineSeconds=60)
    async with run_ipam(pool, make_claim("first")) as ipam:
        await ipam.delete(ipamv1.IPClaim, "first")
        await settle(30)
        await ipam.client.create(make_claim("second"))
        await settle(10)
        assert not await ipam.exists(ipamv1.IPClaim, "first")
        assert await ipam.reason("second") == "PoolExhausted"
        assert (await ipam.pool()).status.used == 1
        held = (await ipam.addresses())["IPClaim/first"]
        assert [owner.kind for owner in held.metadata.owner_references] == ["IPPool"]
        await settle(25)
        assert await ipam.held() == {"second": "192.0.2.10"}
        await ipam.delete(ipamv1.IPClaim, "second")
        await settle()
        await ipam.client.create(make_claim("second"))
        await settle()
        assert await ipam.reason("second") == "Allocated"
        await settle(100)
        assert await ipam.held() == {"second": "192.0.2.10"}


async def test_a_pool_that_is_deleted_ends_its_quarantine(make_pool, make_claim, run_ipam):
    """Nobody will be given those addresses any more."""
    pool = make_pool(quarantineSeconds=100_000)
    async with run_ipam(pool, make_claim()) as ipam:
        await ipam.delete(ipamv1.IPClaim, "claim")
        await settle()
        assert len(await ipam.addresses()) == 1
        await ipam.delete(ipamv1.IPPool, "pool")
        await settle()
        assert not await ipam.exists(ipamv1.IPPool, "pool")
        assert await ipam.addresses() == {}


async def test_an_address_deleted_by_hand_comes_back_the_same(
    make_pool, make_claim, make_capi_claim, run_ipam
):
    """Even against its finalizer: the claim's consumer goes on using it."""
    objects = (make_pool(), make_claim("ours"), make_capi_claim("theirs"))
    async with run_ipam(*objects) as ipam:
        before = await ipam.held()
        for address in (await ipam.addresses()).values():
            name = address.metadata.name
            await ipam.edit(ipamv1.IPAddress, name, lambda a: a.metadata.finalizers.clear())
            await ipam.delete(ipamv1.IPAddress, name)
        await settle()
        assert await ipam.held() == before
        await ipam.edit(capiipamv1.IPAddress, "theirs", lambda a: a.metadata.finalizers.clear())
        await ipam.delete(capiipamv1.IPAddress, "theirs")
        await settle()
        assert (await ipam.client.list(capiipamv1.IPAddress)).items[0].spec.address == before[
            "theirs"
        ]


async def test_an_address_whose_claim_vanished_is_given_back(
    make_pool, make_claim, make_capi_claim, run_ipam
):
    """A claim stripped of its finalizer by force leaks nothing."""
    objects = (make_pool(), make_claim("ours"), make_capi_claim("theirs"))
    async with run_ipam(*objects) as ipam:
        for kind, name in ((ipamv1.IPClaim, "ours"), (capiipamv1.IPAddressClaim, "theirs")):
            await ipam.edit(kind, name, lambda c: c.metadata.finalizers.clear())
            await ipam.delete(kind, name)
        await settle()
        assert await ipam.addresses() == {}
        assert (await ipam.client.list(capiipamv1.IPAddress)).items == []


async def test_addresses_of_the_go_operator_are_taken_over(
    make_pool, make_claim, make_capi_claim, run_ipam
):
    """Its names, missing kinds, and Cluster API addresses without a reservation are understood."""
    ours = ipamv1.IPAddress.from_dict(
        {
            "metadata": {"name": "pool-192-0-2-11", "namespace": "metal3", "uid": "u1"},
            "spec": {
                "address": "192.0.2.11",
                "claim": {"name": "ours", "namespace": "metal3"},
                "pool": {"name": "pool", "namespace": "metal3"},
            },
        }
    )
    theirs = capiipamv1.IPAddress.from_dict(
        {
            "metadata": {"name": "pool-192-0-2-10", "namespace": "metal3", "uid": "u2"},
            "spec": {
                "address": "192.0.2.10",
                "prefix": 24,
                "claimRef": {"name": "theirs"},
                "poolRef": {"name": "pool", "kind": "IPPool", "apiGroup": "ipam.metal3.io"},
            },
        }
    )
    claims = (make_claim("ours"), make_capi_claim("theirs"), make_claim("new"))
    async with run_ipam(make_pool(), ours, theirs, *claims) as ipam:
        assert await ipam.held() == {
            "ours": "192.0.2.11",
            "theirs": "192.0.2.10",
            "new": "192.0.2.12",
        }
        assert (await ipam.capi_claim("theirs")).status.address_ref.name == "pool-192-0-2-10"


async def test_after_a_move_the_status_is_found_again(make_pool, make_claim, run_ipam):
    """Objects arrive with new uids and without status; every claim keeps its address."""
    async with run_ipam(make_pool(), make_claim("a"), make_claim("b")) as source:
        before = await source.held()
        objects = [
            *(await source.client.list(ipamv1.IPPool)).items,
            *(await source.client.list(ipamv1.IPClaim)).items,
            *(await source.client.list(ipamv1.IPAddress)).items,
        ]
    for number, obj in enumerate(objects):
        obj.metadata.uid = f"moved-{number}"
        if not isinstance(obj, ipamv1.IPAddress):
            obj.status = type(obj.status)()
    async with run_ipam(*objects) as target:
        assert await target.held() == before
        assert await target.reason("a") == await target.reason("b") == "Allocated"
        assert (await target.pool()).status.indexes == before


async def test_a_bad_name_prefix_is_told_and_heals(make_pool, make_claim, run_ipam):
    """What the API server refuses ends in the claim's condition, and other claims go on."""
    async with run_ipam(make_pool()) as ipam:
        ipam.client.fail_next("create", ipamv1.IPAddress, InvalidError("metadata.name: Invalid"))
        await ipam.client.create(make_claim("refused"))
        await settle()
        await ipam.client.create(make_claim("served"))
        await settle()
        assert await ipam.reason("refused") == "AllocationFailed"
        assert await ipam.reason("served") == "Allocated"
        await ipam.edit(ipamv1.IPPool, "pool", lambda p: setattr(p.spec, "prefix", 25))
        await settle()
        assert await ipam.reason("refused") == "Allocated"


@pytest.mark.parametrize("verb", ["create", "patch", "update", "delete"])
@pytest.mark.parametrize("error", [InternalServerError("no"), ConflictError("stale")])
async def test_errors_of_the_server_are_ridden_out(
    make_pool, make_claim, make_capi_claim, run_ipam, verb, error
):
    """Whatever write fails for a while, everybody ends with one address, and gives it back."""
    kinds = (ipamv1.IPClaim, capiipamv1.IPAddressClaim)
    ours = (*kinds, ipamv1.IPAddress, capiipamv1.IPAddress)
    async with run_ipam(make_pool()) as ipam:
        for make in (make_claim, make_capi_claim):
            await ipam.client.create(make("a"))
        for kind in ours:
            ipam.client.fail_next(verb, kind, error, times=2)
        await settle(60)
        assert len({a.spec.address for a in (await ipam.addresses()).values()}) == 2
        ipam.client.stop_failing()
        for kind in kinds:
            await ipam.delete(kind, "a")
        for kind in ours:
            ipam.client.fail_next(verb, kind, error, times=2)
        await settle(60)
        assert await ipam.addresses() == {}
        assert not await ipam.exists(ipamv1.IPClaim, "a")


async def test_without_cluster_api_our_own_claims_are_served(make_pool, make_claim, run_ipam):
    """Its kinds are neither needed nor watched."""
    options = IPAMOptions(cluster_api=False, status_delay=timedelta(seconds=1))
    async with run_ipam(make_pool(), make_claim(), options=options) as ipam:
        assert await ipam.held() == {"claim": "192.0.2.10"}


async def test_another_manager_s_objects_are_left_alone(make_pool, make_claim, run_ipam):
    """With a watch filter only labelled claims are served."""
    options = IPAMOptions(cluster_api=True, watch_filter="mine")
    labels = {"cluster.x-k8s.io/watch-filter": "mine"}
    async with run_ipam(
        make_pool(), make_claim("mine", labels=labels), make_claim("theirs"), options=options
    ) as ipam:
        assert list(await ipam.held()) == ["mine"]


async def test_a_served_claim_costs_three_writes(make_pool, make_claim, run_ipam):
    """Finalizer, address, status: no more, and nothing again when all is as it should be."""
    async with run_ipam(make_pool()) as ipam:
        ipam.client.actions.clear()
        await ipam.client.create(make_claim())
        await settle(0.5)
        written = [a for a in ipam.client.actions if a.kind in {"IPClaim", "IPAddress"}][1:]
        assert [(a.verb, a.kind, a.subresource) for a in written] == [
            ("patch", "IPClaim", ""),
            ("create", "IPAddress", ""),
            ("patch", "IPClaim", "status"),
        ]
        await settle(60)
        ipam.client.actions.clear()
        await settle(600)
        assert [a for a in ipam.client.actions if a.kind != "Lease"] == []
