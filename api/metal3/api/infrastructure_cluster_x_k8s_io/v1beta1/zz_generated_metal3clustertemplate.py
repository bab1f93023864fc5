"""Metal3ClusterTemplate of infrastructure.cluster.x-k8s.io/v1beta1, generated from its CRD; do not edit, run `make generate`."""

from typing import Annotated, ClassVar

from pydantic import Field

from metal3.api.meta.v1 import GroupVersionKind, Model, Object

from .zz_generated_metal3cluster import (
    Metal3ClusterSpecControlPlaneEndpoint,
    Metal3ClusterSpecFailureDomains,
)


class Metal3ClusterTemplateSpecTemplateSpec(Model):
    """The cluster that is wanted."""

    control_plane_endpoint: Annotated[
        Metal3ClusterSpecControlPlaneEndpoint | None, Field(alias="controlPlaneEndpoint")
    ] = None
    """Where the API server of the workload cluster is reached."""

    cloud_provider_enabled: Annotated[bool | None, Field(alias="cloudProviderEnabled")] = None
    """Whether an external cloud provider sets the provider ID of the nodes; else this provider
    does.
    """

    failure_domains: Annotated[
        dict[str, Metal3ClusterSpecFailureDomains], Field(alias="failureDomains")
    ] = Field(default_factory=dict)
    """Groups of hosts that machines are spread over."""

    no_cloud_provider: Annotated[bool | None, Field(alias="noCloudProvider")] = None
    """The opposite of cloudProviderEnabled, from before that existed."""


class Metal3ClusterTemplateSpecTemplate(Model):
    """What each of them looks like."""

    required_fields: ClassVar[frozenset[str]] = frozenset({"spec"})

    spec: Metal3ClusterTemplateSpecTemplateSpec = Field(
        default_factory=Metal3ClusterTemplateSpecTemplateSpec
    )
    """The cluster that is wanted."""


class Metal3ClusterTemplateSpec(Model):
    """The clusters that are made."""

    required_fields: ClassVar[frozenset[str]] = frozenset({"template"})

    template: Metal3ClusterTemplateSpecTemplate = Field(
        default_factory=Metal3ClusterTemplateSpecTemplate
    )
    """What each of them looks like."""


class Metal3ClusterTemplate(Object):
    """A template for Metal3Clusters, used by a ClusterClass."""

    gvk: ClassVar[GroupVersionKind] = GroupVersionKind(
        "infrastructure.cluster.x-k8s.io", "v1beta1", "Metal3ClusterTemplate"
    )
    plural: ClassVar[str] = "metal3clustertemplates"
    namespaced: ClassVar[bool] = True

    spec: Metal3ClusterTemplateSpec = Field(default_factory=Metal3ClusterTemplateSpec)
    """The clusters that are made."""
