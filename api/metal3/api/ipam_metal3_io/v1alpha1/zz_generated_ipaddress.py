"""IPAddress of ipam.metal3.io/v1alpha1, generated from its CRD; do not edit, run `make generate`."""

from typing import Annotated, ClassVar

from pydantic import Field

from metal3.api.meta.v1 import GroupVersionKind, Model, Object


class IPAddressSpecClaim(Model):
    """The claim that has it: an IPClaim, or a Cluster API IPAddressClaim when kind says so."""

    api_version: Annotated[str | None, Field(alias="apiVersion")] = None
    """Group and version of the object."""

    field_path: Annotated[str | None, Field(alias="fieldPath")] = None
    """Not used."""

    kind: str | None = None
    """Kind of the object."""

    name: str | None = None
    """Name of the object."""

    namespace: str | None = None
    """Namespace of the object; its own if empty."""

    resource_version: Annotated[str | None, Field(alias="resourceVersion")] = None
    """Not used."""

    uid: str | None = None
    """Not used: a move between clusters changes it."""


class IPAddressSpec(Model):
    """The address and whose it is."""

    required_fields: ClassVar[frozenset[str]] = frozenset({"address", "claim", "pool"})

    claim: IPAddressSpecClaim = Field(default_factory=IPAddressSpecClaim)
    """The claim that has it: an IPClaim, or a Cluster API IPAddressClaim when kind says so."""

    pool: IPAddressSpecClaim = Field(default_factory=IPAddressSpecClaim)
    """The IPPool it is from."""

    address: str = ""
    """The address."""

    prefix: int | None = None
    """Length of the network's prefix."""

    gateway: str | None = None
    """Where other networks are reached."""

    dns_servers: Annotated[list[str], Field(alias="dnsServers")] = Field(default_factory=list)
    """Name servers of the network."""


class IPAddress(Object):
    """One address that is taken. Its name is made of the address, so that only one claim can
    ever have it.
    """

    gvk: ClassVar[GroupVersionKind] = GroupVersionKind("ipam.metal3.io", "v1alpha1", "IPAddress")
    plural: ClassVar[str] = "ipaddresses"
    namespaced: ClassVar[bool] = True

    spec: IPAddressSpec = Field(default_factory=IPAddressSpec)
    """The address and whose it is."""
