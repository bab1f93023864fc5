"""Serves claims of one kind: gives each its address, and takes it back.

Watches: the claims; the ledger wakes them when an address is freed, when their pool or its cluster
         changes, and when their address vanishes.
Writes:  finalizer and status of the claim; IPAddress, and for Cluster API its IPAddress too.
Looks again: never by itself while a claim waits; it is woken.

In this order, so that a process may be killed between any two: finalizer, reservation, Cluster API
address, status. What is there already is found and used the next time.
"""

from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, TypeVar

from metal3 import ctrl
from metal3.api.cluster_x_k8s_io import v1beta2 as clusterv1
from metal3.api.ipam_metal3_io import v1alpha1 as ipamv1
from metal3.api.meta import v1 as metav1
from metal3.runtime.client import (
    BadRequestError,
    ConflictError,
    InvalidError,
    NotFoundError,
)
from metal3.runtime.patch import drop_finalizer, ensure_finalizer

from .addresses import Address, address_of_name
from .capi_addresses import CapiAddresses
from .choice import Reason, Refusal, may_have
from .claim_status import ClaimStatus
from .claims import Claim, ClaimType, Problem
from .environment import Environment
from .ledger import WaitFor
from .pool_state import PoolState
from .records import ClaimKey, ClaimKind, Record, claim_of

