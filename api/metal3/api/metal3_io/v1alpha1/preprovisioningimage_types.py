"""PreprovisioningImage under the names people know."""

from enum import StrEnum
from typing import Final

from .zz_generated_preprovisioningimage import (
    PreprovisioningImageSpecAcceptFormats,
    PreprovisioningImageStatusNetworkData,
)

PREPROVISIONING_IMAGE_FINALIZER: Final = "preprovisioningimage.metal3.io"

PreprovisioningImageFormat = PreprovisioningImageSpecAcceptFormats
SecretStatus = PreprovisioningImageStatusNetworkData


class PreprovisioningImageConditionType(StrEnum):
    """Conditions of a PreprovisioningImage."""

    READY = "Ready"
    ERROR = "Error"


class PreprovisioningImageConditionReason(StrEnum):
    """Why those conditions are what they are."""

    SUCCESS = "ImageSuccess"
    CONFIGURATION_ERROR = "ConfigurationError"
    MISSING_NETWORK_DATA = "MissingNetworkData"
    BUILD_INVALID = "ImageBuildInvalid"
