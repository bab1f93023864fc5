"""The two kinds of claims behind one face."""

from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

from metal3.api.cluster_x_k8s_io import v1beta2 as clusterv1
from metal3.api.ipam_cluster_x_k8s_io import v1beta2 as capiipamv1
from metal3.api.ipam_metal3_io import v1alpha1 as ipamv1
from metal3.api.meta import v1 as metav1
from metal3.runtime.types import NamespacedName

from .choice import Reason
from .records import POOL_KIND, ClaimKey, ClaimKind, Record, claim_key, is_our_pool

T = TypeVar("T", bound=metav1.Object)
Json = dict[str, Any]

COLLECTORS_FINALIZERS: Final = frozenset({"foregroundDeletion", "orphan"})
"""Of the garbage collector, which itself waits for the address to go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One claim as it was read; ``obj`` is a copy that may be changed."""

    obj: metav1.Object
    key: ClaimKey
    pool: NamespacedName
    finalizer: str

    @property
    def uid(self) -> str:
        """Its incarnation."""
        return self.obj.metadata.uid

    @property
    def requested(self) -> str:
        """The address it asks for; empty for any."""
        return self.obj.metadata.annotations.get(ipamv1.REQUESTED_ADDRESS_ANNOTATION, "").strip()

    @property
    def is_deleting(self) -> bool:
        """Whether it is to go."""
        return bool(self.obj.metadata.deletion_timestamp)

    @property
    def is_still_used(self) -> bool:
        """Whether somebody else holds it back: its address may still be configured."""
        others = set(self.obj.metadata.finalizers) - {self.finalizer} - COLLECTORS_FINALIZERS
        return bool(others)

    @property
    def cluster_name(self) -> str:
        """The cluster it belongs to, if it says so."""
        if isinstance(self.obj, capiipamv1.IPAddressClaim) and self.obj.spec.cluster_name:
            return self.obj.spec.cluster_name
        return self.obj.metadata.labels.get(clusterv1.CLUSTER_NAME_LABEL, "")

    def owner_reference(self) -> metav1.OwnerReference:
        """For what is made for it."""
        return metav1.owner_reference(self.obj, controller=True)

    def new_address(self, pool: str, name: str) -> ipamv1.IPAddress:
        """An IPAddress for it, of this pool, that lacks its address and its owners."""
        obj = ipamv1.IPAddress.named(name, self.key.namespace)
        obj.metadata.labels = dict(self.obj.metadata.labels)
        obj.spec.claim = ipamv1.ObjectReference(
            api_version=self.obj.gvk.api_version,
            kind=self.key.kind,
            name=self.key.name,
            namespace=self.key.namespace,
        )
        obj.spec.pool = ipamv1.ObjectReference(
            api_version=ipamv1.GROUP_VERSION,
            kind=POOL_KIND,
            name=pool,
            namespace=self.key.namespace,
        )
        return obj


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why a claim has no address, as its status tells it."""

    reason: Reason
    message: str


class ClaimType(Protocol[T]):
    """What differs between the kinds."""

    kind: type[T]
    claim_kind: ClaimKind
    finalizer: str

    def view(self, obj: T) -> Claim | None:
        """The claim; None when it is another provider's."""
        ...

    def problem(self, obj: T) -> str:
        """What is wrong with its reference to a pool; empty if nothing is."""
        ...

    def recorded_name(self, obj: T) -> str:
        """Name of the address its status points at; empty for none."""
        ...

    def address_name(self, claim: Claim, records: list[Record]) -> str:
        """Name of the address its status should point at."""
        ...

    def conditions(self, obj: T) -> list[metav1.Condition]:
        """The conditions of its status."""
        ...

    def status(self, obj: T, name: str, problem: Problem | None) -> Json:
        """What to change in its status, without the conditions; empty for nothing."""
        ...


@dataclass(frozen=True, slots=True)
class IPClaimType:
    """IPClaim of ipam.metal3.io."""

    kind = ipamv1.IPClaim
    claim_kind = ClaimKind.IP_CLAIM
    finalizer = ipamv1.CLAIM_FINALIZER

    def view(self, obj: ipamv1.IPClaim) -> Claim | None:
        """Every IPClaim is ours."""
        key = claim_key(obj, self.claim_kind)
        pool = NamespacedName(key.namespace, obj.spec.pool.name or "")
        return Claim(obj=obj, key=key, pool=pool, finalizer=self.finalizer)

    def problem(self, obj: ipamv1.IPClaim) -> str:
        """A pool of another namespace would let one tenant use up another's addresses."""
        pool = obj.spec.pool
        if not pool.name:
            return "spec.pool.name is empty"
        if pool.namespace and pool.namespace != obj.metadata.namespace:
            return f"spec.pool.namespace {pool.namespace!r} is not the claim's"
        if pool.kind and pool.kind != POOL_KIND:
            return f"spec.pool.kind {pool.kind!r} is not {POOL_KIND}"
        return ""

    def recorded_name(self, obj: ipamv1.IPClaim) -> str:
        """As the status says."""
        return (obj.status.address.name or "") if obj.status.address else ""

    def address_name(self, claim: Claim, records: list[Record]) -> str:
        """Of the reservation itself."""
        return records[0].key.name

    def conditions(self, obj: ipamv1.IPClaim) -> list[metav1.Condition]:
        """As the status says."""
        return obj.status.conditions

    def status(self, obj: ipamv1.IPClaim, name: str, problem: Problem | None) -> Json:
        """Address and error message; the message is that of now."""
        change: Json = {}
        if name != self.recorded_name(obj):
            namespace = obj.metadata.namespace
            change["address"] = {"name": name, "namespace": namespace} if name else None
        message = problem.message if problem else None
        if message != (obj.status.error_message or None):
            change["errorMessage"] = message
        return change


@dataclass(frozen=True, slots=True)
class IPAddressClaimType:
    """IPAddressClaim of Cluster API."""

    kind = capiipamv1.IPAddressClaim
    claim_kind = ClaimKind.IP_ADDRESS_CLAIM
    finalizer = ipamv1.CAPI_CLAIM_FINALIZER

    def view(self, obj: capiipamv1.IPAddressClaim) -> Claim | None:
        """Only those whose pool is an IPPool of ours."""
        if not is_our_pool(obj.spec.pool_ref):
            return None
        key = claim_key(obj, self.claim_kind)
        pool = NamespacedName(key.namespace, obj.spec.pool_ref.name)
        return Claim(obj=obj, key=key, pool=pool, finalizer=self.finalizer)

    def problem(self, obj: capiipamv1.IPAddressClaim) -> str:
        """The API server has checked it."""
        return ""

    def recorded_name(self, obj: capiipamv1.IPAddressClaim) -> str:
        """As the status says."""
        return obj.status.address_ref.name if obj.status.address_ref else ""

    def address_name(self, claim: Claim, records: list[Record]) -> str:
        """Of the Cluster API address: the claim's own, unless the Go operator made it."""
        return next((r.key.name for r in records if r.key.is_capi), claim.key.name)

    def conditions(self, obj: capiipamv1.IPAddressClaim) -> list[metav1.Condition]:
        """As the status says."""
        return obj.status.conditions

    def status(self, obj: capiipamv1.IPAddressClaim, name: str, problem: Problem | None) -> Json:
        """The reference to the address."""
        if name == self.recorded_name(obj):
            return {}
        return {"addressRef": {"name": name} if name else None}
