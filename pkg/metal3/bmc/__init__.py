"""BMC addresses: which driver, interfaces and driver information a scheme stands for.

Called by the operator (to check an address), by its webhooks and by the backends. New schemes come
from other distributions through the entry point group ``metal3.bmc``.
"""

from ._access import AccessDetails, Driver
from ._address import Address, is_ip
from ._credentials import Credentials
from ._errors import (
    BMCAddressError,
    BrokenPluginError,
    InvalidBMCAddressError,
    UnknownBMCTypeError,
)
from ._registry import ENTRY_POINT_GROUP, Registry, known_schemes, parse

__all__ = [
    "ENTRY_POINT_GROUP",
    "AccessDetails",
    "Address",
    "BMCAddressError",
    "BrokenPluginError",
    "Credentials",
    "Driver",
    "InvalidBMCAddressError",
    "Registry",
    "UnknownBMCTypeError",
    "is_ip",
    "known_schemes",
    "parse",
]
