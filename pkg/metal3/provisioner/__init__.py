"""The seam: what the operator asks of the machinery that runs servers.

Backends stand behind it as entry points of the group ``metal3.provisioners``; each offers
``new_factory(environment) -> Backend``.
"""

from metal3.bmc import Credentials

from ._data import (
    FirmwareSettings,
    HardwareState,
    HostConfig,
    HostData,
    InspectData,
    Machine,
    ManagementAccessData,
    PrepareData,
    PreprovisioningImage,
    ProvisionData,
    RebootMode,
    ServicingData,
)
from ._interface import Backend, ClusterUser, Provisioner, Publisher, Wake
from ._results import (
    BackendError,
    NeedsPreprovisioningImageError,
    NeedsRegistrationError,
    NodeBusyError,
    NotReadyError,
    ProvisionerError,
    Result,
)

__all__ = [
    "Backend",
    "BackendError",
    "ClusterUser",
    "Credentials",
    "FirmwareSettings",
    "HardwareState",
    "HostConfig",
    "HostData",
    "InspectData",
    "Machine",
    "ManagementAccessData",
    "NeedsPreprovisioningImageError",
    "NeedsRegistrationError",
    "NodeBusyError",
    "NotReadyError",
    "PrepareData",
    "PreprovisioningImage",
    "ProvisionData",
    "Provisioner",
    "ProvisionerError",
    "Publisher",
    "RebootMode",
    "Result",
    "ServicingData",
    "Wake",
]
