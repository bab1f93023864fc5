"""BareMetalHost under the names people know, its states, and the keys it is annotated with."""

from enum import StrEnum
from typing import Final

from .zz_generated_baremetalhost import (
    BareMetalHostSpecAutomatedCleaningMode,
    BareMetalHostSpecBmc,
    BareMetalHostSpecBootMode,
    BareMetalHostSpecConsumerRef,
    BareMetalHostSpecCustomDeploy,
    BareMetalHostSpecFirmware,
    BareMetalHostSpecImage,
    BareMetalHostSpecImageChecksumType,
    BareMetalHostSpecImageFormat,
    BareMetalHostSpecInspectionMode,
    BareMetalHostSpecNetworkInterfaces,
    BareMetalHostSpecNetworkInterfacesHostNetworkAttachment,
    BareMetalHostSpecNetworkInterfacesSwitchPort,
    BareMetalHostSpecRaid,
    BareMetalHostSpecRaidHardwareRAIDVolumes,
    BareMetalHostSpecRaidHardwareRAIDVolumesLevel,
    BareMetalHostSpecRaidSoftwareRAIDVolumes,
    BareMetalHostSpecRaidSoftwareRAIDVolumesLevel,
    BareMetalHostSpecRootDeviceHints,
    BareMetalHostSpecTaints,
    BareMetalHostSpecUserData,
    BareMetalHostStatusErrorType,
    BareMetalHostStatusGoodCredentials,
    BareMetalHostStatusOperationalStatus,
    BareMetalHostStatusOperationHistory,
    BareMetalHostStatusOperationHistoryRegister,
    BareMetalHostStatusProvisioning,
)

BMCDetails = BareMetalHostSpecBmc
RAIDConfig = BareMetalHostSpecRaid
HardwareRAIDVolume = BareMetalHostSpecRaidHardwareRAIDVolumes
HardwareRAIDLevel = BareMetalHostSpecRaidHardwareRAIDVolumesLevel
SoftwareRAIDVolume = BareMetalHostSpecRaidSoftwareRAIDVolumes
SoftwareRAIDLevel = BareMetalHostSpecRaidSoftwareRAIDVolumesLevel
FirmwareConfig = BareMetalHostSpecFirmware
RootDeviceHints = BareMetalHostSpecRootDeviceHints
Image = BareMetalHostSpecImage
ChecksumType = BareMetalHostSpecImageChecksumType
ImageFormat = BareMetalHostSpecImageFormat
CustomDeploy = BareMetalHostSpecCustomDeploy
SecretReference = BareMetalHostSpecUserData
ObjectReference = BareMetalHostSpecConsumerRef
Taint = BareMetalHostSpecTaints
NetworkInterface = BareMetalHostSpecNetworkInterfaces
NetworkAttachmentReference = BareMetalHostSpecNetworkInterfacesHostNetworkAttachment
SwitchPort = BareMetalHostSpecNetworkInterfacesSwitchPort
BootMode = BareMetalHostSpecBootMode
AutomatedCleaningMode = BareMetalHostSpecAutomatedCleaningMode
InspectionMode = BareMetalHostSpecInspectionMode
ProvisionStatus = BareMetalHostStatusProvisioning
CredentialsStatus = BareMetalHostStatusGoodCredentials
OperationHistory = BareMetalHostStatusOperationHistory
OperationMetric = BareMetalHostStatusOperationHistoryRegister
OperationalStatus = BareMetalHostStatusOperationalStatus
ErrorType = BareMetalHostStatusErrorType

HOST_FINALIZER: Final = "baremetalhost.metal3.io"
SECRET_FINALIZER: Final = "baremetalhost.metal3.io/secret"  # noqa: S105  # a finalizer's name
HARDWARE_DATA_FINALIZER: Final = "baremetalhost.metal3.io/hardwareData"
PREPROVISIONING_IMAGE_HOST_FINALIZER: Final = "baremetalhost.metal3.io/preprovisioningImage"
"""The host's hold on its PreprovisioningImage, which has a finalizer of its own besides."""

