"""Labels, annotations and condition types that providers set or read."""

from typing import Final

GROUP: Final = "cluster.x-k8s.io"
CONTROL_PLANE_LABEL: Final = "cluster.x-k8s.io/control-plane"
CLONED_FROM_NAME_ANNOTATION: Final = "cluster.x-k8s.io/cloned-from-name"
BLOCK_MOVE_ANNOTATION: Final = "clusterctl.cluster.x-k8s.io/block-move"

READY_CONDITION: Final = "Ready"
PAUSED_CONDITION: Final = "Paused"
OWNER_REMEDIATED_CONDITION: Final = "OwnerRemediated"
