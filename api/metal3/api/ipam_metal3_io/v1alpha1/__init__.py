"""Pools of addresses, claims of them and the addresses; imported as ``ipamv1``.

The structures are generated from ``config/crd/bases``. This is the only face of the package: its
modules are not imported from outside.
"""

from .groupversion_info import GROUP, GROUP_VERSION, KINDS, VERSION, add_to_scheme
from .ipam_types import (
    ADDRESS_FINALIZER,
    ADDRESSES_AVAILABLE_CONDITION,
    CAPI_ADDRESS_FINALIZER,
    CAPI_CLAIM_FINALIZER,
    CLAIM_FINALIZER,
    GUARD_ANNOTATION,
    POOL_FINALIZER,
    PROVIDER_LABEL_VALUE,
    READY_CONDITION,
    RELEASED_AT_ANNOTATION,
    REQUESTED_ADDRESS_ANNOTATION,
    AllocationStrategy,
    ObjectReference,
    Pool,
    RangeStatus,
)
from .zz_generated_ipaddress import IPAddress, IPAddressSpec
from .zz_generated_ipclaim import IPClaim, IPClaimSpec, IPClaimStatus
from .zz_generated_ippool import IPPool, IPPoolSpec, IPPoolStatus

__all__ = [
    "ADDRESSES_AVAILABLE_CONDITION",
    "ADDRESS_FINALIZER",
    "CAPI_ADDRESS_FINALIZER",
    "CAPI_CLAIM_FINALIZER",
    "CLAIM_FINALIZER",
    "GROUP",
    "GROUP_VERSION",
    "GUARD_ANNOTATION",
    "KINDS",
    "POOL_FINALIZER",
    "PROVIDER_LABEL_VALUE",
    "READY_CONDITION",
    "RELEASED_AT_ANNOTATION",
    "REQUESTED_ADDRESS_ANNOTATION",
    "VERSION",
    "AllocationStrategy",
    "IPAddress",
    "IPAddressSpec",
    "IPClaim",
    "IPClaimSpec",
    "IPClaimStatus",
    "IPPool",
    "IPPoolSpec",
    "IPPoolStatus",
    "ObjectReference",
    "Pool",
    "RangeStatus",
    "add_to_scheme",
]
