"""IPAddress."""

from typing import Annotated, ClassVar

from pydantic import Field

from metal3.api.meta import v1 as metav1

from ._pool import PoolReference


class IPAddressClaimReference(metav1.Model):
    """The claim, in the namespace of the address."""

    required_fields = frozenset({"name"})
    name: str = ""


class IPAddressSpec(metav1.Model):
    """The address and whose it is; the contract has no name servers."""

    required_fields = frozenset({"claim_ref", "pool_ref", "address", "prefix"})
    claim_ref: Annotated[IPAddressClaimReference, Field(alias="claimRef")] = Field(
        default_factory=IPAddressClaimReference
    )
    pool_ref: Annotated[PoolReference, Field(alias="poolRef")] = Field(
        default_factory=PoolReference
    )
    address: str = ""
    prefix: int = 0
    gateway: str | None = None


class IPAddress(metav1.Object):
    """One address that a claim has; it bears the claim's name."""

    gvk: ClassVar = metav1.GroupVersionKind("ipam.cluster.x-k8s.io", "v1beta2", "IPAddress")
    plural: ClassVar[str] = "ipaddresses"

    spec: IPAddressSpec = Field(default_factory=IPAddressSpec)
