"""What is known of all pools, claims and addresses, kept current by informers.

Nothing is listed when a claim is served: each event changes only what it is about. Who has to look
at something because of an event is told to ``Wakeups``.
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from typing import Final, Protocol

from metal3.api.cluster_x_k8s_io import v1beta2 as clusterv1
from metal3.api.ipam_metal3_io import v1alpha1 as ipamv1
from metal3.runtime.types import NamespacedName, key_of

from .addresses import Address
from .plan import PoolPlan, plan_of
from .pool_state import PoolFacts, PoolState
from .records import ClaimKey, Record, RecordKey
from .space import Space

PATIENCE: Final = timedelta(minutes=1)
"""How long an object may take from its creation to our seeing it."""


class WaitFor(Enum):
    """What a claim may wait for, besides one certain address."""

    ANY_ADDRESS = "any address"
    POOL = "a change of the pool, its cluster or the claim"


class Wakeups(Protocol):
    """Whom the ledger calls; nothing waits."""

    def wake_claim(self, claim: ClaimKey) -> None:
        """A claim may be served now, or is gone and has left an address."""
        ...

    def wake_pool(self, pool: NamespacedName, *, at_once: bool = False) -> None:
        """What a pool's status says is out of date; ``at_once``: and not only by some claims."""
        ...

    def wake_address(self, address: NamespacedName) -> None:
        """An address of ours is in quarantine."""
        ...


