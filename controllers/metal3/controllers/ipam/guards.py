"""Keeping the other pools from an address that several pools have.

The name of an IPAddress is made of its pool's ``namePrefix`` and the address, so pools that overlap
make objects of different names for one address, and the API server would let both be made. Who
takes such an address therefore first makes an object under the name that each other pool would give
it. One of two who want it, from whichever pool, finds a name taken; also one who does not know of
the overlap yet, because it sees an old state, or is the Go operator.

That somebody always knows: of two pools, one came to have the address last, and who serves claims
of that one has seen the other, because pools are seen in the order of their changes.

Guards are made before the address itself: where that is, they are. They are owned by the claim
alone and have no finalizer, so they go with it whoever is there to see.
"""

from dataclasses import dataclass

from metal3.api.ipam_metal3_io import v1alpha1 as ipamv1
from metal3.api.meta import v1 as metav1
from metal3.runtime.client import AlreadyExistsError, Client, NotFoundError, Reader
from metal3.runtime.types import NamespacedName

from .addresses import Address, address_name
from .claims import Claim
from .ledger import Ledger
from .pool_state import PoolState
from .records import Record, claim_of, owner_uid, record_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Guards:
    """Of one address, for one claim."""

    client: Client
    live: Reader
    ledger: Ledger

    async def put_up(
        self, claim: Claim, state: PoolState, address: Address
    ) -> NamespacedName | None:
        """Make those that are missing; the answer is one that is another claim's, if there is.

        Without other pools that have the address nothing is asked of the server.
        """
        for name in _names(state, address):
            key = NamespacedName(claim.key.namespace, name)
            if not await self._put_up(claim, state, address, key):
                return key
        return None

    async def _put_up(
        self, claim: Claim, state: PoolState, address: Address, key: NamespacedName
    ) -> bool:
        try:
            made = await self.client.create(_guard(claim, state, address, key.name))
        except AlreadyExistsError:
            try:
                made = await self.live.get(ipamv1.IPAddress, key)
            except NotFoundError:
                return False
            if claim_of(made) != claim.key or made.metadata.deletion_timestamp:
                return False
            if owner_uid(made, claim.key) != claim.uid:
                metav1.set_owner_reference(made, claim.owner_reference())
                made = await self.client.update(made)
        self.ledger.address_changed(record_of(made), is_ours=True)
        return True

    def of(self, claim: Claim, address: Address) -> list[Record]:
        """Those that are up."""
        records = self.ledger.records_of(claim.key)
        return [record for record in records if record.is_guard and record.address == address]


def _names(state: PoolState, address: Address) -> list[str]:
    """What other pools would call the address; in an order that is the same for all."""
    plans = [other.plan for other in state.others_at(address)]
    names = {address_name(plan.name_prefix, address) for plan in plans if plan is not None}
    return sorted(names - {_own_name(state, address)})


def _own_name(state: PoolState, address: Address) -> str:
    return address_name(state.plan.name_prefix if state.plan is not None else "", address)


def _guard(claim: Claim, state: PoolState, address: Address, name: str) -> ipamv1.IPAddress:
    obj = claim.new_address(state.key.name, name)
    obj.metadata.annotations = {ipamv1.GUARD_ANNOTATION: _own_name(state, address)}
    obj.metadata.owner_references = [claim.owner_reference()]
    obj.spec.address = str(address)
    return obj
