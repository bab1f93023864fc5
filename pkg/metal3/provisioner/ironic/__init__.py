"""Hosts run by Ironic: the backend behind the default ``--provisioner=ironic``.

Called through the entry point group ``metal3.provisioners``. State of all nodes arrives by one
shared listing that wakes the hosts whose node changed; settled hosts cost no requests.
"""

from ._backend import IronicBackend, new_factory
from ._errors import ConfigurationError, IronicError, UnreachableError
from ._provisioner import IronicProvisioner

__all__ = [
    "ConfigurationError",
    "IronicBackend",
    "IronicError",
    "IronicProvisioner",
    "UnreachableError",
    "new_factory",
]
