"""IPClaim of ipam.metal3.io/v1alpha1, generated from its CRD; do not edit, run `make generate`."""

from typing import Annotated, ClassVar

from pydantic import Field

from metal3.api.meta.v1 import Condition, GroupVersionKind, Model, Object

from .zz_generated_ipaddress import IPAddressSpecClaim


class IPClaimSpec(Model):
    """Which pool to take it from."""

    required_fields: ClassVar[frozenset[str]] = frozenset({"pool"})

    pool: IPAddressSpecClaim = Field(default_factory=IPAddressSpecClaim)
    """The IPPool; it must be in the namespace of the claim."""


class IPClaimStatus(Model):
    """What came of it."""

    address: IPAddressSpecClaim | None = None
    """The IPAddress that was made for this claim."""

    error_message: Annotated[str | None, Field(alias="errorMessage")] = None
    """Why there is no address at present."""

    conditions: list[Condition] = Field(default_factory=list)
    """Ready: the claim has its address."""


class IPClaim(Object):
    """Asks for one address of an IPPool."""

    gvk: ClassVar[GroupVersionKind] = GroupVersionKind("ipam.metal3.io", "v1alpha1", "IPClaim")
    plural: ClassVar[str] = "ipclaims"
    namespaced: ClassVar[bool] = True

    spec: IPClaimSpec = Field(default_factory=IPClaimSpec)
    """Which pool to take it from."""

    status: IPClaimStatus = Field(default_factory=IPClaimStatus)
    """What came of it."""
