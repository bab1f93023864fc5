"""Group, version and kinds of this package, and their registration in a scheme."""

from typing import Final

from metal3.api.meta import v1 as metav1

from .zz_generated_baremetalhost import BareMetalHost
from .zz_generated_baremetalswitch import BareMetalSwitch
from .zz_generated_bmceventsubscription import BMCEventSubscription
from .zz_generated_dataimage import DataImage
from .zz_generated_firmwareschema import FirmwareSchema
from .zz_generated_hardwaredata import HardwareData
from .zz_generated_hostclaim import HostClaim
from .zz_generated_hostdeploypolicy import HostDeployPolicy
from .zz_generated_hostfirmwarecomponents import HostFirmwareComponents
from .zz_generated_hostfirmwaresettings import HostFirmwareSettings
from .zz_generated_hostnetworkattachment import HostNetworkAttachment
from .zz_generated_hostupdatepolicy import HostUpdatePolicy
from .zz_generated_preprovisioningimage import PreprovisioningImage

GROUP: Final = "metal3.io"
VERSION: Final = "v1alpha1"
GROUP_VERSION: Final = f"{GROUP}/{VERSION}"

KINDS: Final[tuple[type[metav1.Object], ...]] = (
    BareMetalHost,
    BareMetalSwitch,
    BMCEventSubscription,
    DataImage,
    FirmwareSchema,
    HardwareData,
    HostClaim,
    HostDeployPolicy,
    HostFirmwareComponents,
    HostFirmwareSettings,
    HostNetworkAttachment,
    HostUpdatePolicy,
    PreprovisioningImage,
)
"""Every kind of this group and version."""


def add_to_scheme(scheme: metav1.KindRegistry) -> None:
    """Make all kinds of this package known to ``scheme``."""
    for kind in KINDS:
        scheme.register(kind)
