"""IPAddressClaim."""

from typing import Annotated, ClassVar

from pydantic import Field

from metal3.api.meta import v1 as metav1

from ._pool import PoolReference


class IPAddressClaimSpec(metav1.Model):
    """Which pool to take an address from, and for which cluster."""

    required_fields = frozenset({"pool_ref"})
    cluster_name: Annotated[str, Field(alias="clusterName")] = ""
    pool_ref: Annotated[PoolReference, Field(alias="poolRef")] = Field(
        default_factory=PoolReference
    )


class AddressReference(metav1.Model):
    """An IPAddress in the namespace of the claim."""

    required_fields = frozenset({"name"})
    name: str = ""


class IPAddressClaimStatus(metav1.Model):
    """What came of it; the API server refuses an empty one."""

    address_ref: Annotated[AddressReference | None, Field(alias="addressRef")] = None
    conditions: list[metav1.Condition] = Field(default_factory=list)


class IPAddressClaim(metav1.Object):
    """Asks the provider of a pool for one address."""

    gvk: ClassVar = metav1.GroupVersionKind("ipam.cluster.x-k8s.io", "v1beta2", "IPAddressClaim")
    plural: ClassVar[str] = "ipaddressclaims"

    spec: IPAddressClaimSpec = Field(default_factory=IPAddressClaimSpec)
    status: IPAddressClaimStatus = Field(default_factory=IPAddressClaimStatus)
