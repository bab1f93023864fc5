"""IPAddressClaim and IPAddress of Cluster API, as far as a provider reads and writes them.

Imported as ``capiipamv1``. Fields that are not named here are kept as they are.
"""

from ._address import IPAddress, IPAddressClaimReference, IPAddressSpec
from ._claim import AddressReference, IPAddressClaim, IPAddressClaimSpec, IPAddressClaimStatus
from ._pool import PoolReference

GROUP = "ipam.cluster.x-k8s.io"

__all__ = [
    "GROUP",
    "AddressReference",
    "IPAddress",
    "IPAddressClaim",
    "IPAddressClaimReference",
    "IPAddressClaimSpec",
    "IPAddressClaimStatus",
    "IPAddressSpec",
    "PoolReference",
]