@dataclass(kw_only=True)
class Ledger:
    """One for a process; all methods belong to its event loop."""

    wakeups: Wakeups
    time: Callable[[], float] = field(default=lambda: asyncio.get_running_loop().time())
    claims: dict[ClaimKey, float] = field(default_factory=dict[ClaimKey, float], init=False)
    """Claims that exist, with the loop's time when they came; 0 if they were there before."""
    _pools: dict[NamespacedName, PoolState] = field(
        default_factory=dict[NamespacedName, PoolState], init=False
    )
    _spaces: dict[str, Space[PoolState]] = field(
        default_factory=dict[str, Space[PoolState]], init=False
    )
    _records: dict[RecordKey, Record] = field(default_factory=dict[RecordKey, Record], init=False)
    _by_claim: dict[ClaimKey, tuple[RecordKey, ...]] = field(
        default_factory=dict[ClaimKey, tuple[RecordKey, ...]], init=False
    )
    _clusters: dict[NamespacedName, bool] = field(
        default_factory=dict[NamespacedName, bool], init=False
    )
    _waits_in: dict[ClaimKey, PoolState] = field(
        default_factory=dict[ClaimKey, PoolState], init=False
    )
    _is_checking: bool = field(default=False, init=False)

    def pool(self, key: NamespacedName) -> PoolState:
        """The state of a pool, also of one that does not exist."""
        state = self._pools.get(key)
        if state is None:
            space = self._spaces.setdefault(key.namespace, Space())
            state = self._pools[key] = PoolState(key, space)
        return state

    @property
    def pools(self) -> Iterator[PoolState]:
        """All pools that exist."""
        return (state for state in self._pools.values() if state.facts is not None)

    def records_of(self, claim: ClaimKey) -> list[Record]:
        """Addresses made for a claim: the reservation, then that of Cluster API, then guards."""
        found = [self._records[key] for key in self._by_claim.get(claim, ())]
        return sorted(found, key=lambda record: (record.is_guard, record.key.is_capi))

    def record(self, key: NamespacedName) -> Record | None:
        """An address of ours."""
        return self._records.get(RecordKey(False, *key))  # noqa: FBT003 - fields of a tuple

    def cluster_paused(self, namespace: str, name: str) -> bool | None:
        """Whether a cluster is paused; None when there is none of this name."""
        return self._clusters.get(NamespacedName(namespace, name))

    def pool_changed(self, pool: ipamv1.IPPool) -> None:
        """A pool is there, or is different."""
        state = self.pool(key_of(pool))
        meta, old = pool.metadata, state.facts
        facts = PoolFacts(
            uid=meta.uid,
            generation=meta.generation,
            cluster_name=pool.spec.cluster_name or "",
            is_paused=clusterv1.is_paused(pool),
            is_deleting=bool(meta.deletion_timestamp),
        )
        if facts == old:
            return
        state.facts = facts
        if old is None or (old.uid, old.generation) != (facts.uid, facts.generation):
            self._set_plan(state, plan_of(pool.spec))
        self._wake_all(state)

    def pool_gone(self, key: NamespacedName) -> None:
        """A pool is no more; its addresses may still be there."""
        state = self.pool(key)
        state.facts = None
        self._set_plan(state, None)
        self._wake_all(state)
        self._forget_if_idle(state)

    def _set_plan(self, state: PoolState, plan: PoolPlan | None) -> None:
        """What it keeps for claims, and what of it is taken, is so for pools it overlaps, too."""
        others = state.neighbours(state.plan)
        state.set_plan(plan)
        for other in {other.key: other for other in (*others, *state.neighbours(plan))}.values():
            self._wake_waiting(other)

    def cluster_changed(self, key: NamespacedName, *, paused: bool) -> None:
        """A cluster is there, or is paused or not."""
        if self._clusters.get(key) is not paused:
            self._clusters[key] = paused
            self._wake_cluster(key)

    def cluster_gone(self, key: NamespacedName) -> None:
        """A cluster is no more."""
        self._clusters.pop(key, None)
        self._wake_cluster(key)

    def claim_changed(self, claim: ClaimKey, *, was_there: bool) -> None:
        """A claim exists."""
        if claim not in self.claims:
            self.claims[claim] = 0.0 if was_there else self.time()

    def claim_gone(self, claim: ClaimKey) -> None:
        """A claim is no more; what it leaves behind is looked at."""
        self.claims.pop(claim, None)
        for record in self.records_of(claim):
            self._check_owner(record)
        state = self.stop_waiting(claim)
        if state is not None:
            self.pass_on(state)

    def name_changed(self, claim: ClaimKey) -> None:
        """Something came, changed or went that bears the name this claim's address is to have."""
        if claim in self._waits_in:
            self.wakeups.wake_claim(claim)

    def address_changed(self, record: Record, *, is_ours: bool = False) -> None:
        """An address object is there; ``is_ours`` when we made it and no event has told of it."""
        old = self._records.get(record.key)
        state = self.pool(record.pool)
        state.put(record)
        if state.stop_avoiding(record.address):
            self.let_go(state, record.address)
        if not is_ours:
            state.confirm(record.key)
        elif old is None or old.uid != record.uid:
            # Its event has not overtaken the answer to our request.
            state.expect(record.key, self.time() + PATIENCE.total_seconds())
        self._records[record.key] = record
        if old is not None:
            self._let_go_of(old, replaced_by=record)
            if old.claim != record.claim:
                self._unindex(old)  # one object went and another came while nobody watched
        self._index(record)
        self._check_owner(record)
        if old is None or _told(old) != _told(record):
            self._wake_pools(state, record.address)

    def address_gone(self, key: RecordKey) -> None:
        """An address object is no more; its claim, if it still is there, has to get it again."""
        record = self._records.pop(key, None)
        if record is None:
            return
        self._let_go_of(record, replaced_by=None)
        self._unindex(record)

    def _wake_pools(self, state: PoolState, address: Address) -> None:
        """The counts of every pool with this address are out of date."""
        self.wakeups.wake_pool(state.key)
        for other in state.others_at(address):
            self.wakeups.wake_pool(other.key)

    def let_go(self, state: PoolState, address: Address) -> None:
        """Nobody works on this address any more; while somebody did, it was counted."""
        for claim in state.let_go(address):
            self.wakeups.wake_claim(claim)
        if not state.is_used(address):
            self._wake_pools(state, address)

    def wait(self, claim: ClaimKey, pool: NamespacedName, for_: Address | WaitFor) -> None:
        """Wake this claim when what it waits for may be there."""
        self.stop_waiting(claim)
        state = self.pool(pool)
        self._waits_in[claim] = state
        match for_:
            case WaitFor.ANY_ADDRESS:
                state.waiting.wait_for_any(claim)
            case WaitFor.POOL:
                state.waiting.wait_for_pool(claim)
            case _:
                state.waiting.wait_for_address(claim, for_)

    def stop_waiting(self, claim: ClaimKey) -> PoolState | None:
        """A claim is being looked at, or is gone; the answer is the pool it waited for.

        Whoever stops its waiting has to :meth:`pass_on` what it may have been woken for.
        """
        state = self._waits_in.pop(claim, None)
        if state is not None:
            state.waiting.forget(claim)
            self._forget_if_idle(state)
        return state

    def pass_on(self, state: PoolState) -> None:
        """A claim was looked at that had waited: let the next one try if an address is left.

        It may not have needed one: it was deleted, or served by another manager meanwhile.
        """
        if state.plan is None or state.plan.free_address(state.blocked) is None:
            return
        for claim in state.waiting.next_for_any():
            self.wakeups.wake_claim(claim)

    def tidy(self, state: PoolState) -> None:
        """Forget what was expected for too long."""
        unseen, again = state.take_overdue(self.time())
        for key in unseen:
            self.address_gone(key)
        for address in again:
            self.let_go(state, address)

    def begin_checking(self) -> None:
        """Everything that exists has been told: from now on an address without a claim is odd."""
        self._is_checking = True
        for record in list(self._records.values()):
            self._check_owner(record)

    def _check_owner(self, record: Record) -> None:
        if not self._is_checking:
            return
        if record.released_at:
            self.wakeups.wake_address(record.key.object_key)
        elif record.claim not in self.claims:
            self.wakeups.wake_claim(record.claim)

    def _index(self, record: Record) -> None:
        keys = self._by_claim.get(record.claim, ())
        if record.key in keys:
            return
        keys = self._by_claim[record.claim] = (*keys, record.key)
        reserved = {self._records[key].address for key in keys if not key.is_capi}
        if len(reserved) > 1 or record.claim in self._waits_in:
            # Two managers served it at the same time: one address is to go. Or another manager had
            # found one for a claim that waits here, and may be gone before it could say so.
            self.wakeups.wake_claim(record.claim)

    def _unindex(self, record: Record) -> None:
        left = tuple(k for k in self._by_claim.get(record.claim, ()) if k != record.key)
        if left:
            self._by_claim[record.claim] = left
        else:
            self._by_claim.pop(record.claim, None)
        if record.claim in self.claims:
            self.wakeups.wake_claim(record.claim)

    def _let_go_of(self, old: Record, *, replaced_by: Record | None) -> None:
        state = self.pool(old.pool)
        if replaced_by is None or replaced_by.pool != old.pool:
            state.records.pop(old.key, None)
            self._wake_pools(state, old.address)
        self.let_go(state, old.address)
        self._forget_if_idle(state)

    def _forget_if_idle(self, state: PoolState) -> None:
        if state.is_idle and self._pools.pop(state.key, None) is not None:
            state.space.leave(state)
            if all(other.shared is not state.shared for other in self._pools.values()):
                self._spaces.pop(state.key.namespace, None)

    def _wake_all(self, state: PoolState) -> None:
        self._wake_waiting(state)
        if state.facts is None or state.facts.is_deleting:
            for record in state.records.values():
                self._check_owner(record)

    def _wake_waiting(self, state: PoolState) -> None:
        self.wakeups.wake_pool(state.key, at_once=True)
        for claim in state.waiting:
            self.wakeups.wake_claim(claim)

    def _wake_cluster(self, key: NamespacedName) -> None:
        for state in list(self._pools.values()):
            if state.key.namespace != key.namespace:
                continue
            if state.facts is not None and state.facts.cluster_name == key.name:
                self._wake_all(state)
            else:
                # Claims may name a cluster, too.
                for claim in state.waiting:
                    self.wakeups.wake_claim(claim)


def _told(record: Record) -> tuple[object, ...]:
    """What the status of a pool says of an address object."""
    return record.pool, record.address, record.claim, record.released_at, record.is_guard
