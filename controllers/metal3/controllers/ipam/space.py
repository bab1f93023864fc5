"""The addresses of one network: which are taken, and which pools speak of each.

The pools of a namespace share one, so that pools that overlap see each other's addresses; a pool
that says it is isolated has one of its own.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import Generic, Protocol, TypeVar

from .addresses import Address
from .intervals import IntervalSet
from .plan import PoolPlan


class Member(Protocol):
    """A pool, as far as its network is concerned."""

    plan: PoolPlan | None


M = TypeVar("M", bound=Member)


def _sets() -> dict[int, IntervalSet]:
    return {4: IntervalSet(), 6: IntervalSet()}


class Space(Generic[M]):
    """``used`` is what somebody holds; ``blocked`` is that and what is kept for claims by name."""

    def __init__(self) -> None:
        self.members: list[M] = []
        self.used = _sets()
        self.blocked = _sets()
        self._holders: dict[Address, int] = {}
        self._kept: dict[Address, int] = {}
        self._coverage: dict[int, _Coverage[M]] | None = None

    def join(self, member: M) -> None:
        """A pool is of this network."""
        self.members.append(member)
        self._coverage = None

    def leave(self, member: M) -> None:
        """A pool is no more, or of another network."""
        self.members.remove(member)
        self._coverage = None

    def plan_changed(self) -> None:
        """A member has another plan."""
        self._coverage = None

    def is_used(self, address: Address) -> bool:
        """Whether somebody has it, as far as is known."""
        return address in self._holders

    def hold(self, address: Address) -> None:
        """One pool more that holds it."""
        self._holders[address] = self._holders.get(address, 0) + 1
        self.used[address.version].add(int(address))
        self.blocked[address.version].add(int(address))

    def let_go(self, address: Address) -> bool:
        """One pool less; True when it was the last."""
        left = self._holders[address] - 1
        if left:
            self._holders[address] = left
            return False
        del self._holders[address]
        self.used[address.version].remove(int(address))
        if address not in self._kept:
            self.blocked[address.version].remove(int(address))
        return True

    def keep(self, addresses: Iterable[Address]) -> None:
        """A pool keeps these for claims."""
        for address in addresses:
            self._kept[address] = self._kept.get(address, 0) + 1
            self.blocked[address.version].add(int(address))

    def stop_keeping(self, addresses: Iterable[Address]) -> None:
        """It does no more."""
        for address in addresses:
            left = self._kept[address] - 1
            if left:
                self._kept[address] = left
                continue
            del self._kept[address]
            if address not in self._holders:
                self.blocked[address.version].remove(int(address))

    def covering(self, address: Address) -> Sequence[M]:
        """The pools with a range that speaks of this address."""
        if self._coverage is None:
            self._coverage = {version: _Coverage(self.members, version) for version in (4, 6)}
        return self._coverage[address.version].at(int(address))


class _Coverage(Generic[M]):
    """Who is where: the line of numbers cut wherever a range begins or ends."""

    def __init__(self, members: Iterable[M], version: int) -> None:
        spans = [
            (found.first, found.last, member)
            for member in members
            if member.plan is not None
            for found in member.plan.ranges
            if found.version == version
        ]
        cuts = {first for first, _, _ in spans} | {last + 1 for _, last, _ in spans}
        self._cuts = sorted(cuts)
        self._there: list[list[M]] = [[] for _ in self._cuts]
        index = {cut: at for at, cut in enumerate(self._cuts)}
        for first, last, member in spans:
            for there in self._there[index[first] : index[last + 1]]:
                if member not in there:
                    there.append(member)

    def at(self, value: int) -> Sequence[M]:
        """Found by bisection."""
        at = bisect_right(self._cuts, value) - 1
        return self._there[at] if at >= 0 else ()
