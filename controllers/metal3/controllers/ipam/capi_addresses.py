"""The IPAddress that the Cluster API contract wants beside our own.

Source: Cluster API book, "Provider contract, IPAM provider": it bears the claim's name, is
controlled by the claim, owned by the pool, and protected by a finalizer.
"""

from dataclasses import dataclass

from metal3.api.ipam_cluster_x_k8s_io import v1beta2 as capiipamv1
from metal3.api.ipam_metal3_io import v1alpha1 as ipamv1
from metal3.api.meta import v1 as metav1
from metal3.runtime.client import AlreadyExistsError, ConflictError, NotFoundError

from .addresses import BITS
from .choice import Reason, Refusal
from .claims import Claim
from .environment import Environment
from .ledger import WaitFor
from .pool_state import PoolState
from .records import POOL_KIND, Record, capi_record_of, owner_uid
from .reservations import owners


@dataclass(frozen=True, slots=True, kw_only=True)
class CapiAddresses:
    """Makes Cluster API addresses out of reservations."""

    env: Environment

    async def ensure(self, claim: Claim, state: PoolState, reservation: Record) -> Record:
        """The claim's address, found or made; raises Refusal, ConflictError."""
        for record in self.env.ledger.records_of(claim.key):
            if record.key.is_capi and record.address == reservation.address:
                return record
        try:
            made = await self.env.client.create(self._wanted(claim, state, reservation))
        except AlreadyExistsError:
            # Before it is looked at: that it goes meanwhile is not missed.
            self.env.ledger.wait(claim.key, state.key, WaitFor.POOL)
            made = await self._there(claim, reservation)
            self.env.ledger.stop_waiting(claim.key)
        found = capi_record_of(made)
        if found is None:
            raise _taken(claim)
        self.env.ledger.address_changed(found, is_ours=True)
        return found

    async def _there(self, claim: Claim, reservation: Record) -> capiipamv1.IPAddress:
        """What is in the way, if it is this claim's."""
        try:
            there = await self.env.live.get(capiipamv1.IPAddress, claim.key.object_key)
        except NotFoundError as error:
            raise ConflictError(f"IPAddress {claim.key.name} has just been deleted") from error
        if there.spec.claim_ref.name != claim.key.name or there.metadata.deletion_timestamp:
            raise _taken(claim)
        if there.spec.address != str(reservation.address):
            message = f"IPAddress {claim.key.name} exists with {there.spec.address}"
            raise Refusal(Reason.ALLOCATION_FAILED, message)
        if owner_uid(there, claim.key) != claim.uid:
            metav1.set_owner_reference(there, claim.owner_reference())
            return await self.env.client.update(there)
        return there

    def _wanted(self, claim: Claim, state: PoolState, reservation: Record) -> capiipamv1.IPAddress:
        facts, plan = state.facts, state.plan
        if facts is None or plan is None:
            raise Refusal(Reason.POOL_NOT_FOUND, f"IPPool {claim.pool.name} does not exist")
        found = plan.range_of(reservation.address)
        prefix = found.prefix if found else 0
        most = BITS[reservation.address.version]
        if not 0 <= prefix <= most:
            message = f"prefix {prefix} of IPPool {claim.pool.name} is not within 0 and {most}"
            raise Refusal(Reason.ALLOCATION_FAILED, message)
        obj = capiipamv1.IPAddress.named(claim.key.name, claim.key.namespace)
        obj.metadata.labels = dict(claim.obj.metadata.labels)
        obj.metadata.finalizers = [ipamv1.CAPI_ADDRESS_FINALIZER]
        obj.metadata.owner_references = owners(claim, facts, claim.pool.name)
        obj.spec = capiipamv1.IPAddressSpec(
            address=str(reservation.address),
            prefix=prefix,
            claim_ref=capiipamv1.IPAddressClaimReference(name=claim.key.name),
            pool_ref=capiipamv1.PoolReference(
                name=claim.pool.name, kind=POOL_KIND, api_group=ipamv1.GROUP
            ),
        )
        if found and found.gateway:
            obj.spec.gateway = found.gateway
        return obj


def _taken(claim: Claim) -> Refusal:
    message = f"an IPAddress {claim.key.name} that is not this claim's is in the way"
    return Refusal(Reason.ALLOCATION_FAILED, message)
