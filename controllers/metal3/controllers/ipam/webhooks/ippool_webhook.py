"""Accepts or refuses IPPools: ranges that make sense, and none that leaves its addresses out."""

from dataclasses import dataclass
from typing import Final

from metal3.api.ipam_metal3_io import v1alpha1 as ipamv1
from metal3.controllers.ipam.addresses import Address, parse_address
from metal3.runtime.types import key_of
from metal3.runtime.webhook import FieldError, RequestInfo, Warnings, deny_if, forbidden

from ._pool_rules import change_errors, pool_errors, ranges_of
from ._pool_warnings import pool_warnings
from ._pools import Pools

MAX_NAMED: Final = 5
"""Addresses named in one message."""


@dataclass(frozen=True, slots=True)
class IPPoolDefaulter:
    """Writes out the strategy that is used when none is given."""

    async def default(self, obj: ipamv1.IPPool, request: RequestInfo) -> None:
        """Fill it in."""
        if not obj.spec.allocation_strategy:
            obj.spec.allocation_strategy = ipamv1.AllocationStrategy.SEQUENTIAL
        else:
            # Decoding has filled it in; what was not sent is written only if it is set.
            obj.spec.allocation_strategy = str(obj.spec.allocation_strategy)


@dataclass(frozen=True, slots=True, kw_only=True)
class IPPoolValidator:
    """``pools`` knows what is in use, whatever ``status.indexes`` says."""

    pools: Pools

    async def validate_create(self, obj: ipamv1.IPPool, request: RequestInfo) -> Warnings:
        """All rules."""
        deny_if(pool_errors(obj.spec))
        return pool_warnings(key_of(obj), obj.spec, self.pools.pools)

    async def validate_update(
        self, old: ipamv1.IPPool, new: ipamv1.IPPool, request: RequestInfo
    ) -> Warnings:
        """All rules, but what was wrong before may stay: such a pool must be able to be repaired."""
        if old.spec.to_dict() == new.spec.to_dict():
            return ()
        before = set(pool_errors(old.spec))
        errors = [error for error in pool_errors(new.spec) if error not in before]
        errors += change_errors(old.spec, new.spec)
        errors += self._left_out(old, new)
        deny_if(errors)
        return [
            *pool_warnings(key_of(new), new.spec, self.pools.pools),
            *self._pins_in_use(new),
        ]

    async def validate_delete(self, obj: ipamv1.IPPool, request: RequestInfo) -> Warnings:
        """Always: the pool stays until its addresses are given back."""
        return ()

    def _left_out(self, old: ipamv1.IPPool, new: ipamv1.IPPool) -> list[FieldError]:
        """Addresses in use that the old ranges cover and the new ones do not."""
        before = [found for _, found in ranges_of(old.spec)]
        after = [found for _, found in ranges_of(new.spec)]
        left_out = [
            address
            for address in self._in_use(old)
            if any(r.covers(address) for r in before) and not any(r.covers(address) for r in after)
        ]
        if not left_out:
            return []
        named = ", ".join(str(address) for address in left_out[:MAX_NAMED])
        more = f" and {len(left_out) - MAX_NAMED} more" if len(left_out) > MAX_NAMED else ""
        return [forbidden("spec.pools", f"leaves out addresses in use: {named}{more}")]

    def _in_use(self, pool: ipamv1.IPPool) -> list[Address]:
        """By the ledger and, should that lag behind, by the status, less what is only kept."""
        found = self.pools.pool(key_of(pool)).held
        for name, text in pool.status.indexes.items():
            if name in pool.spec.pre_allocations:
                continue
            try:
                found.add(parse_address(text))
            except ValueError:
                continue
        return sorted(found, key=lambda address: (address.version, int(address)))

    def _pins_in_use(self, pool: ipamv1.IPPool) -> list[str]:
        holders = {r.address: r.claim for r in self.pools.pool(key_of(pool)).records.values()}
        warnings: list[str] = []
        for name, text in sorted(pool.spec.pre_allocations.items()):
            try:
                holder = holders.get(parse_address(text))
            except ValueError:
                continue
            if holder is not None and holder.name != name:
                warnings.append(f"spec.preAllocations[{name}]: {text} is in use by {holder}")
        return warnings
