"""Short names, finalizers, labels and annotations of the kinds."""

from enum import StrEnum
from typing import Final

from .zz_generated_metal3cluster import (
    Metal3ClusterSpecControlPlaneEndpoint,
    Metal3ClusterSpecFailureDomains,
    Metal3ClusterStatusDeprecated,
    Metal3ClusterStatusDeprecatedV1beta1,
    Metal3ClusterStatusDeprecatedV1beta1Conditions,
    Metal3ClusterStatusInitialization,
)
from .zz_generated_metal3data import Metal3DataSpecClaim, Metal3DataSpecMetaData
from .zz_generated_metal3datatemplate import (
    Metal3DataTemplateSpecMetaData,
    Metal3DataTemplateSpecMetaDataIpAddressesFromPool,
    Metal3DataTemplateSpecNetworkData,
    Metal3DataTemplateSpecNetworkDataLinksBonds,
    Metal3DataTemplateSpecNetworkDataLinksEthernets,
    Metal3DataTemplateSpecNetworkDataLinksEthernetsMacAddress,
    Metal3DataTemplateSpecNetworkDataLinksEthernetsMacAddressFromAnnotation,
    Metal3DataTemplateSpecNetworkDataLinksVlans,
    Metal3DataTemplateSpecNetworkDataNetworksIpv4,
    Metal3DataTemplateSpecNetworkDataNetworksIpv4DHCP,
    Metal3DataTemplateSpecNetworkDataNetworksIpv4Routes,
    Metal3DataTemplateSpecNetworkDataNetworksIpv4RoutesGateway,
    Metal3DataTemplateSpecNetworkDataNetworksIpv4RoutesGatewayFromPoolRef,
    Metal3DataTemplateSpecNetworkDataNetworksIpv6,
    Metal3DataTemplateSpecNetworkDataNetworksIpv6DHCP,
    Metal3DataTemplateSpecNetworkDataNetworksIpv6Routes,
    Metal3DataTemplateSpecNetworkDataNetworksIpv6RoutesGateway,
    Metal3DataTemplateStatusIndexes,
)
from .zz_generated_metal3machine import (
    Metal3MachineSpecCustomDeploy,
    Metal3MachineSpecFailureDomainPolicy,
    Metal3MachineSpecHostSelector,
    Metal3MachineSpecImage,
    Metal3MachineStatusAddresses,
    Metal3MachineStatusAddressesType,
)
from .zz_generated_metal3remediation import (
    Metal3RemediationSpecStrategy,
    Metal3RemediationSpecStrategyType,
    Metal3RemediationStatusPhase,
)

APIEndpoint = Metal3ClusterSpecControlPlaneEndpoint
FailureDomain = Metal3ClusterSpecFailureDomains
Initialization = Metal3ClusterStatusInitialization
Deprecated = Metal3ClusterStatusDeprecated
DeprecatedV1beta1 = Metal3ClusterStatusDeprecatedV1beta1
DeprecatedCondition = Metal3ClusterStatusDeprecatedV1beta1Conditions
Image = Metal3MachineSpecImage
CustomDeploy = Metal3MachineSpecCustomDeploy
HostSelector = Metal3MachineSpecHostSelector
FailureDomainPolicy = Metal3MachineSpecFailureDomainPolicy
MachineAddress = Metal3MachineStatusAddresses
AddressType = Metal3MachineStatusAddressesType
ObjectRef = Metal3DataSpecClaim
SecretReference = Metal3DataSpecMetaData
MetaData = Metal3DataTemplateSpecMetaData
MetaDataFromPool = Metal3DataTemplateSpecMetaDataIpAddressesFromPool
NetworkData = Metal3DataTemplateSpecNetworkData
Ethernet = Metal3DataTemplateSpecNetworkDataLinksEthernets
Bond = Metal3DataTemplateSpecNetworkDataLinksBonds
Vlan = Metal3DataTemplateSpecNetworkDataLinksVlans
MACAddress = Metal3DataTemplateSpecNetworkDataLinksEthernetsMacAddress
FromAnnotation = Metal3DataTemplateSpecNetworkDataLinksEthernetsMacAddressFromAnnotation
NetworkIPv4 = Metal3DataTemplateSpecNetworkDataNetworksIpv4
NetworkIPv6 = Metal3DataTemplateSpecNetworkDataNetworksIpv6
NetworkIPv4DHCP = Metal3DataTemplateSpecNetworkDataNetworksIpv4DHCP
NetworkIPv6DHCP = Metal3DataTemplateSpecNetworkDataNetworksIpv6DHCP
RouteIPv4 = Metal3DataTemplateSpecNetworkDataNetworksIpv4Routes
RouteIPv6 = Metal3DataTemplateSpecNetworkDataNetworksIpv6Routes
GatewayIPv4 = Metal3DataTemplateSpecNetworkDataNetworksIpv4RoutesGateway
GatewayIPv6 = Metal3DataTemplateSpecNetworkDataNetworksIpv6RoutesGateway
PoolReference = Metal3DataTemplateSpecNetworkDataNetworksIpv4RoutesGatewayFromPoolRef
IndexEntry = Metal3DataTemplateStatusIndexes
RemediationStrategy = Metal3RemediationSpecStrategy
RemediationType = Metal3RemediationSpecStrategyType
RemediationPhase = Metal3RemediationStatusPhase

