"""HostClaim of metal3.io/v1alpha1, generated from its CRD; do not edit, run `make generate`."""

from typing import Annotated, ClassVar

from pydantic import Field

from metal3.api.meta.v1 import Condition, GroupVersionKind, Model, Object, Time

from .zz_generated_baremetalhost import (
    BareMetalHostSpecConsumerRef,
    BareMetalHostSpecCustomDeploy,
    BareMetalHostSpecImage,
    BareMetalHostSpecUserData,
)


class HostClaimSpecHostSelectorMatchExpressions(Model):
    """One rule."""

    required_fields: ClassVar[frozenset[str]] = frozenset({"key", "operator", "values"})

    key: str = ""
    """Key of the label."""

    operator: str = ""
    """How the label relates to the values: in, notin, exists, !, =, == or !=."""

    values: list[str] = Field(default_factory=list)
    """Values to compare with; empty for operators that take none."""


class HostClaimSpecHostSelector(Model):
    """Which hosts will do."""

    in_namespace: Annotated[str | None, Field(alias="inNamespace")] = None
    """Look in this namespace only; in all whose policy allows it when unset."""

    match_labels: Annotated[dict[str, str], Field(alias="matchLabels")] = Field(
        default_factory=dict
    )
    """Labels the host must bear."""

    match_expressions: Annotated[
        list[HostClaimSpecHostSelectorMatchExpressions], Field(alias="matchExpressions")
    ] = Field(default_factory=list)
    """Rules the host's labels must meet, all of them."""


class HostClaimSpec(Model):
    """What is asked for."""

    required_fields: ClassVar[frozenset[str]] = frozenset({"powered_on"})

    powered_on: Annotated[bool, Field(alias="poweredOn")] = False
    """Whether the host shall be switched on."""

    image: BareMetalHostSpecImage | None = None
    """Disk image to write to the host."""

    custom_deploy: Annotated[BareMetalHostSpecCustomDeploy | None, Field(alias="customDeploy")] = (
        None
    )
    """Deploy step of a site's own ramdisk to run on the host."""

    user_data: Annotated[BareMetalHostSpecUserData | None, Field(alias="userData")] = None
    """Secret with the user data for the config drive."""

    network_data: Annotated[BareMetalHostSpecUserData | None, Field(alias="networkData")] = None
    """Secret with the network configuration for the config drive."""

    meta_data: Annotated[BareMetalHostSpecUserData | None, Field(alias="metaData")] = None
    """Secret with further metadata for the config drive."""

    host_selector: Annotated[HostClaimSpecHostSelector | None, Field(alias="hostSelector")] = None
    """Which hosts will do."""

    consumer_ref: Annotated[BareMetalHostSpecConsumerRef | None, Field(alias="consumerRef")] = None
    """Who uses this claim."""

    failure_domain: Annotated[str | None, Field(alias="failureDomain")] = None
    """Preferred failure domain: hosts with this value in the label
    infrastructure.cluster.x-k8s.io/failure-domain come first.
    """


class HostClaimStatusBareMetalHost(Model):
    """Host this claim got."""

    required_fields: ClassVar[frozenset[str]] = frozenset({"name", "namespace"})

    namespace: str = ""
    """Namespace of the object."""

    name: str = ""
    """Name of the object."""


class HostClaimStatus(Model):
    """What was found."""

    bare_metal_host: Annotated[
        HostClaimStatusBareMetalHost | None, Field(alias="bareMetalHost")
    ] = None
    """Host this claim got."""

    hardware_data: Annotated[HostClaimStatusBareMetalHost | None, Field(alias="hardwareData")] = (
        None
    )
    """HardwareData of that host."""

    powered_on: Annotated[bool | None, Field(alias="poweredOn")] = None
    """Whether the host was on when last looked at."""

    last_updated: Annotated[Time | None, Field(alias="lastUpdated")] = None
    """When this status was last written."""

    conditions: list[Condition] = Field(default_factory=list)
    """Aspects of the claim's state that programs can wait for."""


class HostClaim(Object):
    """Asks for one BareMetalHost, possibly of another namespace, and says what shall run on it."""

    gvk: ClassVar[GroupVersionKind] = GroupVersionKind("metal3.io", "v1alpha1", "HostClaim")
    plural: ClassVar[str] = "hostclaims"
    namespaced: ClassVar[bool] = True

    spec: HostClaimSpec = Field(default_factory=HostClaimSpec)
    """What is asked for."""

    status: HostClaimStatus = Field(default_factory=HostClaimStatus)
    """What was found."""
