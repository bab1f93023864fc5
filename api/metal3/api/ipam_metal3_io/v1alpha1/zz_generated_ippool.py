"""IPPool of ipam.metal3.io/v1alpha1, generated from its CRD; do not edit, run `make generate`."""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from metal3.api.meta.v1 import Condition, GroupVersionKind, Model, Object, Time


class IPPoolSpecPools(Model):
    """One stretch of addresses: those from start to end, those of subnet, or both at once."""

    start: str | None = None
    """First address to hand out."""

    end: str | None = None
    """Last address to hand out; needs start or subnet beside it."""

    subnet: str | None = None
    """Network to take addresses from, as in 192.0.2.0/24."""

    prefix: int | None = None
    """Prefix length told to the consumer, in place of the pool's."""

    gateway: str | None = None
    """Gateway told to the consumer, in place of the pool's; never handed out."""

    dns_servers: Annotated[list[str], Field(alias="dnsServers")] = Field(default_factory=list)
    """Name servers told to the consumer, in place of the pool's."""

    use_reserved: Annotated[bool | None, Field(alias="useReserved")] = None
    """Hand out the first and the last address of subnet, too. Without it they are kept back,
    unless the subnet is a point-to-point link (/31 and /32, /127 and /128).
    """


class IPPoolSpecAllocationStrategy(StrEnum):
    """Known values of allocationStrategy."""

    SEQUENTIAL = "sequential"
    RANDOM = "random"


class IPPoolSpec(Model):
    """What there is to hand out, and how."""

    required_fields: ClassVar[frozenset[str]] = frozenset({"name_prefix"})

    cluster_name: Annotated[str | None, Field(alias="clusterName")] = None
    """Cluster this pool belongs to: while that is paused, so is the pool, and both move
    together.
    """

    pools: list[IPPoolSpecPools] = Field(default_factory=list)
    """Stretches of addresses, used up in this order."""

    pre_allocations: Annotated[dict[str, str], Field(alias="preAllocations")] = Field(
        default_factory=dict
    )
    """Addresses kept for claims by the claim's name."""

    prefix: int | None = None
    """Prefix length told to the consumer."""

    gateway: str | None = None
    """Gateway told to the consumer; never handed out."""

    dns_servers: Annotated[list[str], Field(alias="dnsServers")] = Field(default_factory=list)
    """Name servers told to the consumer."""

    name_prefix: Annotated[str, Field(alias="namePrefix")] = ""
    """How the names of this pool's IPAddresses begin; cannot change."""

    allocation_strategy: Annotated[str, Field(alias="allocationStrategy")] = "sequential"
    """Which free address to take: the lowest, or any; cannot change."""

    isolated: bool | None = None
    """The pool's network is apart from all others, so that other pools may hand out the same
    addresses. Without it, pools of a namespace that overlap hand out each address once.
    """

    quarantine_seconds: Annotated[int | None, Field(alias="quarantineSeconds")] = None
    """How long an address that was given back stays out of use, as its last holder may still
    answer to it.
    """

    exhaustion_warning_percent: Annotated[int | None, Field(alias="exhaustionWarningPercent")] = (
        None
    )
    """From which share of addresses in use the pool warns; 90 if not given."""


class IPPoolStatusRanges(Model):
    """One entry."""

    required_fields: ClassVar[frozenset[str]] = frozenset({"free", "total", "used"})

    start: str | None = None
    """First address that can be handed out."""

    end: str | None = None
    """Last address that can be handed out."""

    total: int = 0
    """Addresses this entry can hand out. Stays at 9223372036854775807 when there are more."""

    used: int = 0
    """How many of them are taken or in quarantine. Stays at 9223372036854775807 when there are
    more.
    """

    free: int = 0
    """How many of them anybody can get. Stays at 9223372036854775807 when there are more."""


class IPPoolStatus(Model):
    """How much of it is taken."""

    last_updated: Annotated[Time | None, Field(alias="lastUpdated")] = None
    """When this status changed last."""

    indexes: dict[str, str] = Field(default_factory=dict)
    """Address of each claim by the claim's name, those kept for claims included. The IPAddress
    objects are the truth; a pool with very many claims lists only some.
    """

    indexes_truncated: Annotated[bool | None, Field(alias="indexesTruncated")] = None
    """Whether indexes leaves claims out because there are too many."""

    observed_generation: Annotated[int | None, Field(alias="observedGeneration")] = None
    """Generation of the spec this status is about."""

    total: int | None = None
    """Addresses this pool can hand out. Stays at 9223372036854775807 when there are more."""

    used: int | None = None
    """How many of them are taken or in quarantine. Stays at 9223372036854775807 when there are
    more.
    """

    free: int | None = None
    """How many of them anybody can get. Stays at 9223372036854775807 when there are more."""

    ranges: list[IPPoolStatusRanges] = Field(default_factory=list)
    """The same for each entry of spec.pools, at most the first 100."""

    conditions: list[Condition] = Field(default_factory=list)
    """Ready: claims are served. AddressesAvailable: not used up, nor close to it."""


class IPPool(Object):
    """Addresses to hand out to IPClaims and to Cluster API's IPAddressClaims."""

    gvk: ClassVar[GroupVersionKind] = GroupVersionKind("ipam.metal3.io", "v1alpha1", "IPPool")
    plural: ClassVar[str] = "ippools"
    namespaced: ClassVar[bool] = True

    spec: IPPoolSpec = Field(default_factory=IPPoolSpec)
    """What there is to hand out, and how."""

    status: IPPoolStatus = Field(default_factory=IPPoolStatus)
    """How much of it is taken."""
