"""Words every Cluster API object understands (Cluster API book, "Labels and annotations")."""

from typing import Final

from metal3.api.meta import v1 as metav1

from ._cluster import Cluster

CLUSTER_NAME_LABEL: Final = "cluster.x-k8s.io/cluster-name"
PROVIDER_LABEL: Final = "cluster.x-k8s.io/provider"
PAUSED_ANNOTATION: Final = "cluster.x-k8s.io/paused"
WATCH_FILTER_LABEL: Final = "cluster.x-k8s.io/watch-filter"
"""Which of several managers an object is for."""


def is_paused(obj: metav1.Object, cluster: Cluster | None = None) -> bool:
    """Whether nobody may work on ``obj``: it says so itself, or its cluster does."""
    if PAUSED_ANNOTATION in obj.metadata.annotations:
        return True
    return cluster is not None and bool(cluster.spec.paused)
