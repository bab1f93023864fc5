"""Who has which address: what the ledger remembers of IPAddress objects of either group."""

import sys
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final, NamedTuple

from metal3.api.ipam_cluster_x_k8s_io import v1beta2 as capiipamv1
from metal3.api.ipam_metal3_io import v1alpha1 as ipamv1
from metal3.api.meta import v1 as metav1
from metal3.runtime.types import NamespacedName, key_of

from .addresses import Address, parse_address

POOL_KIND: Final = "IPPool"


class ClaimKind(StrEnum):
    """The two kinds of claims a pool serves."""

    IP_CLAIM = "IPClaim"
    IP_ADDRESS_CLAIM = "IPAddressClaim"


class ClaimKey(NamedTuple):
    """One claim, by what a move between clusters does not change."""

    kind: ClaimKind
    namespace: str
    name: str

    @property
    def object_key(self) -> NamespacedName:
        """Its name without its kind."""
        return NamespacedName(self.namespace, self.name)

    def __str__(self) -> str:
        """Kind and name, for messages."""
        return f"{self.kind} {self.name}"


class RecordKey(NamedTuple):
    """One address object; ``is_capi`` says of which group."""

    is_capi: bool
    namespace: str
    name: str

    @property
    def object_key(self) -> NamespacedName:
        """Its name without its group."""
        return NamespacedName(self.namespace, self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One address object. ``owner_uid`` is the incarnation of the claim it was made for."""

    key: RecordKey
    address: Address
    pool: NamespacedName
    claim: ClaimKey
    uid: str
    owner_uid: str
    is_deleting: bool
    released_at: str = ""
    is_guard: bool = False
    """Whether it only keeps other pools from the address: see guards.py."""


def record_of(obj: ipamv1.IPAddress) -> Record:
    """Of an address of ours; raises ValueError when it holds no address."""
    meta, spec = obj.metadata, obj.spec
    claim = claim_of(obj)
    return Record(
        key=_record_key(meta, is_capi=False),
        address=parse_address(spec.address),
        pool=_pool_key(spec.pool.namespace or meta.namespace, spec.pool.name or ""),
        claim=claim,
        uid=meta.uid,
        owner_uid=owner_uid(obj, claim),
        is_deleting=bool(meta.deletion_timestamp),
        released_at=meta.annotations.get(ipamv1.RELEASED_AT_ANNOTATION, ""),
        is_guard=ipamv1.GUARD_ANNOTATION in meta.annotations,
    )


def capi_record_of(obj: capiipamv1.IPAddress) -> Record | None:
    """Of a Cluster API address; None when its pool is another provider's. Raises ValueError."""
    meta, spec = obj.metadata, obj.spec
    if not is_our_pool(spec.pool_ref):
        return None
    claim = _claim_key(ClaimKind.IP_ADDRESS_CLAIM, meta.namespace, spec.claim_ref.name)
    return Record(
        key=_record_key(meta, is_capi=True),
        address=parse_address(spec.address),
        pool=_pool_key(meta.namespace, spec.pool_ref.name),
        claim=claim,
        uid=meta.uid,
        owner_uid=owner_uid(obj, claim),
        is_deleting=bool(meta.deletion_timestamp),
    )


def claim_of(obj: ipamv1.IPAddress) -> ClaimKey:
    """Whose address this is; the Go operator names no kind and means an IPClaim."""
    claim = obj.spec.claim
    is_capi = claim.kind == ClaimKind.IP_ADDRESS_CLAIM
    kind = ClaimKind.IP_ADDRESS_CLAIM if is_capi else ClaimKind.IP_CLAIM
    return _claim_key(kind, claim.namespace or obj.metadata.namespace, claim.name or "")


def owner_uid(obj: metav1.Object, claim: ClaimKey) -> str:
    """The uid of the claim among the owners; empty when it is not named there."""
    for reference in obj.metadata.owner_references:
        if is_claim(reference, claim):
            return reference.uid
    return ""


def is_claim(reference: metav1.OwnerReference, claim: ClaimKey) -> bool:
    """Whether an owner is the claim, in any incarnation."""
    return reference.kind == claim.kind and reference.name == claim.name


def is_our_pool(reference: capiipamv1.PoolReference) -> bool:
    """Whether a Cluster API object names a pool of this provider."""
    return reference.kind == POOL_KIND and reference.api_group == ipamv1.GROUP


def claim_key(obj: metav1.Object, kind: ClaimKind) -> ClaimKey:
    """Key of a claim object."""
    return _claim_key(kind, *key_of(obj))


@lru_cache(maxsize=4096)
def _pool_key(namespace: str, name: str) -> NamespacedName:
    """One key for all records of a pool: there may be very many."""
    return NamespacedName(namespace, name)


def _record_key(meta: metav1.ObjectMeta, *, is_capi: bool) -> RecordKey:
    """A key whose text is shared with the cache."""
    return RecordKey(is_capi, sys.intern(meta.namespace), sys.intern(meta.name))


def _claim_key(kind: ClaimKind, namespace: str, name: str) -> ClaimKey:
    """A key whose text is shared with the claim's other records."""
    return ClaimKey(kind, sys.intern(namespace), sys.intern(name))
