"""Group, version and kinds of this package, and their registration in a scheme."""

from typing import Final

from metal3.api.meta import v1 as metav1

from .zz_generated_ipaddress import IPAddress
from .zz_generated_ipclaim import IPClaim
from .zz_generated_ippool import IPPool

GROUP: Final = "ipam.metal3.io"
VERSION: Final = "v1alpha1"
GROUP_VERSION: Final = f"{GROUP}/{VERSION}"

KINDS: Final[tuple[type[metav1.Object], ...]] = (IPAddress, IPClaim, IPPool)
"""Every kind of this group and version."""


def add_to_scheme(scheme: metav1.KindRegistry) -> None:
    """Make all kinds of this package known to ``scheme``."""
    for kind in KINDS:
        scheme.register(kind)
