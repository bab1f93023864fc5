"""Cluster."""

from typing import Annotated, ClassVar

from pydantic import Field

from metal3.api.meta import v1 as metav1

from ._references import ContractReference


class ClusterSpec(metav1.Model):
    """Whether work on the cluster is paused, and what it is made of."""

    paused: bool | None = None
    infrastructure_ref: Annotated[ContractReference | None, Field(alias="infrastructureRef")] = None
    control_plane_ref: Annotated[ContractReference | None, Field(alias="controlPlaneRef")] = None


class ClusterInitialization(metav1.Model):
    """What was ready for the first time, and is not asked again."""

    infrastructure_provisioned: Annotated[bool, Field(alias="infrastructureProvisioned")] = False
    control_plane_initialized: Annotated[bool, Field(alias="controlPlaneInitialized")] = False


class ClusterStatus(metav1.Model):
    """How far the cluster has come."""

    initialization: ClusterInitialization = Field(default_factory=ClusterInitialization)
    conditions: list[metav1.Condition] = Field(default_factory=list[metav1.Condition])


class Cluster(metav1.Object):
    """What machines, pools and claims belong to."""

    gvk: ClassVar = metav1.GroupVersionKind("cluster.x-k8s.io", "v1beta2", "Cluster")
    plural: ClassVar[str] = "clusters"

    spec: ClusterSpec = Field(default_factory=ClusterSpec)
    status: ClusterStatus = Field(default_factory=ClusterStatus)
