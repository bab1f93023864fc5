"""Cluster."""

from typing import ClassVar

from pydantic import Field

from metal3.api.meta import v1 as metav1


class ClusterSpec(metav1.Model):
    """Only whether work on the cluster is paused."""

    paused: bool | None = None


class Cluster(metav1.Object):
    """What machines, pools and claims belong to."""

    gvk: ClassVar = metav1.GroupVersionKind("cluster.x-k8s.io", "v1beta2", "Cluster")
    plural: ClassVar[str] = "clusters"

    spec: ClusterSpec = Field(default_factory=ClusterSpec)
