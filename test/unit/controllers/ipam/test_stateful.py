"""Random users, late caches, errors and killed managers against the rules of the house.

Whatever happens, no address is anybody's twice; and when it stops happening, every claim that can
be served is, nothing is left of claims that are gone, and the status says how it is.
"""

import asyncio
import functools
import random
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from typing import Any

import looptime
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

KINDS = (ipamv1.IPClaim, capiipamv1.IPAddressClaim)
NAMES = st.sampled_from(["a", "b", "c", "d", "e"])
FIRST = {"start": "192.0.2.1", "end": "192.0.2.3"}
SECOND = {"start": "192.0.2.11", "end": "192.0.2.12"}
ADDRESSES = st.sampled_from(["192.0.2.1", "192.0.2.3", "192.0.2.12", "203.0.113.1"])
REQUESTS = st.one_of(st.just(""), st.just(""), ADDRESSES)


def in_loop(method: Callable[..., Awaitable[Any]]) -> Callable[..., Any]:
    """Run an async rule in the machine's own loop of virtual time."""

    @functools.wraps(method)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        return self.loop.run_until_complete(method(self, *args, **kwargs))

    return wrapper


class Slow:
    """A client whose writes take time and whose watches lag: things happen in between."""

    def __init__(self, client: Any, rng: random.Random, lag: float, trouble: list[Any]) -> None:
        self.client, self.rng, self.lag, self.trouble = client, rng, lag, trouble

    def __getattr__(self, name: str) -> Any:
        """Everything that is not slow."""
        return getattr(self.client, name)

    async def pause(self) -> None:
        """Let others go first, or the manager be killed."""
        await asyncio.sleep(self.rng.random() * 0.05)

    async def create(self, obj, **kwargs):
        """Slowly."""
        return await self._slowly("create", self.client.create, obj, **kwargs)

    async def update(self, obj, **kwargs):
        """Slowly."""
        return await self._slowly("update", self.client.update, obj, **kwargs)

    async def patch(self, obj, patch, **kwargs):
        """Slowly."""
        return await self._slowly("patch", self.client.patch, obj, patch, **kwargs)

    async def delete(self, obj, **kwargs):
        """Slowly."""
        return await self._slowly("delete", self.client.delete, obj, **kwargs)

    async def _slowly(self, verb, call, obj, *args, **kwargs):
        await self.pause()
        for planned in self.trouble:
            if planned[:2] == (verb, type(obj)):
                self.trouble.remove(planned)
                raise planned[2]
        done = await call(obj, *args, **kwargs)
        await self.pause()
        return done

    @property
    def status(self):
        """Slow, too."""
        return SlowStatus(self)

    @asynccontextmanager
    async def stream(self, *args, **kwargs):
        """The same changes, later."""
        async with self.client.stream(*args, **kwargs) as events:
            yield self._late(events)

    async def _late(self, events):
        async with aclosing(events):
            async for event in events:
                await asyncio.sleep(self.lag * self.rng.random())
                yield event


class SlowStatus:
    """Writes status slowly."""

    def __init__(self, slow: Slow) -> None:
        self.slow = slow

    async def patch(self, obj, patch):
        """Slowly."""
        return await self.slow._slowly("patch", self.slow.client.status.patch, obj, patch)


