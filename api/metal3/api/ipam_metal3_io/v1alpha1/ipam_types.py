"""Short names of the structures, and the words that objects of this group carry."""

from typing import Final

from .zz_generated_ipaddress import IPAddressSpecClaim
from .zz_generated_ippool import (
    IPPoolSpecAllocationStrategy,
    IPPoolSpecPools,
    IPPoolStatusRanges,
)

POOL_FINALIZER: Final = "ippool.ipam.metal3.io"
CLAIM_FINALIZER: Final = "ipclaim.ipam.metal3.io"
ADDRESS_FINALIZER: Final = "ipaddress.ipam.metal3.io"
CAPI_CLAIM_FINALIZER: Final = "ipam.metal3.io/ipaddressclaim"
"""On Cluster API's claims; the slash is what new finalizers should have."""
CAPI_ADDRESS_FINALIZER: Final = "ipam.metal3.io/ipaddress"

REQUESTED_ADDRESS_ANNOTATION: Final = "ipAddress"
"""The address a claim of either kind wants."""
RELEASED_AT_ANNOTATION: Final = "ipam.metal3.io/released-at"
"""When an IPAddress in quarantine was given back."""
GUARD_ANNOTATION: Final = "ipam.metal3.io/guards"
"""On an IPAddress that only keeps another pool from the address: the name of the real one."""

PROVIDER_LABEL_VALUE: Final = "ipam-metal3"

READY_CONDITION: Final = "Ready"
ADDRESSES_AVAILABLE_CONDITION: Final = "AddressesAvailable"

Pool = IPPoolSpecPools
AllocationStrategy = IPPoolSpecAllocationStrategy
ObjectReference = IPAddressSpecClaim
"""How pools, claims and addresses name one another."""
RangeStatus = IPPoolStatusRanges
