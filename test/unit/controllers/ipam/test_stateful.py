"""Random users, late caches, errors and killed managers against the rules of the house.

Whatever happens, no address is anybody's twice; and when it stops happening, every claim that can
be served is, nothing is left of claims that are gone, and the status says how it is.
"""

import asyncio
import random
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from metal3.api.ipam_cluster_x_k8s_io import v1beta2 as capiipamv1
from metal3.api.ipam_metal3_io import v1alpha1 as ipamv1
from metal3.api.meta import v1 as metav1
from metal3.runtime.client import (
    AlreadyExistsError,
    ConflictError,
    InternalServerError,
    NotFoundError,
)
from metal3.runtime.types import NamespacedName

from ..bad_weather import (  # noqa: TID252 - shared by the tests of all operators
    Managers,
    Slow,
    in_loop,
)

KINDS = (ipamv1.IPClaim, capiipamv1.IPAddressClaim)
NAMES = st.sampled_from(["a", "b", "c", "d", "e"])
FIRST = {"start": "192.0.2.1", "end": "192.0.2.3"}
SECOND = {"start": "192.0.2.11", "end": "192.0.2.12"}
TWIN = {"start": "192.0.2.4", "end": "192.0.2.5"}
GROWN = {"start": "192.0.2.2", "end": "192.0.2.5"}
POOLS = st.sampled_from(["pool", "pool", "twin"])
ADDRESSES = st.sampled_from(["192.0.2.1", "192.0.2.3", "192.0.2.5", "192.0.2.12", "203.0.113.1"])
REQUESTS = st.one_of(st.just(""), st.just(""), ADDRESSES)


