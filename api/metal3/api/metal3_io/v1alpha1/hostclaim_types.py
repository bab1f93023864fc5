"""HostClaim and HostDeployPolicy under the names people know."""

from enum import StrEnum
from typing import Final

from .zz_generated_hostclaim import (
    HostClaimSpecHostSelector,
    HostClaimSpecHostSelectorMatchExpressions,
    HostClaimStatusBareMetalHost,
)
from .zz_generated_hostdeploypolicy import (
    HostDeployPolicySpecHostClaimNamespaces,
    HostDeployPolicySpecHostClaimNamespacesHasLabels,
)

HOST_CLAIM_FINALIZER: Final = "metal3.io/hostclaim"

HostSelector = HostClaimSpecHostSelector
HostSelectorRequirement = HostClaimSpecHostSelectorMatchExpressions
HostReference = HostClaimStatusBareMetalHost
HostClaimNamespaces = HostDeployPolicySpecHostClaimNamespaces
NameValuePair = HostDeployPolicySpecHostClaimNamespacesHasLabels


class HostClaimConditionType(StrEnum):
    """What the conditions of a claim tell."""

    READY = "Ready"
    ASSOCIATED = "Associated"
    SYNCHRONIZED = "Synchronized"
    PROVISIONED = "Provisioned"
    AVAILABLE_FOR_PROVISIONING = "AvailableForProvisioning"


class HostClaimConditionReason(StrEnum):
    """Why a condition of a claim is what it is."""

    BARE_METAL_HOST_ASSOCIATED = "BareMetalHostAssociated"
    MISSING_BARE_METAL_HOST = "MissingBareMetalHost"
    NO_BARE_METAL_HOST = "NoBareMetalHost"
    BAD_BARE_METAL_HOST_STATUS = "BadBareMetalHostStatus"
    ANNOTATION_NOT_SET = "HostClaimAnnotationNotSet"
    PAUSE_ANNOTATION_SET_FAILED = "PauseAnnotationSetFailed"
    PAUSE_ANNOTATION_REMOVE_FAILED = "PauseAnnotationRemoveFailed"
    HOST_PAUSED = "HostPaused"
    DELETING = "HostClaimDeleting"
    DELETION_FAILED = "HostClaimDeletionFailed"
    CONFIGURATION_SYNCED = "ConfigurationSynced"
    USER_DATA_SECRET_SYNC_FAILURE = "UserDataSecretSyncFailure"  # noqa: S105  # a reason's name
    META_DATA_SECRET_SYNC_FAILURE = "MetaDataSecretSyncFailure"  # noqa: S105  # a reason's name
    NETWORK_DATA_SECRET_SYNC_FAILURE = "NetworkDataSecretSyncFailure"  # noqa: S105  # same
    BARE_METAL_HOST_NOT_SYNCHRONIZED = "BareMetalHostNotSynchronized"
