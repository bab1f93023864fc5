"""From informers into the ledger."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from metal3.api.cluster_x_k8s_io import v1beta2 as clusterv1
from metal3.api.ipam_cluster_x_k8s_io import v1beta2 as capiipamv1
from metal3.api.ipam_metal3_io import v1alpha1 as ipamv1
from metal3.api.meta import v1 as metav1
from metal3.runtime.cache import Cache, HandlerRegistration
from metal3.runtime.log import get_logger
from metal3.runtime.types import key_of

from .ledger import Ledger
from .records import ClaimKind, Record, RecordKey, capi_record_of, claim_key, is_our_pool, record_of

T = TypeVar("T", bound=metav1.Object)

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Handler(Generic[T]):
    """Tells of what is there (and whether it was before us), and of what is gone."""

    changed: Callable[[T, bool], None]
    gone: Callable[[T], None]

    def on_add(self, obj: T, *, is_in_initial_list: bool) -> None:
        """It is there."""
        self.changed(obj, is_in_initial_list)

    def on_update(self, old: T, new: T) -> None:
        """It is different, unless it is only told again."""
        if old.metadata.resource_version != new.metadata.resource_version:
            self.changed(new, False)  # noqa: FBT003 - a callable has no keywords

    def on_delete(self, obj: T, *, final_state_unknown: bool) -> None:
        """It is gone."""
        self.gone(obj)


@dataclass(kw_only=True)
class Feed:
    """Keeps the ledger current in every process, also in one that does not lead."""

    cache: Cache
    ledger: Ledger
    _registrations: list[HandlerRegistration[metav1.Object]] = field(
        default_factory=list[HandlerRegistration[metav1.Object]], init=False
    )

    async def connect(self) -> None:
        """Begin to listen; the cache need not run yet."""
        await self._listen(ipamv1.IPPool, self._pool, self._pool_gone)
        await self._listen(ipamv1.IPClaim, self._claim, self._claim_gone)
        await self._listen(ipamv1.IPAddress, self._address, self._address_gone)

    async def connect_cluster_api(self) -> None:
        """Listen for Cluster API's kinds, too, which must be there; the cache may run already."""
        await self._listen(clusterv1.Cluster, self._cluster, self._cluster_gone)
        await self._listen(capiipamv1.IPAddressClaim, self._capi_claim, self._capi_claim_gone)
        await self._listen(capiipamv1.IPAddress, self._capi_address, self._capi_address_gone)

    async def _listen(
        self, kind: type[T], changed: Callable[[T, bool], None], gone: Callable[[T], None]
    ) -> None:
        informer = await self.cache.get_informer(kind)
        registration: HandlerRegistration[T] = informer.add_event_handler(_Handler(changed, gone))
        self._registrations.append(registration)  # type: ignore[arg-type]  # only wait_synced is used

    async def wait_told(self) -> None:
        """Until everything that exists is in the ledger: before that a free address may not be."""
        for registration in self._registrations:
            await registration.wait_synced()
        self.ledger.begin_checking()

    def _pool(self, pool: ipamv1.IPPool, was_there: bool) -> None:  # noqa: FBT001 - see _Handler
        self.ledger.pool_changed(pool)

    def _pool_gone(self, pool: ipamv1.IPPool) -> None:
        self.ledger.pool_gone(key_of(pool))

    def _claim(self, claim: ipamv1.IPClaim, was_there: bool) -> None:  # noqa: FBT001 - see _Handler
        self.ledger.claim_changed(claim_key(claim, ClaimKind.IP_CLAIM), was_there=was_there)

    def _claim_gone(self, claim: ipamv1.IPClaim) -> None:
        self.ledger.claim_gone(claim_key(claim, ClaimKind.IP_CLAIM))

    def _capi_claim(self, claim: capiipamv1.IPAddressClaim, was_there: bool) -> None:  # noqa: FBT001 - see _Handler
        if is_our_pool(claim.spec.pool_ref):
            key = claim_key(claim, ClaimKind.IP_ADDRESS_CLAIM)
            self.ledger.claim_changed(key, was_there=was_there)

    def _capi_claim_gone(self, claim: capiipamv1.IPAddressClaim) -> None:
        self.ledger.claim_gone(claim_key(claim, ClaimKind.IP_ADDRESS_CLAIM))

    def _address(self, address: ipamv1.IPAddress, was_there: bool) -> None:  # noqa: FBT001 - see _Handler
        try:
            self._record(record_of(address))
        except ValueError as error:
            _report(address, error)

    def _address_gone(self, address: ipamv1.IPAddress) -> None:
        self.ledger.address_gone(RecordKey(False, *key_of(address)))  # noqa: FBT003 - fields of a tuple

    def _capi_address(self, address: capiipamv1.IPAddress, was_there: bool) -> None:  # noqa: FBT001 - see _Handler
        try:
            self._record(capi_record_of(address))
        except ValueError as error:
            _report(address, error)
        self._name_changed(address)

    def _capi_address_gone(self, address: capiipamv1.IPAddress) -> None:
        self.ledger.address_gone(RecordKey(True, *key_of(address)))  # noqa: FBT003 - fields of a tuple
        self._name_changed(address)

    def _name_changed(self, address: capiipamv1.IPAddress) -> None:
        """Anybody's: the claim of that name cannot be served while another's is in the way."""
        self.ledger.name_changed(claim_key(address, ClaimKind.IP_ADDRESS_CLAIM))

    def _record(self, record: Record | None) -> None:
        if record is not None:
            self.ledger.address_changed(record)

    def _cluster(self, cluster: clusterv1.Cluster, was_there: bool) -> None:  # noqa: FBT001 - see _Handler
        self.ledger.cluster_changed(key_of(cluster), paused=bool(cluster.spec.paused))

    def _cluster_gone(self, cluster: clusterv1.Cluster) -> None:
        self.ledger.cluster_gone(key_of(cluster))


def _report(obj: metav1.Object, error: ValueError) -> None:
    log.warning("an address object holds no address", object=str(key_of(obj)), error=str(error))