PAUSED_ANNOTATION: Final = "baremetalhost.metal3.io/paused"
DETACHED_ANNOTATION: Final = "baremetalhost.metal3.io/detached"
STATUS_ANNOTATION: Final = "baremetalhost.metal3.io/status"
INSPECT_ANNOTATION: Final = "inspect.metal3.io"
HARDWARE_DETAILS_ANNOTATION: Final = "inspect.metal3.io/hardwaredetails"
REBOOT_ANNOTATION: Final = "reboot.metal3.io"

INSPECT_DISABLED: Final = "disabled"
"""Value of the inspect annotation that forbids an inspection instead of asking for one."""

PAUSED_BY_CAPM3: Final = "metal3.io/capm3"
PAUSED_BY_HOST_CLAIM: Final = "metal3.io/hostclaim"

FAILURE_DOMAIN_LABEL: Final = "infrastructure.cluster.x-k8s.io/failure-domain"
ENVIRONMENT_LABEL: Final = "environment.metal3.io"
ENVIRONMENT_LABEL_VALUE: Final = "baremetal"
"""With the label above it marks the Secrets that the operator's cache holds."""

CREDENTIALS_USERNAME_KEY: Final = "username"
CREDENTIALS_PASSWORD_KEY: Final = "password"  # noqa: S105  # the name of a Secret's key
USER_DATA_KEY: Final = "userData"
NETWORK_DATA_KEY: Final = "networkData"
META_DATA_KEY: Final = "metaData"
FALLBACK_DATA_KEY: Final = "value"
"""Key that Cluster API's bootstrap providers use; taken when the proper one is missing."""


class ProvisioningState(StrEnum):
    """Where a host is in its life cycle: the values of ``status.provisioning.state``."""

    NONE = ""
    UNMANAGED = "unmanaged"
    REGISTERING = "registering"
    MATCH_PROFILE = "match profile"
    """Only in old objects; the hardware profile is picked while registering."""
    INSPECTING = "inspecting"
    PREPARING = "preparing"
    READY = "ready"
    """Only in old objects; the same as available."""
    AVAILABLE = "available"
    PROVISIONING = "provisioning"
    PROVISIONED = "provisioned"
    EXTERNALLY_PROVISIONED = "externally provisioned"
    DEPROVISIONING = "deprovisioning"
    POWERING_OFF_BEFORE_DELETE = "powering off before delete"
    DELETING = "deleting"


class HostConditionType(StrEnum):
    """What the conditions of a host tell."""

    READY = "Ready"
    MANAGEABLE = "Manageable"
    AVAILABLE_FOR_PROVISIONING = "AvailableForProvisioning"
    PROVISIONED = "Provisioned"
    PROGRESSING = "Progressing"
    HEALTHY = "Healthy"


class HostConditionReason(StrEnum):
    """Why a condition of a host is what it is."""

    MANAGEABLE = "Manageable"
    NOT_MANAGED = "NotManaged"
    REGISTERING = "Registering"
    REGISTRATION_FAILED = "RegistrationFailed"
    POWER_FAILURE = "PowerFailure"
    AVAILABLE = "Available"
    NOT_AVAILABLE = "NotAvailable"
    PROVISIONED = "Provisioned"
    NOT_PROVISIONED = "NotProvisioned"
    NOT_PROGRESSING = "NotProgressing"
    INSPECTING = "Inspecting"
    PREPARING = "Preparing"
    PROVISIONING = "Provisioning"
    DEPROVISIONING = "Deprovisioning"
    POWERING_OFF_BEFORE_DELETE = "PoweringOffBeforeDelete"
    DELETING = "Deleting"
    ERROR = "Error"
    SERVICING = "Servicing"
    DETACHED = "Detached"
    HEALTHY = "Healthy"
    WARNING = "Warning"
    CRITICAL_ERROR = "CriticalError"
    UNKNOWN = "Unknown"