CLUSTER_FINALIZER: Final = "metal3cluster.infrastructure.cluster.x-k8s.io"
MACHINE_FINALIZER: Final = "metal3machine.infrastructure.cluster.x-k8s.io"
DATA_FINALIZER: Final = "metal3data.infrastructure.cluster.x-k8s.io"
DATA_CLAIM_FINALIZER: Final = "metal3dataclaim.infrastructure.cluster.x-k8s.io"
DATA_TEMPLATE_FINALIZER: Final = "metal3datatemplate.infrastructure.cluster.x-k8s.io"
REMEDIATION_FINALIZER: Final = "metal3remediation.infrastructure.cluster.x-k8s.io"

HOST_ANNOTATION: Final = "metal3.io/BareMetalHost"
"""On a Metal3Machine: ``<namespace>/<name>`` of its host."""
UNHEALTHY_ANNOTATION: Final = "capm3.metal3.io/unhealthy"
OLD_UNHEALTHY_ANNOTATION: Final = "capi.metal3.io/unhealthy"
UNHEALTHY_NODE: Final = "capm3/UnhealthyNode"
REMEDIATION_REBOOT_PREFIX: Final = "reboot.metal3.io/metal3-remediation-"
LABEL_SYNC_ANNOTATION: Final = "metal3.io/metal3-label-sync-prefixes"
NODE_ANNOTATIONS_BACKUP: Final = "remediation.metal3.io/node-annotations-backup"
NODE_LABELS_BACKUP: Final = "remediation.metal3.io/node-labels-backup"

NODE_REUSE_LABEL: Final = "infrastructure.cluster.x-k8s.io/node-reuse"
DATA_NAME_LABEL: Final = "infrastructure.cluster.x-k8s.io/data-name"
POOL_NAME_LABEL: Final = "infrastructure.cluster.x-k8s.io/pool-name"
NODE_UUID_LABEL: Final = "metal3.io/uuid"

SECRET_TYPE: Final = "infrastructure.cluster.x-k8s.io/secret"  # noqa: S105 - the type of a Secret
PROVIDER_ID_PREFIX: Final = "metal3://"


class ConditionType(StrEnum):
    """What the conditions of clusters and machines tell."""

    BAREMETAL_INFRASTRUCTURE_READY = "BaremetalInfrastructureReady"
    ASSOCIATE_HOST = "AssociateBareMetalHost"
    ASSOCIATE_META_DATA = "AssociateMetal3MachineMetaData"
    DATA_READY = "Metal3DataReady"


class DeprecatedConditionType(StrEnum):
    """The same in the terms of v1beta1."""

    BAREMETAL_INFRASTRUCTURE_READY = "BaremetalInfrastructureReady"
    ASSOCIATE_HOST = "AssociateBMH"
    KUBERNETES_NODE_READY = "KubernetesNodeReady"
    DATA_READY = "Metal3DataReady"


class Reason(StrEnum):
    """Why a condition is what it is; the words are those dashboards know."""

    READY = "Ready"
    NOT_READY = "NotReady"
    READY_UNKNOWN = "ReadyUnknown"
    PAUSED = "Paused"
    NOT_PAUSED = "NotPaused"
    DELETING = "Deleting"
    DELETION_FAILED = "DeletionFailed"
    INVALID_CONFIGURATION = "InvalidConfiguration"
    ASSOCIATED = "AssociateBareMetalHostSuccess"
    ASSOCIATED_BY_REUSE = "AssociateBareMetalHostViaNodeReuseSuccess"
    ASSOCIATE_FAILED = "AssociateBareMetalHostFailed"
    WAITING_FOR_CLUSTER_INFRASTRUCTURE = "WaitingForClusterInfrastructureReady"
    WAITING_FOR_BOOTSTRAP_DATA = "WaitingForBootstrapData"
    WAITING_FOR_OWNER = "WaitingForMetal3MachineOwnerRef"
    WAITING_FOR_CLUSTER = "WaitingforMetal3Cluster"
    META_DATA_ASSOCIATED = "AssociateMetal3MachineMetaDataSuccess"
    META_DATA_FAILED = "AssociateMetal3MachineMetaDataFailed"
    DATA_SECRETS_READY = "Metal3DataSecretsReady"
    DATA_SECRETS_SET_EXTERNALLY = "SecretsSetExternally"
    WAITING_FOR_DATA = "WaitingForMetal3Data"
    HOST_NOT_PROVISIONED = "WaitingForBareMetalHostProvisioned"
    HOST_FAILED = "BareMetalHostFailed"
    HOST_GONE = "BareMetalHostGone"
    WAITING_FOR_NODE = "WaitingForNode"
