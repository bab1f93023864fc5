"""Metal3Cluster of infrastructure.cluster.x-k8s.io/v1alpha5, generated from its CRD; do not edit, run `make generate`."""

from typing import Annotated, ClassVar

from pydantic import Field

from metal3.api.meta.v1 import GroupVersionKind, Model, Object, Time


class Metal3ClusterSpecControlPlaneEndpoint(Model):
    """Where the API server of the workload cluster is reached."""

    required_fields: ClassVar[frozenset[str]] = frozenset({"host", "port"})

    host: str = ""
    """Name or address."""

    port: int = 0
    """TCP port."""


class Metal3ClusterSpec(Model):
    """The cluster that is wanted."""

    required_fields: ClassVar[frozenset[str]] = frozenset({"control_plane_endpoint"})

    control_plane_endpoint: Annotated[
        Metal3ClusterSpecControlPlaneEndpoint, Field(alias="controlPlaneEndpoint")
    ] = Field(default_factory=Metal3ClusterSpecControlPlaneEndpoint)
    """Where the API server of the workload cluster is reached."""

    no_cloud_provider: Annotated[bool | None, Field(alias="noCloudProvider")] = None
    """The opposite of cloudProviderEnabled, from before that existed."""


class Metal3ClusterStatus(Model):
    """What was found."""

    required_fields: ClassVar[frozenset[str]] = frozenset({"ready"})

    last_updated: Annotated[Time | None, Field(alias="lastUpdated")] = None
    """When this status was last written."""

    failure_reason: Annotated[str | None, Field(alias="failureReason")] = None
    """Error in one word."""

    failure_message: Annotated[str | None, Field(alias="failureMessage")] = None
    """Error for people."""

    ready: bool = False
    """Whether the infrastructure is ready."""


class Metal3Cluster(Object):
    """A workload cluster on bare-metal hosts."""

    gvk: ClassVar[GroupVersionKind] = GroupVersionKind(
        "infrastructure.cluster.x-k8s.io", "v1alpha5", "Metal3Cluster"
    )
    plural: ClassVar[str] = "metal3clusters"
    namespaced: ClassVar[bool] = True

    spec: Metal3ClusterSpec = Field(default_factory=Metal3ClusterSpec)
    """The cluster that is wanted."""

    status: Metal3ClusterStatus = Field(default_factory=Metal3ClusterStatus)
    """What was found."""