class IpamMachine(RuleBasedStateMachine):
    """Users of one pool, and up to three managers that know nothing of one another."""

    make_client: Callable[..., Any]
    operator: Callable[..., Any]
    make_pool: Callable[..., Any]
    make_claim: Callable[..., Any]
    make_capi_claim: Callable[..., Any]

    def __init__(self) -> None:
        super().__init__()
        self.loop = looptime.new_event_loop()
        self.managers: list[asyncio.Task[None]] = []
        self.client: Any = None
        self.rng = random.Random(0)  # noqa: S311 - to be repeated, not to be secret
        self.trouble: list[tuple[str, type[metav1.Object], Exception]] = []

    @initialize(
        seed=st.integers(0, 2**32),
        strategy=st.sampled_from(["sequential", "random"]),
        quarantine=st.sampled_from([0, 0, 7]),
    )
    @in_loop
    async def begin(self, seed, strategy, quarantine):
        """One pool, one manager."""
        self.rng = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret
        pool = self.make_pool(
            "pool",
            FIRST,
            allocationStrategy=strategy,
            preAllocations={"e": "192.0.2.2"},
            quarantineSeconds=quarantine,
        )
        self.client = self.make_client(pool)
        await self._start(0.0)

    async def _start(self, lag: float) -> None:
        async def run() -> None:
            async with self.operator(Slow(self.client, self.rng, lag, self.trouble)):
                await asyncio.Event().wait()

        self.managers.append(self.loop.create_task(run()))

    async def _kill(self, manager: "asyncio.Task[None]") -> None:
        self.managers.remove(manager)
        while not manager.done():
            manager.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.wait([manager], timeout=0.1)

    @rule(kind=st.sampled_from(KINDS), name=NAMES, address=REQUESTS)
    @in_loop
    async def create(self, kind, name, address):
        """Somebody makes a claim."""
        make = self.make_claim if kind is ipamv1.IPClaim else self.make_capi_claim
        with suppress(AlreadyExistsError):
            await self.client.create(make(name, address=address))

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

    @rule(lag=st.sampled_from([0.0, 0.2, 3.0]))
    @in_loop
    async def start_manager(self, lag):
        """Another manager, with a view that may be old."""
        if len(self.managers) < 3:
            await self._start(lag)

    @rule()
    @in_loop
    async def kill_manager(self):
        """One of them, wherever it is."""
        if self.managers:
            await self._kill(self.rng.choice(self.managers))

    @rule(verb=st.sampled_from(["create", "patch", "update", "delete"]), times=st.integers(1, 4))
    @in_loop
    async def fail(self, verb, times):
        """The server has a bad moment."""
        error = self.rng.choice([InternalServerError("no"), ConflictError("stale")])
        kind = self.rng.choice([ipamv1.IPAddress, capiipamv1.IPAddress, *KINDS])
        self.trouble += [(verb, kind, error)] * times

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
            assert (found.spec.claim.kind, found.spec.claim.name) == (
                "IPClaim",
                claim.metadata.name,
            )
            return str(found.spec.address)
        if not claim.status.address_ref or claim.metadata.deletion_timestamp:
            return ""
        theirs = await self._get(capiipamv1.IPAddress, claim.status.address_ref.name)
        assert theirs.spec.claim_ref.name == claim.metadata.name
        name = "pool-" + theirs.spec.address.replace(".", "-")
        reservation = await self._get(ipamv1.IPAddress, name)
        assert reservation.spec.claim.kind == "IPAddressClaim"
        assert reservation.spec.claim.name == claim.metadata.name
        return str(theirs.spec.address)

    async def _claims(self) -> list[Any]:
        return [claim for kind in KINDS for claim in (await self.client.list(kind)).items]

    async def _get(self, kind, name):
        return await self.client.get(kind, NamespacedName("metal3", name))

    def teardown(self) -> None:
        """No faults any more, and one manager: all must end well."""
        try:
            if self.client is not None:
                self.loop.run_until_complete(self._settle())
        finally:
            self.loop.close()

    async def _settle(self) -> None:
        self.trouble.clear()
        try:
            for manager in list(self.managers)[1:]:
                await self._kill(manager)
            if not self.managers:
                await self._start(0.0)
            await asyncio.sleep(1500)
            await self._check()
            await self._all_is_well()
        finally:
            for manager in list(self.managers):
                await self._kill(manager)

    async def _all_is_well(self) -> None:
        claims = {(c.kind, c.metadata.name): c for c in await self._claims()}
        assert not [c for c in claims.values() if c.metadata.deletion_timestamp]
        addresses = (await self.client.list(ipamv1.IPAddress)).items
        holders = [(a.spec.claim.kind, a.spec.claim.name) for a in addresses]
        assert len(set(holders)) == len(holders)
        assert set(holders) <= claims.keys()
        theirs = (await self.client.list(capiipamv1.IPAddress)).items
        assert {a.metadata.name for a in theirs} == {n for k, n in holders if k != "IPClaim"}
        pool = await self._get(ipamv1.IPPool, "pool")
        used = {a.spec.address for a in addresses}
        for key in claims.keys() - set(holders):
            assert not self._could_be_served(claims[key], pool, used), (key, used)
        for key in holders:
            assert await self._address_of(claims[key]), str(
                (
                    claims[key].to_dict(),
                    [a.to_dict() for a in addresses if a.spec.claim.name == key[1]],
                    pool.to_dict(),
                )
            )
            assert metav1.is_condition_true(claims[key].status.conditions, "Ready")
        assert pool.status.indexes.keys() >= {name for _, name in holders}
        pinned = set(pool.spec.pre_allocations.values())
        assert set(pool.status.indexes.values()) <= used | pinned
        assert pool.status.used == len(used & self._all_of(pool))

    def _all_of(self, pool) -> set[str]:
        return {
            f"192.0.2.{n}"
            for entry in pool.spec.pools
            for n in range(int(entry.start[8:]), int(entry.end[8:]) + 1)
        }

    def _could_be_served(self, claim, pool, used) -> bool:
        pinned = pool.spec.pre_allocations
        mine = pinned.get(claim.metadata.name)
        wanted = claim.metadata.annotations.get("ipAddress") or mine
        others = {a for name, a in pinned.items() if name != claim.metadata.name}
        free = self._all_of(pool) - used - others
        if not wanted:
            return bool(free - ({mine} if mine else set()))
        return wanted in free and mine in {None, wanted}


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