class IpamMachine(RuleBasedStateMachine):
    """Users of two pools that come to overlap, and up to three managers that know no other."""

    make_client: Callable[..., Any]
    operator: Callable[..., Any]
    make_pool: Callable[..., Any]
    make_claim: Callable[..., Any]
    make_capi_claim: Callable[..., Any]

    def __init__(self) -> None:
        super().__init__()
        self.managers = Managers(self.operator)

    @property
    def client(self) -> Any:
        """The server; None before the beginning."""
        return self.managers.client

    @initialize(
        seed=st.integers(0, 2**32),
        strategy=st.sampled_from(["sequential", "random"]),
        quarantine=st.sampled_from([0, 0, 7]),
        twin=st.sampled_from([None, TWIN, GROWN]),
    )
    @in_loop
    async def begin(self, seed, strategy, quarantine, twin):
        """One manager."""
        pool = self.make_pool(
            "pool",
            FIRST,
            allocationStrategy=strategy,
            preAllocations={"e": "192.0.2.2"},
            quarantineSeconds=quarantine,
        )
        twins = [self.make_pool("twin", twin)] if twin else []
        self.managers.begin(self.make_client(pool, *twins), seed)
        self.managers.start()

    @rule(kind=st.sampled_from(KINDS), name=NAMES, of=POOLS, address=REQUESTS)
    @in_loop
    async def create(self, kind, name, of, address):
        """Somebody makes a claim."""
        make = self.make_claim if kind is ipamv1.IPClaim else self.make_capi_claim
        with suppress(AlreadyExistsError):
            await self.client.create(make(name, of, address=address))

    @rule(kind=st.sampled_from(KINDS), name=NAMES)
    @in_loop
    async def delete(self, kind, name):
        """Somebody deletes one."""
        with suppress(NotFoundError):
            await self.client.delete(await self._get(kind, name))

    @rule(second=st.booleans(), pinned=st.dictionaries(NAMES, ADDRESSES, max_size=2))
    @in_loop
    async def edit_pool(self, second, pinned):
        """Somebody changes what the pool has; the first range always stays."""
        pool = await self._get(ipamv1.IPPool, "pool")
        ranges = [FIRST, SECOND] if second else [FIRST]
        pool.spec.pools = [ipamv1.Pool.from_dict(entry) for entry in ranges]
        unique = {address: name for name, address in pinned.items()}
        pool.spec.pre_allocations = {name: address for address, name in unique.items()}
        await self.client.update(pool)

    @rule()
    @in_loop
    async def grow_twin(self):
        """The other pool comes, or gets addresses that the first has, too."""
        try:
            twin = await self._get(ipamv1.IPPool, "twin")
        except NotFoundError:
            await self.client.create(self.make_pool("twin", GROWN))
            return
        twin.spec.pools = [ipamv1.Pool.from_dict(GROWN)]
        await self.client.update(twin)

    @rule(lag=st.sampled_from([0.0, 0.2, 3.0]))
    @in_loop
    async def start_manager(self, lag):
        """Another manager, with a view that may be old."""
        if len(self.managers.running) < 3:
            self.managers.start(lag)

    @rule()
    @in_loop
    async def kill_manager(self):
        """One of them, wherever it is."""
        await self.managers.kill_one()

    @rule(verb=st.sampled_from(["create", "patch", "update", "delete"]), times=st.integers(1, 4))
    @in_loop
    async def fail(self, verb, times):
        """The server has a bad moment."""
        rng = self.managers.rng
        error = rng.choice([InternalServerError("no"), ConflictError("stale")])
        kind = rng.choice([ipamv1.IPAddress, capiipamv1.IPAddress, *KINDS])
        self.managers.plan(verb, kind, error, times)

    @rule()
    def cut(self):
        """All watches end."""
        self.client.cut_watches()

    @rule(seconds=st.sampled_from([0.001, 0.02, 0.1, 1.0, 20.0]))
    @in_loop
    async def wait(self, seconds):
        """Time passes; what is looked at after each step is looked at often meanwhile, too."""
        for _ in range(10):
            await asyncio.sleep(seconds / 10)
            await self._check()

    @invariant()
    @in_loop
    async def nothing_is_handed_out_twice(self):
        """At no time."""
        if self.client is not None:
            await self._check()

    async def _check(self) -> None:
        told = [(await self._address_of(claim), claim) for claim in await self._claims()]
        held = [address for address, _ in told if address]
        assert len(held) == len(set(held)), [(a, c.kind, c.metadata.name) for a, c in told]

    async def _address_of(self, claim) -> str:
        """What a claim's status leads to; the way there must be sound."""
        if isinstance(claim, ipamv1.IPClaim):
            if not claim.status.address or claim.metadata.deletion_timestamp:
                return ""
            found = await self._get(ipamv1.IPAddress, claim.status.address.name)
            holder = (found.spec.claim.kind, found.spec.claim.name)
            assert holder == ("IPClaim", claim.metadata.name)
            assert not self._is_guard(found)
            return str(found.spec.address)
        if not claim.status.address_ref or claim.metadata.deletion_timestamp:
            return ""
        theirs = await self._get(capiipamv1.IPAddress, claim.status.address_ref.name)
        assert theirs.spec.claim_ref.name == claim.metadata.name
        name = f"{claim.spec.pool_ref.name}-" + theirs.spec.address.replace(".", "-")
        reservation = await self._get(ipamv1.IPAddress, name)
        assert reservation.spec.claim.kind == "IPAddressClaim"
        assert reservation.spec.claim.name == claim.metadata.name
        return str(theirs.spec.address)

    async def _claims(self) -> list[Any]:
        return [claim for kind in KINDS for claim in (await self.client.list(kind)).items]

    async def _get(self, kind, name):
        return await self.client.get(kind, NamespacedName("metal3", name))

    def _is_guard(self, address) -> bool:
        return ipamv1.GUARD_ANNOTATION in address.metadata.annotations

    def teardown(self) -> None:
        """No faults any more, and one manager: all must end well."""
        loop = self.managers.loop
        try:
            if self.client is not None:
                loop.run_until_complete(self._settle())
        finally:
            loop.close()

    async def _settle(self) -> None:
        try:
            await self.managers.clear_up()
            await asyncio.sleep(1500)
            await self._check()
            await self._all_is_well()
        finally:
            await self.managers.kill_all()

    async def _all_is_well(self) -> None:
        claims = {(c.kind, c.metadata.name): c for c in await self._claims()}
        assert not [c for c in claims.values() if c.metadata.deletion_timestamp]
        found = (await self.client.list(ipamv1.IPAddress)).items
        addresses = [a for a in found if not self._is_guard(a)]
        held = {(a.spec.claim.kind, a.spec.claim.name): a.spec.address for a in addresses}
        assert len(held) == len(addresses)
        assert held.keys() <= claims.keys()
        guards = [a for a in found if self._is_guard(a)]
        for guard in guards:
            assert held.get((guard.spec.claim.kind, guard.spec.claim.name)) == guard.spec.address
        theirs = (await self.client.list(capiipamv1.IPAddress)).items
        assert {a.metadata.name for a in theirs} == {n for k, n in held if k != "IPClaim"}
        pools = {pool.metadata.name: pool for pool in (await self.client.list(ipamv1.IPPool)).items}
        used = set(held.values())
        for key in claims.keys() - held.keys():
            assert not self._could_be_served(claims[key], pools, used), (key, used)
        for key in held:
            assert await self._address_of(claims[key]), (key, claims[key].to_dict())
            assert metav1.is_condition_true(claims[key].status.conditions, "Ready")
        for pool in pools.values():
            self._check_status(pool, claims, held)

    def _check_status(self, pool, claims, held) -> None:
        name, used, status = pool.metadata.name, set(held.values()), pool.status
        assert status.indexes.keys() >= {k[1] for k in held if self._pool_of(claims[k]) == name}
        assert set(status.indexes.values()) <= used | set(pool.spec.pre_allocations.values())
        assert status.used == len(used & self._all_of(pool)), (name, status.to_dict(), held)

    def _pool_of(self, claim) -> str:
        of = claim.spec.pool if isinstance(claim, ipamv1.IPClaim) else claim.spec.pool_ref
        return str(of.name)

    def _all_of(self, pool) -> set[str]:
        return {
            f"192.0.2.{n}"
            for entry in pool.spec.pools
            for n in range(int(entry.start[8:]), int(entry.end[8:]) + 1)
        }

    def _could_be_served(self, claim, pools, used) -> bool:
        pool = pools.get(self._pool_of(claim))
        if pool is None:
            return False
        pinned = pool.spec.pre_allocations
        mine = pinned.get(claim.metadata.name)
        wanted = claim.metadata.annotations.get("ipAddress") or mine
        others = {a for name, a in pinned.items() if name != claim.metadata.name}
        free = self._all_of(pool) - used
        if not wanted:
            return bool(free - {a for p in pools.values() for a in p.spec.pre_allocations.values()})
        return wanted in free - others and mine in {None, wanted}


