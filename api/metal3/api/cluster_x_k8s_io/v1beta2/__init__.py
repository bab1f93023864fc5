"""Cluster API's own kinds, as far as providers read them; imported as ``clusterv1``."""

from ._annotations import (
    CLUSTER_NAME_LABEL,
    PAUSED_ANNOTATION,
    PROVIDER_LABEL,
    WATCH_FILTER_LABEL,
    is_paused,
)
from ._cluster import Cluster, ClusterInitialization, ClusterSpec, ClusterStatus
from ._machine import (
    Bootstrap,
    DeprecatedStatus,
    Machine,
    MachineInitialization,
    MachineSet,
    MachineSetSpec,
    MachineSpec,
    MachineStatus,
    MachineTemplateSpec,
    NodeReference,
    OldCondition,
    OldStatus,
)
from ._references import ContractReference
from ._words import (
    BLOCK_MOVE_ANNOTATION,
    CLONED_FROM_NAME_ANNOTATION,
    CONTROL_PLANE_LABEL,
    GROUP,
    OWNER_REMEDIATED_CONDITION,
    PAUSED_CONDITION,
    READY_CONDITION,
)

__all__ = [
    "BLOCK_MOVE_ANNOTATION",
    "CLONED_FROM_NAME_ANNOTATION",
    "CLUSTER_NAME_LABEL",
    "CONTROL_PLANE_LABEL",
    "GROUP",
    "OWNER_REMEDIATED_CONDITION",
    "PAUSED_ANNOTATION",
    "PAUSED_CONDITION",
    "PROVIDER_LABEL",
    "READY_CONDITION",
    "WATCH_FILTER_LABEL",
    "Bootstrap",
    "Cluster",
    "ClusterInitialization",
    "ClusterSpec",
    "ClusterStatus",
    "ContractReference",
    "DeprecatedStatus",
    "Machine",
    "MachineInitialization",
    "MachineSet",
    "MachineSetSpec",
    "MachineSpec",
    "MachineStatus",
    "MachineTemplateSpec",
    "NodeReference",
    "OldCondition",
    "OldStatus",
    "is_paused",
]