T = TypeVar("T", bound=metav1.Object)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimReconciler(Generic[T]):
    """One call serves one claim; claims of one pool are served side by side."""

    env: Environment
    type: ClaimType[T]

    async def reconcile(self, req: ctrl.Request) -> ctrl.Result:
        """Bring one claim where it should be; errors of the API go up."""
        key = ClaimKey(self.type.claim_kind, *req)
        waited_for = self.env.ledger.stop_waiting(key)
        try:
            await self._look_at(key)
        finally:
            if waited_for is not None:
                self.env.ledger.pass_on(waited_for)
        return ctrl.Result()

    async def _look_at(self, key: ClaimKey) -> None:
        try:
            obj = await self.env.client.get(self.type.kind, key.object_key)
        except NotFoundError:
            await self._clean_up(key)
            return
        claim = self.type.view(obj)
        if claim is None or not self.env.is_watched(obj):
            return
        state = self.env.ledger.pool(claim.pool)
        if self._is_paused(claim, state):
            self.env.ledger.wait(claim.key, state.key, WaitFor.POOL)
        elif claim.is_deleting:
            await self._release(claim, state)
        elif not self._is_settled(obj, claim):
            await self._serve(obj, claim, state)

    def _is_paused(self, claim: Claim, state: PoolState) -> bool:
        """Whether the claim, its pool or the cluster of either says to leave it alone."""
        if clusterv1.is_paused(claim.obj) or (state.facts and state.facts.is_paused):
            return True
        of_pool = state.facts.cluster_name if state.facts else ""
        names = {name for name in (of_pool, claim.cluster_name) if name}
        paused = self.env.ledger.cluster_paused
        return any(paused(claim.key.namespace, name) is True for name in names)

    def _is_settled(self, obj: T, claim: Claim) -> bool:
        """Whether it has its address, and everybody says so."""
        found = self.env.ledger.records_of(claim.key)
        records = [record for record in found if not record.is_guard]
        needed = 2 if claim.key.kind is ClaimKind.IP_ADDRESS_CLAIM else 1
        return (
            len(records) == needed
            and all(record.address == records[0].address for record in found)
            and metav1.has_finalizer(obj, self.type.finalizer)
            and records[0].owner_uid == claim.uid
            and not records[0].released_at
            and self.type.recorded_name(obj) == self.type.address_name(claim, records)
            and metav1.is_condition_true(self.type.conditions(obj), "Ready")
        )

    async def _is_pool_coming(self, claim: Claim, state: PoolState) -> bool:
        """Whether the pool exists and only our view of it is late: no reason to alarm anybody."""
        try:
            await self.env.live.get(ipamv1.IPPool, claim.pool)
        except NotFoundError:
            return False
        self.env.ledger.wait(claim.key, state.key, WaitFor.POOL)
        if self.env.ledger.pool(state.key).facts is not None:
            self.env.ledger.wakeups.wake_claim(claim.key)
        return True

    async def _serve(self, obj: T, claim: Claim, state: PoolState) -> None:
        is_unknown = state.facts is None and not self.type.problem(obj)
        if is_unknown and await self._is_pool_coming(claim, state):
            return
        status = ClaimStatus(env=self.env, type=self.type)
        try:
            records = await self._allocate(obj, claim, state)
        except Refusal as refusal:
            # Before it is written down: what changes meanwhile is not missed.
            self._wait(claim, state, refusal)
            problem = Problem(reason=refusal.reason, message=refusal.message)
            await status.refuse(obj, claim, problem)
        except (InvalidError, BadRequestError) as error:
            # The pool's spec makes an object that nobody accepts: a change of it wakes us.
            self.env.ledger.wait(claim.key, state.key, WaitFor.POOL)
            problem = Problem(reason=Reason.ALLOCATION_FAILED, message=str(error))
            await status.refuse(obj, claim, problem)
        else:
            name = self.type.address_name(claim, records)
            await status.allocated(obj, claim, name, records[0].address)
            await self._drop_surplus(claim, name, records[0].address)

    def _wait(self, claim: Claim, state: PoolState, refusal: Refusal) -> None:
        """Wait; what became free since it was refused is not missed."""
        ledger, plan, awaited = self.env.ledger, state.plan, refusal.awaited
        if refusal.reason is Reason.POOL_EXHAUSTED:
            ledger.wait(claim.key, state.key, WaitFor.ANY_ADDRESS)
            if plan is not None and plan.free_address(state.blocked) is not None:
                ledger.wakeups.wake_claim(claim.key)
        elif awaited is None or plan is None or plan.is_kept_from(awaited, claim.key.name):
            ledger.wait(claim.key, state.key, WaitFor.POOL)
            now = ledger.pool(state.key)
            if now is not state and now.facts is not None:
                ledger.wakeups.wake_claim(claim.key)  # the pool has come
        else:
            ledger.wait(claim.key, state.key, awaited)
            if not state.is_used(awaited):
                ledger.wakeups.wake_claim(claim.key)

    async def _allocate(self, obj: T, claim: Claim, state: PoolState) -> list[Record]:
        """The claim's addresses, found or made; raises Refusal."""
        problem = self.type.problem(obj)
        if problem:
            raise Refusal(Reason.INVALID_POOL_REFERENCE, problem)
        found = self.env.ledger.records_of(claim.key)
        if not found:
            self._check_pool(claim, state)
        await ensure_finalizer(self.env.client, obj, self.type.finalizer)
        reservation = await self._reservation(obj, claim, state, found)
        if claim.key.kind is not ClaimKind.IP_ADDRESS_CLAIM:
            return [reservation]
        capi = CapiAddresses(env=self.env)
        return [reservation, await capi.ensure(claim, state, reservation)]

    def _check_pool(self, claim: Claim, state: PoolState) -> None:
        name, facts = claim.pool.name, state.facts
        if facts is None:
            raise Refusal(Reason.POOL_NOT_FOUND, f"IPPool {name} does not exist")
        if facts.is_deleting:
            raise Refusal(Reason.POOL_DELETING, f"IPPool {name} is being deleted")
        cluster = facts.cluster_name
        if cluster and self.env.ledger.cluster_paused(claim.key.namespace, cluster) is None:
            message = f"Cluster {cluster} of IPPool {name} does not exist"
            raise Refusal(Reason.POOL_NOT_READY, message)

    async def _reservation(
        self, obj: T, claim: Claim, state: PoolState, found: list[Record]
    ) -> Record:
        """What the claim was told it has comes first; two managers may have made it two."""
        reservations = self.env.reservations
        told = self._told_address(obj, state, found)
        for record in found:
            if not (record.key.is_capi or record.is_guard) and told in {None, record.address}:
                confirmed = await reservations.confirm(claim, record)
                if confirmed is not None:
                    return confirmed
        if told is None:
            begun = await self._finish(claim, state)
            return begun or await reservations.reserve(claim, state)
        if told in {record.address for record in found if record.key.is_capi}:
            return await reservations.reserve(claim, state, exactly=told, is_taken_already=True)
        if told in {record.address for record in found} or not state.is_used(told):
            return await reservations.reserve(claim, state, exactly=told)
        self.env.recorder.warning(
            claim.obj, "AddressLost", f"{told} went to another claim while its IPAddress was gone"
        )
        return await reservations.reserve(claim, state)

    async def _finish(self, claim: Claim, state: PoolState) -> Record | None:
        """The address whose guards were put up before, if the claim may still have it."""
        for guard in self.env.ledger.records_of(claim.key):
            if not guard.is_guard:
                continue
            if state.plan is not None and may_have(
                state.plan, claim.key.name, claim.requested, guard.address
            ):
                with suppress(Refusal):
                    return await self.env.reservations.reserve(claim, state, exactly=guard.address)
            await self.env.reservations.remove(guard)
            self.env.ledger.address_gone(guard.key)
        return None

    def _told_address(self, obj: T, state: PoolState, found: list[Record]) -> Address | None:
        """What the claim's status, or its Cluster API address, says."""
        for record in found:
            if record.key.is_capi:
                return record.address
        name = self.type.recorded_name(obj)
        for record in found:
            if record.key.name == name:
                return record.address
        if not name or state.plan is None:
            return None
        return address_of_name(state.plan.name_prefix, name)

    async def _drop_surplus(self, claim: Claim, name: str, kept: Address) -> None:
        """Give back what another manager made for the same claim and nobody was told of."""
        records = self.env.ledger.records_of(claim.key)
        surplus = [r for r in records if not r.key.is_capi and r.address != kept]
        if not surplus:
            return
        current = await self.env.live.get(self.type.kind, claim.key.object_key)
        if self.type.recorded_name(current) != name or current.metadata.uid != claim.uid:
            raise ConflictError(f"{claim.key} was served by another manager meanwhile")
        for record in surplus:
            await self.env.reservations.remove(record)

    async def _release(self, claim: Claim, state: PoolState) -> None:
        if not metav1.has_finalizer(claim.obj, claim.finalizer) or claim.is_still_used:
            return
        records = self.env.ledger.records_of(claim.key)
        for record in reversed(records):
            if record.key.is_capi:
                await self.env.reservations.remove_capi(record)
            else:
                await self.env.reservations.release(record, state)
        await drop_finalizer(self.env.client, claim.obj, claim.finalizer)
        self._tell_release(claim, records)

    def _tell_release(self, claim: Claim, records: list[Record]) -> None:
        for address in sorted({str(record.address) for record in records}):
            message = f"{address} was given back"
            self.env.recorder.normal(claim.obj, "AddressReleased", message)

    async def _clean_up(self, key: ClaimKey) -> None:
        """Give back what a claim left that is gone: it lost its finalizer by force, or was moved.

        The address is read before the claim is found missing, and removed only as it was then: a
        claim of the same name that came meanwhile has written itself into it.
        """
        ledger = self.env.ledger
        for record in reversed(ledger.records_of(key)):
            state = ledger.pool(record.pool)
            if state.facts is not None and state.facts.is_paused:
                ledger.wait(key, state.key, WaitFor.POOL)
            elif record.key.is_capi:
                if await self._is_gone(key):
                    await self.env.reservations.remove_capi(record)
            else:
                await self._give_back(key, record, state)

    async def _give_back(self, key: ClaimKey, record: Record, state: PoolState) -> None:
        if record.released_at:
            return
        try:
            there = await self.env.live.get(ipamv1.IPAddress, record.key.object_key)
        except NotFoundError:
            self.env.ledger.address_gone(record.key)
            return
        if claim_of(there) == key and await self._is_gone(key):
            await self.env.reservations.release(record, state, there=there)

    async def _is_gone(self, key: ClaimKey) -> bool:
        try:
            await self.env.live.get(self.type.kind, key.object_key)
        except NotFoundError:
            return True
        return False
