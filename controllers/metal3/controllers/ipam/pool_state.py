"""What a process knows of one pool: which addresses are taken, and which claims wait for what.

Only a guide to a free address: whether it was free is decided by the API server, which lets one
object of a name be made. So a state that lags behind costs a request, never an address.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from metal3.runtime.types import NamespacedName

from .addresses import Address
from .intervals import IntervalSet
from .plan import PoolPlan
from .records import ClaimKey, Record, RecordKey
from .space import Space


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolFacts:
    """What matters of a pool besides its ranges."""

    uid: str
    generation: int
    cluster_name: str
    is_paused: bool
    is_deleting: bool


@dataclass(slots=True)
class Waiting:
    """Claims that cannot be served, by what they wait for; the longest wait comes first."""

    _for_any: dict[ClaimKey, None] = field(default_factory=dict[ClaimKey, None])
    _for_address: dict[Address, dict[ClaimKey, None]] = field(
        default_factory=dict[Address, dict[ClaimKey, None]]
    )
    _for_pool: dict[ClaimKey, None] = field(default_factory=dict[ClaimKey, None])
    _where: dict[ClaimKey, Address | None] = field(default_factory=dict[ClaimKey, Address | None])

    def __len__(self) -> int:
        """How many wait."""
        return len(self._where)

    def __iter__(self) -> Iterator[ClaimKey]:
        """All that wait."""
        return iter(self._where)

    def wait_for_any(self, claim: ClaimKey) -> None:
        """Until some address is free."""
        self.forget(claim)
        self._for_any[claim] = None
        self._where[claim] = None

    def wait_for_address(self, claim: ClaimKey, address: Address) -> None:
        """Until this one is free."""
        self.forget(claim)
        self._for_address.setdefault(address, {})[claim] = None
        self._where[claim] = address

    def wait_for_pool(self, claim: ClaimKey) -> None:
        """Until the pool, its cluster or the claim changes."""
        self.forget(claim)
        self._for_pool[claim] = None
        self._where[claim] = None

    def forget(self, claim: ClaimKey) -> None:
        """It waits no more."""
        address = self._where.pop(claim, None)
        self._for_any.pop(claim, None)
        self._for_pool.pop(claim, None)
        if address is not None:
            others = self._for_address.get(address, {})
            others.pop(claim, None)
            if not others:
                self._for_address.pop(address, None)

    def next_for(self, address: Address) -> list[ClaimKey]:
        """Whom a freed address may serve: those who want it, and whoever waits longest for any.

        The last goes to the end of the line, so that the next address wakes another.
        """
        found = list(self._for_address.get(address, ()))
        found += self.next_for_any()
        return found

    def next_for_any(self) -> list[ClaimKey]:
        """The claim that waits longest for any address, now put at the end of the line."""
        first = next(iter(self._for_any), None)
        if first is None:
            return []
        del self._for_any[first]
        self._for_any[first] = None
        return [first]


class PoolState:
    """One pool. ``facts`` and ``plan`` are None while there is no such pool.

    ``shared`` is the network of its namespace, and its own unless it is isolated.
    """

    def __init__(self, key: NamespacedName, shared: "Space[PoolState]") -> None:
        self.key = key
        self.shared = self.space = shared
        shared.join(self)
        self.facts: PoolFacts | None = None
        self.plan: PoolPlan | None = None
        self.records: dict[RecordKey, Record] = {}
        self.waiting = Waiting()
        self._holders: dict[Address, int] = {}
        self._avoided: dict[Address, float] = {}
        self._unconfirmed: dict[RecordKey, float] = {}

    @property
    def is_idle(self) -> bool:
        """Whether nothing is lost by forgetting this state."""
        return self.facts is None and not (self.records or self.waiting or self._holders)

    @property
    def used(self) -> dict[int, IntervalSet]:
        """What is taken in its network, by any pool."""
        return self.space.used

    @property
    def blocked(self) -> dict[int, IntervalSet]:
        """What is taken or kept for claims in its network, by any pool."""
        return self.space.blocked

    def set_plan(self, plan: PoolPlan | None) -> None:
        """The pool's spec changed, or it is gone."""
        if self.plan is not None:
            self.space.stop_keeping(self.plan.kept_for)
        self.plan = plan
        is_isolated = plan is not None and plan.is_isolated
        if is_isolated is (self.space is self.shared):
            self._move_to(Space() if is_isolated else self.shared)
        self.space.plan_changed()
        if plan is not None:
            self.space.keep(plan.kept_for)

    def _move_to(self, space: "Space[PoolState]") -> None:
        for address in self._holders:
            self.space.let_go(address)
            space.hold(address)
        self.space.leave(self)
        space.join(self)
        self.space = space

    def neighbours(self, plan: PoolPlan | None) -> "list[PoolState]":
        """Other pools of its network that speak of some address of ``plan``."""
        if plan is None:
            return []
        return [
            other
            for other in self.space.members
            if other is not self and other.plan is not None and plan.overlaps(other.plan)
        ]

    def others_at(self, address: Address) -> "list[PoolState]":
        """Other pools of its network that speak of this address."""
        return [other for other in self.space.covering(address) if other is not self]

    @property
    def is_in_use(self) -> bool:
        """Whether an object holds an address, or one is being made."""
        return bool(self.records or self._holders.keys() - self._avoided.keys())

    @property
    def held(self) -> set[Address]:
        """What this pool itself has handed out, or is about to."""
        return set(self._holders)

    def is_used(self, address: Address) -> bool:
        """Whether somebody has it, as far as is known; be it from another pool."""
        return self.space.is_used(address)

    def hold(self, address: Address) -> None:
        """One holder more."""
        count = self._holders[address] = self._holders.get(address, 0) + 1
        if count == 1:
            self.space.hold(address)

    def let_go(self, address: Address) -> list[ClaimKey]:
        """One holder less; the claims to wake when it was the last."""
        left = self._holders[address] - 1
        if left:
            self._holders[address] = left
            return []
        del self._holders[address]
        if not self.space.let_go(address):
            return []
        states = [self, *self.others_at(address)]
        return [claim for state in states for claim in state.waiting.next_for(address)]

    def put(self, record: Record) -> None:
        """An address object as it is now; what it held before must be let go of by the caller."""
        self.records[record.key] = record
        self.hold(record.address)

    def expect(self, key: RecordKey, until: float) -> None:
        """An object was made by us and not seen yet."""
        self._unconfirmed[key] = until

    def confirm(self, key: RecordKey) -> None:
        """An object was seen."""
        self._unconfirmed.pop(key, None)

    def avoid(self, address: Address, until: float) -> None:
        """Somebody has it whom we do not see; leave it alone for a while."""
        if address not in self._avoided:
            self.hold(address)
        self._avoided[address] = until

    def stop_avoiding(self, address: Address) -> bool:
        """It was seen whose it is; True when the caller has to let go of it once."""
        return self._avoided.pop(address, None) is not None

    def take_overdue(self, now: float) -> tuple[list[RecordKey], list[Address]]:
        """Objects that were never seen, and addresses that may be tried again."""
        unseen = [key for key, until in self._unconfirmed.items() if until <= now]
        for key in unseen:
            del self._unconfirmed[key]
        again = [address for address, until in self._avoided.items() if until <= now]
        for address in again:
            del self._avoided[address]
        return unseen, again

    @property
    def next_due(self) -> float | None:
        """When :meth:`take_overdue` will have something."""
        return min([*self._unconfirmed.values(), *self._avoided.values()], default=None)
