"""Making an address somebody's, and nobody's again.

A reservation is the IPAddress of ours whose name is made of the address. For claims of both kinds
it is created first, so the API server decides who gets the address: it lets one object of a name
be made, whatever else runs at the same time and however stale anybody's view is. For an address that
several pools have, see guards.py.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeVar

from metal3.api.ipam_cluster_x_k8s_io import v1beta2 as capiipamv1
from metal3.api.ipam_metal3_io import v1alpha1 as ipamv1
from metal3.api.meta import v1 as metav1
from metal3.runtime.client import (
    AlreadyExistsError,
    Client,
    ConflictError,
    NotFoundError,
    Patch,
    PatchType,
    Preconditions,
    Reader,
)
from metal3.runtime.patch import drop_finalizer
from metal3.runtime.types import NamespacedName, key_of

from .addresses import Address, address_name
from .choice import Reason, Refusal, choose
from .claims import Claim
from .guards import Guards
from .ledger import Ledger
from .plan import PoolPlan, Range
from .pool_state import PoolFacts, PoolState
from .records import POOL_KIND, Record, claim_of, is_claim, owner_uid, record_of

AVOIDANCE: Final = timedelta(seconds=10)
"""How long an address is left alone whose holder we do not see; trying again costs a request."""

_ATTEMPTS: Final = 64

T = TypeVar("T", bound=metav1.Object)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservations:
    """Writes reservations; ``live`` reads what must not be stale."""

    client: Client
    live: Reader
    ledger: Ledger
    now: Callable[[], datetime]

    async def reserve(
        self,
        claim: Claim,
        state: PoolState,
        *,
        exactly: Address | None = None,
        is_taken_already: bool = False,
    ) -> Record:
        """Give the claim an address, ``exactly`` this one or what the pool's rules say.

        One that it has (``is_taken_already``) it gets whatever other pools have done. Raises
        Refusal, ConflictError when others took all that was tried, and the API's errors.
        """
        for _ in range(_ATTEMPTS):
            facts, plan = state.facts, state.plan
            if facts is None or plan is None:
                raise Refusal(Reason.POOL_NOT_FOUND, f"IPPool {state.key.name} does not exist")
            address = exactly or choose(
                plan, state.used, state.blocked, claim.key.name, claim.requested
            )
            state.hold(address)
            try:
                if is_taken_already or await self._guard(claim, state, address):
                    made = await self._create_or_find(claim, facts, plan, state, address)
                    if made is not None:
                        record = record_of(made)
                        self.ledger.address_changed(record, is_ours=True)
                        return record
                    await self._unguard(claim, address)
            finally:
                self.ledger.let_go(state, address)
            if exactly is not None and state.is_used(address):
                message = f"{address} is in use"
                raise Refusal(Reason.ADDRESS_IN_USE, message, awaited=address)
        raise ConflictError(f"others took {_ATTEMPTS} addresses of pool {state.key} first")

    async def _guard(self, claim: Claim, state: PoolState, address: Address) -> bool:
        """Whether no other pool can hand it out any more; else it is avoided."""
        taken = await self._guards.put_up(claim, state, address)
        if taken is None:
            return True
        await self._unguard(claim, address)
        self._avoid_uncounted(state, address, taken)
        return False

    async def _unguard(self, claim: Claim, address: Address) -> None:
        for guard in self._guards.of(claim, address):
            await self.remove(guard)
            self.ledger.address_gone(guard.key)

    @property
    def _guards(self) -> Guards:
        return Guards(client=self.client, live=self.live, ledger=self.ledger)

    def _avoid_uncounted(self, state: PoolState, address: Address, holder: NamespacedName) -> None:
        """Leave the address alone for a while, unless it counts as used because of its holder.

        It does not if we have not seen that yet, or its name speaks of another address or network
        than the object itself: a user made it, or two isolated pools have one ``namePrefix``.
        """
        record = self.ledger.record(holder)
        if (
            record is None
            or record.address != address
            or self.ledger.pool(record.pool).space is not state.space
        ):
            state.avoid(address, self.ledger.time() + AVOIDANCE.total_seconds())
            self.ledger.wakeups.wake_pool(state.key)

    async def _create_or_find(
        self,
        claim: Claim,
        facts: PoolFacts,
        plan: PoolPlan,
        state: PoolState,
        address: Address,
    ) -> ipamv1.IPAddress | None:
        found = plan.range_of(address)
        name = address_name(plan.name_prefix, address)
        wanted = _reservation(claim, facts, state.key.name, name)
        wanted.spec.address = str(address)
        if found is not None:
            _describe(wanted, found)
        try:
            return await self.client.create(wanted)
        except AlreadyExistsError:
            return await self._find(claim, state, address, name)

    async def _find(
        self, claim: Claim, state: PoolState, address: Address, name: str
    ) -> ipamv1.IPAddress | None:
        """The object that is in the way, if it is this claim's; else the address is avoided."""
        try:
            there = await self.live.get(ipamv1.IPAddress, NamespacedName(claim.key.namespace, name))
        except NotFoundError:
            return None
        if claim_of(there) == claim.key and there.spec.address == str(address):
            return await self.adopt(claim, there)
        self._avoid_uncounted(state, address, key_of(there))
        return None

    async def confirm(self, claim: Claim, record: Record) -> Record | None:
        """The claim's reservation as it is now; None when it is gone or another's."""
        try:
            there = await self.live.get(ipamv1.IPAddress, record.key.object_key)
        except NotFoundError:
            self.ledger.address_gone(record.key)
            return None
        adopted = await self.adopt(claim, there) if claim_of(there) == claim.key else None
        if adopted is None:
            return None
        current = record_of(adopted)
        self.ledger.address_changed(current)
        return current

    async def adopt(self, claim: Claim, there: ipamv1.IPAddress) -> ipamv1.IPAddress | None:
        """Make sure that a reservation in the claim's name holds for this incarnation of it.

        Written with the revision that was read: who releases it at the same time has to read it
        again. None when it was the former incarnation's and on its way out; it is helped on.
        """
        is_same = owner_uid(there, claim.key) == claim.uid
        if there.metadata.deletion_timestamp:
            # Somebody deleted it by hand: our finalizer keeps it until the claim goes.
            if is_same:
                return there
            await self.remove(record_of(there))
            return None
        is_protected = metav1.has_finalizer(there, ipamv1.ADDRESS_FINALIZER)
        is_released = ipamv1.RELEASED_AT_ANNOTATION in there.metadata.annotations
        if is_same and is_protected and not is_released:
            return there
        metav1.set_owner_reference(there, claim.owner_reference())
        metav1.add_finalizer(there, ipamv1.ADDRESS_FINALIZER)
        there.metadata.annotations = {
            key: value
            for key, value in there.metadata.annotations.items()
            if key != ipamv1.RELEASED_AT_ANNOTATION
        }
        return await self.client.update(there)

    async def release(
        self, record: Record, state: PoolState, *, there: ipamv1.IPAddress | None = None
    ) -> None:
        """Give an address back, by way of quarantine if the pool wants it; may be repeated.

        With ``there`` only if it still is as it was then (else ConflictError).
        """
        facts, plan = state.facts, state.plan
        wants_quarantine = plan is not None and bool(plan.quarantine) and not record.is_guard
        is_going = record.is_deleting or facts is None or facts.is_deleting
        if not wants_quarantine or is_going:
            await self.remove(record, there=there)
        elif not record.released_at:
            await self._quarantine(record, there)

    async def remove(self, record: Record, *, there: ipamv1.IPAddress | None = None) -> None:
        """Delete the object; with ``there`` only if it is still as it was then."""
        await self._remove(ipamv1.IPAddress, ipamv1.ADDRESS_FINALIZER, record, there=there)

    async def _quarantine(self, record: Record, there: ipamv1.IPAddress | None) -> None:
        """Mark it with the time; the claim owns it no more.

        An address with an owner that does not exist is left behind by ``clusterctl move``.
        """
        obj = there or await self._read(ipamv1.IPAddress, record)
        if obj is None:
            self.ledger.address_gone(record.key)
            return
        if obj.metadata.uid != record.uid:
            return  # another object of this name, which is not ours to mark
        owners = [r for r in obj.metadata.owner_references if not is_claim(r, record.claim)]
        meta = {
            "uid": record.uid,
            "resourceVersion": obj.metadata.resource_version,
            "annotations": {ipamv1.RELEASED_AT_ANNOTATION: metav1.format_time(self.now())},
            "ownerReferences": [reference.to_dict() for reference in owners] or None,
        }
        try:
            await self.client.patch(obj, Patch(PatchType.MERGE, {"metadata": meta}))
        except NotFoundError:
            self.ledger.address_gone(record.key)

    async def remove_capi(self, record: Record) -> None:
        """Delete a Cluster API address."""
        kind, finalizer = capiipamv1.IPAddress, ipamv1.CAPI_ADDRESS_FINALIZER
        await self._remove(kind, finalizer, record)

    async def _remove(
        self, kind: type[T], finalizer: str, record: Record, *, there: T | None = None
    ) -> None:
        obj = there or await self._read(kind, record)
        if obj is None:
            self.ledger.address_gone(record.key)
            return
        if obj.metadata.uid != record.uid:
            return  # another object of this name, which is not ours to delete
        await drop_finalizer(self.client, obj, finalizer)
        revision = obj.metadata.resource_version if there else None
        only = Preconditions(uid=record.uid, resource_version=revision)
        # It is gone already if a deletion had only waited for the finalizer.
        with contextlib.suppress(NotFoundError):
            await self.client.delete(obj, preconditions=only)

    async def _read(self, kind: type[T], record: Record) -> T | None:
        for reader in (self.client, self.live):
            with contextlib.suppress(NotFoundError):
                return await reader.get(kind, record.key.object_key)
        return None


def _reservation(claim: Claim, facts: PoolFacts, pool: str, name: str) -> ipamv1.IPAddress:
    """An IPAddress that lacks only its address."""
    obj = claim.new_address(pool, name)
    obj.metadata.finalizers = [ipamv1.ADDRESS_FINALIZER]
    obj.metadata.owner_references = owners(claim, facts, pool)
    return obj


def owners(claim: Claim, facts: PoolFacts, pool: str) -> list[metav1.OwnerReference]:
    """The claim, whose address it is, and the pool, which must not go before it."""
    of_pool = metav1.OwnerReference(
        api_version=ipamv1.GROUP_VERSION,
        kind=POOL_KIND,
        name=pool,
        uid=facts.uid,
        block_owner_deletion=True,
    )
    return [of_pool, claim.owner_reference()]


def _describe(obj: ipamv1.IPAddress, found: Range) -> None:
    """What the consumer needs besides the address."""
    if found.prefix:
        obj.spec.prefix = found.prefix
    if found.gateway:
        obj.spec.gateway = found.gateway
    if found.dns_servers:
        obj.spec.dns_servers = list(found.dns_servers)
