"""Cluster API's own kinds, as far as providers read them; imported as ``clusterv1``."""

from ._annotations import CLUSTER_NAME_LABEL, PAUSED_ANNOTATION, PROVIDER_LABEL, is_paused
from ._cluster import Cluster, ClusterSpec

__all__ = [
    "CLUSTER_NAME_LABEL",
    "PAUSED_ANNOTATION",
    "PROVIDER_LABEL",
    "Cluster",
    "ClusterSpec",
    "is_paused",
]