def test_no_address_is_handed_out_twice_whatever_happens(
    make_client, start_operator, make_pool, make_claim, make_capi_claim
):
    """Users, faults, kills and late views in any order."""

    class Machine(IpamMachine):
        pass

    Machine.make_client = staticmethod(make_client)
    Machine.operator = staticmethod(start_operator)
    Machine.make_pool = staticmethod(make_pool)
    Machine.make_claim = staticmethod(make_claim)
    Machine.make_capi_claim = staticmethod(make_capi_claim)
    run_state_machine_as_test(
        Machine,
        settings=settings(
            report_multiple_bugs=False,
            max_examples=40,
            stateful_step_count=25,
            deadline=None,
            # Shrinking takes minutes, and a run is short enough to be read.
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.looptime(start=0)
@pytest.mark.parametrize("seed", range(2))
async def test_managers_that_do_not_see_each_other_never_share_an_address(
    make_client, start_operator, make_pool, make_claim, make_capi_claim, seed
):
    """Three managers with late views serve claims of both kinds that arrive at once."""
    client = make_client(make_pool("pool", {"subnet": "192.0.2.0/27"}))
    rng = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret
    async with AsyncExitStack() as stack:
        for _ in range(3):
            await stack.enter_async_context(start_operator(Slow(client, rng, 5.0, [])))
        await asyncio.sleep(10)
        for number in range(6):
            await client.create(make_claim(f"claim-{number}"))
            await client.create(make_capi_claim(f"claim-{number}"))
        await asyncio.sleep(200)
    addresses = (await client.list(ipamv1.IPAddress)).items
    named = {(a.spec.claim.kind, a.spec.claim.name): a for a in addresses}
    assert len(addresses) == len(named) == len({a.spec.address for a in addresses}) == 12
    for claim in (await client.list(ipamv1.IPClaim)).items:
        told = claim.status.address.name
        assert named["IPClaim", claim.metadata.name].metadata.name == told
    for theirs in (await client.list(capiipamv1.IPAddress)).items:
        mine = named["IPAddressClaim", theirs.metadata.name]
        assert mine.spec.address == theirs.spec.address


@pytest.mark.looptime(start=0)
@pytest.mark.parametrize("seed", range(3))
async def test_a_pool_with_just_enough_serves_all_within_seconds(
    make_client, start_operator, make_pool, make_claim, make_capi_claim, seed
):
    """Managers that take each other's addresses wait for none of them longer than need be."""
    client = make_client(make_pool("pool", {"start": "192.0.2.1", "end": "192.0.2.40"}))
    rng = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret
    async with AsyncExitStack() as stack:
        for _ in range(2):
            await stack.enter_async_context(start_operator(Slow(client, rng, 0.01, [])))
        await asyncio.sleep(5)
        for number in range(20):
            await client.create(make_claim(f"claim-{number}"))
            await client.create(make_capi_claim(f"claim-{number}"))
        await asyncio.sleep(30)
    claims = [claim for kind in KINDS for claim in (await client.list(kind)).items]
    waiting = [
        claim.metadata.name
        for claim in claims
        if not metav1.is_condition_true(claim.status.conditions, "Ready")
    ]
    assert len(claims) == 40
    assert not waiting
    assert len({a.spec.address for a in (await client.list(ipamv1.IPAddress)).items}) == 40
