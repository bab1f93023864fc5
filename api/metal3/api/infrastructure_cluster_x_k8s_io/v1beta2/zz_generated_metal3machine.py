"""Metal3Machine of infrastructure.cluster.x-k8s.io/v1beta2, generated from its CRD; do not edit, run `make generate`."""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from metal3.api.meta.v1 import Condition, GroupVersionKind, Model, Object, Time

from .zz_generated_metal3cluster import (
    Metal3ClusterStatusDeprecated,
    Metal3ClusterStatusInitialization,
)
from .zz_generated_metal3data import Metal3DataSpecClaim, Metal3DataSpecMetaData


class Metal3MachineSpecImageChecksumType(StrEnum):
    """Known values of checksumType."""

    MD5 = "md5"
    SHA256 = "sha256"
    SHA512 = "sha512"


class Metal3MachineSpecImageDiskFormat(StrEnum):
    """Known values of diskFormat."""

    RAW = "raw"
    QCOW2 = "qcow2"
    VDI = "vdi"
    VMDK = "vmdk"
    LIVE_ISO = "live-iso"


class Metal3MachineSpecImage(Model):
    """Disk image to write to the host."""

    required_fields: ClassVar[frozenset[str]] = frozenset({"url"})

    url: str = ""
    """Where the image is fetched."""

    checksum: str | None = None
    """Checksum of the image, or a URL of it."""

    checksum_type: Annotated[str | None, Field(alias="checksumType")] = None
    """Algorithm of the checksum."""

    disk_format: Annotated[str | None, Field(alias="diskFormat")] = None
    """Format of the disk image; live-iso is booted and not written."""


class Metal3MachineSpecHostSelectorMatchExpressions(Model):
    """One rule."""

    required_fields: ClassVar[frozenset[str]] = frozenset({"key", "operator"})

    key: str = ""
    """Key of the label."""

    operator: str = ""
    """How the label relates to the values: in, notin, exists, !, =, ==, !=, gt or lt."""

    values: list[str] = Field(default_factory=list)
    """Values to compare with."""


class Metal3MachineSpecHostSelector(Model):
    """Which hosts will do."""

    match_labels: Annotated[dict[str, str], Field(alias="matchLabels")] = Field(
        default_factory=dict
    )
    """Labels that the host must bear."""

    match_expressions: Annotated[
        list[Metal3MachineSpecHostSelectorMatchExpressions], Field(alias="matchExpressions")
    ] = Field(default_factory=list)
    """Rules on labels, all of which a host must meet."""


class Metal3MachineSpecAutomatedCleaningMode(StrEnum):
    """Known values of automatedCleaningMode."""

    METADATA = "metadata"
    DISABLED = "disabled"


class Metal3MachineSpecCustomDeploy(Model):
    """Deploy step of a site's own ramdisk, instead of or beside an image."""

    required_fields: ClassVar[frozenset[str]] = frozenset({"method"})

    method: str = ""
    """Name of the step."""


class Metal3MachineSpecFailureDomainPolicy(StrEnum):
    """Known values of failureDomainPolicy."""

    PREFERRED = "Preferred"
    REQUIRED = "Required"


class Metal3MachineSpec(Model):
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


class Metal3MachineStatusAddressesType(StrEnum):
    """Known values of type."""

    HOSTNAME = "Hostname"
    EXTERNAL_IP = "ExternalIP"
    INTERNAL_IP = "InternalIP"
    EXTERNAL_DNS = "ExternalDNS"
    INTERNAL_DNS = "InternalDNS"


class Metal3MachineStatusAddresses(Model):
    """One address."""

    required_fields: ClassVar[frozenset[str]] = frozenset({"address", "type"})

    type: str = ""
    """What the address is for."""

    address: str = ""
    """The address."""


class Metal3MachineStatus(Model):
    """What was found."""

    last_updated: Annotated[Time | None, Field(alias="lastUpdated")] = None
    """When this status was last written."""

    addresses: list[Metal3MachineStatusAddresses] = Field(default_factory=list)
    """Addresses of the machine."""

    user_data: Annotated[Metal3DataSpecMetaData | None, Field(alias="userData")] = None
    """Secret with the user data in use."""

    meta_data: Annotated[Metal3DataSpecMetaData | None, Field(alias="metaData")] = None
    """Secret with the metadata in use."""

    network_data: Annotated[Metal3DataSpecMetaData | None, Field(alias="networkData")] = None
    """Secret with the network data in use."""

    rendered_data: Annotated[Metal3DataSpecClaim | None, Field(alias="renderedData")] = None
    """Metal3Data that belongs to the machine."""

    conditions: list[Condition] = Field(default_factory=list)
    """Aspects of the state, in the form all Kubernetes tools read."""

    initialization: Metal3ClusterStatusInitialization | None = None
    """How far the first setup has come."""

    deprecated: Metal3ClusterStatusDeprecated | None = None
    """What only older versions of this API show."""


class Metal3Machine(Object):
    """A machine of a workload cluster, running on one bare-metal host."""

    gvk: ClassVar[GroupVersionKind] = GroupVersionKind(
        "infrastructure.cluster.x-k8s.io", "v1beta2", "Metal3Machine"
    )
    plural: ClassVar[str] = "metal3machines"
    namespaced: ClassVar[bool] = True

    spec: Metal3MachineSpec = Field(default_factory=Metal3MachineSpec)
    """The machine that is wanted."""

    status: Metal3MachineStatus = Field(default_factory=Metal3MachineStatus)
    """What was found."""
