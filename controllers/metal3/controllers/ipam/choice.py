"""Which address a claim gets, or why it gets none."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from .addresses import Address, address_of, parse_address
from .intervals import IntervalSet
from .plan import PoolPlan

EXHAUSTED: Final = "Exhausted IP Pools"
"""The Go operator's words, which people search for."""


class Reason(StrEnum):
    """Why a claim has no address; the reason of its condition."""

    POOL_EXHAUSTED = "PoolExhausted"
    """Nothing is free; woken when something is."""
    ADDRESS_IN_USE = "AddressInUse"
    """The one address it may have belongs to another; woken when that is given back."""
    ALLOCATION_FAILED = "AllocationFailed"
    """What it asks for does not exist; woken when the pool or the claim changes."""
    POOL_NOT_FOUND = "PoolNotFound"
    POOL_DELETING = "PoolDeleting"
    POOL_NOT_READY = "PoolNotReady"
    """Its cluster does not exist yet."""
    INVALID_POOL_REFERENCE = "InvalidPoolReference"


class Refusal(Exception):  # noqa: N818 - a claim has to wait; nothing broke
    """No address for now. ``awaited`` is the one address that would do."""

    def __init__(self, reason: Reason, message: str, *, awaited: Address | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.awaited = awaited


def wanted_address(plan: PoolPlan, claim_name: str, requested: str) -> Address | None:
    """The one address that will do: pinned to the claim's name, or requested. None: any.

    Raises Refusal.
    """
    pinned = plan.pinned.get(claim_name)
    if not requested:
        return pinned
    try:
        address = parse_address(requested)
    except ValueError as e:
        message = f"annotation ipAddress: {requested!r} is no IP address"
        raise Refusal(Reason.ALLOCATION_FAILED, message) from e
    if pinned is not None and pinned != address:
        message = f"annotation ipAddress asks for {address}, but the pool keeps {pinned} for it"
        raise Refusal(Reason.ALLOCATION_FAILED, message)
    return address


def check_issuable(plan: PoolPlan, claim_name: str, address: Address) -> None:
    """Whether the pool may ever hand this address to this claim; raises Refusal."""
    found = plan.range_of(address)
    if found is None:
        message = f"{address} is in no range of the pool"
        raise Refusal(Reason.ALLOCATION_FAILED, message)
    if plan.pinned.get(claim_name) == address:
        return
    if not any(r.issues(address) for r in plan.ranges):
        message = f"{address} is reserved: gateway, network or broadcast address"
        raise Refusal(Reason.ALLOCATION_FAILED, message)
    owner = plan.kept_for.get(address)
    if owner is not None:
        message = f"{address} is kept for claim {owner}"
        raise Refusal(Reason.ADDRESS_IN_USE, message, awaited=address)


def may_have(plan: PoolPlan, claim_name: str, requested: str, address: Address) -> bool:
    """Whether the pool's rules let the claim have this address; be it free or not."""
    try:
        wanted = wanted_address(plan, claim_name, requested)
        check_issuable(plan, claim_name, address)
    except Refusal:
        return False
    return wanted in {None, address}


def choose(
    plan: PoolPlan,
    used: Mapping[int, IntervalSet],
    blocked: Mapping[int, IntervalSet],
    claim_name: str,
    requested: str,
) -> Address:
    """An address that is free as far as is known; raises Refusal.

    ``blocked`` holds what is ``used`` and what is kept for others by their names.
    """
    wanted = wanted_address(plan, claim_name, requested)
    if wanted is not None:
        check_issuable(plan, claim_name, wanted)
        if int(wanted) in used[wanted.version]:
            message = f"{wanted} is in use"
            raise Refusal(Reason.ADDRESS_IN_USE, message, awaited=wanted)
        return wanted
    found = plan.free_address(blocked)
    if found is None:
        raise Refusal(Reason.POOL_EXHAUSTED, EXHAUSTED)
    return address_of(*found)
