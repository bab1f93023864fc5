"""Metal3MachineTemplate of infrastructure.cluster.x-k8s.io/v1beta2, generated from its CRD; do not edit, run `make generate`."""

from typing import Annotated, ClassVar

from pydantic import Field

from metal3.api.meta.v1 import GroupVersionKind, Model, Object

from .zz_generated_metal3clustertemplate import Metal3ClusterTemplateSpecTemplateMetadata
from .zz_generated_metal3data import Metal3DataSpecClaim, Metal3DataSpecMetaData
from .zz_generated_metal3machine import (
    Metal3MachineSpecCustomDeploy,
    Metal3MachineSpecHostSelector,
    Metal3MachineSpecImage,
)


class Metal3MachineTemplateSpecTemplateSpec(Model):
    """The machine that is wanted."""

    provider_id: Annotated[str | None, Field(alias="providerID")] = None
    """Identity of the machine that Cluster API matches nodes with."""

    image: Metal3MachineSpecImage | None = None
    """Disk image to write to the host."""

    user_data: Annotated[Metal3DataSpecMetaData | None, Field(alias="userData")] = None
    """Secret with the user data for the host."""

    meta_data: Annotated[Metal3DataSpecMetaData | None, Field(alias="metaData")] = None
    """Secret with the metadata for the host."""

    network_data: Annotated[Metal3DataSpecMetaData | None, Field(alias="networkData")] = None
    """Secret with the network data for the host."""

    host_selector: Annotated[Metal3MachineSpecHostSelector | None, Field(alias="hostSelector")] = (
        None
    )
    """Which hosts will do."""

    data_template: Annotated[Metal3DataSpecClaim | None, Field(alias="dataTemplate")] = None
    """Metal3DataTemplate that metadata and network data are rendered from."""

    automated_cleaning_mode: Annotated[str | None, Field(alias="automatedCleaningMode")] = None
    """Whether the host's disks are cleaned when it changes hands."""

    custom_deploy: Annotated[Metal3MachineSpecCustomDeploy | None, Field(alias="customDeploy")] = (
        None
    )
    """Deploy step of a site's own ramdisk, instead of or beside an image."""

    failure_domain: Annotated[str | None, Field(alias="failureDomain")] = None
    """Failure domain to take the host from."""

    failure_domain_policy: Annotated[str | None, Field(alias="failureDomainPolicy")] = None
    """What to do when the failure domain has no free host. Preferred, the default, takes one
    from elsewhere; Required waits.
    """


class Metal3MachineTemplateSpecTemplate(Model):
    """What each of them looks like."""

    required_fields: ClassVar[frozenset[str]] = frozenset({"spec"})

    metadata: Metal3ClusterTemplateSpecTemplateMetadata | None = None
    """Labels and annotations of what is made from the template."""

    spec: Metal3MachineTemplateSpecTemplateSpec = Field(
        default_factory=Metal3MachineTemplateSpecTemplateSpec
    )
    """The machine that is wanted."""


class Metal3MachineTemplateSpec(Model):
    """The machines that are made."""

    required_fields: ClassVar[frozenset[str]] = frozenset({"template"})

    node_reuse: Annotated[bool, Field(alias="nodeReuse")] = False
    """Whether a new machine gets the host of the one it replaces."""

    template: Metal3MachineTemplateSpecTemplate = Field(
        default_factory=Metal3MachineTemplateSpecTemplate
    )
    """What each of them looks like."""


class Metal3MachineTemplate(Object):
    """A template for Metal3Machines."""

    gvk: ClassVar[GroupVersionKind] = GroupVersionKind(
        "infrastructure.cluster.x-k8s.io", "v1beta2", "Metal3MachineTemplate"
    )
    plural: ClassVar[str] = "metal3machinetemplates"
    namespaced: ClassVar[bool] = True

    spec: Metal3MachineTemplateSpec = Field(default_factory=Metal3MachineTemplateSpec)
    """The machines that are made."""
