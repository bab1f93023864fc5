"""Metal3Cluster of infrastructure.cluster.x-k8s.io/v1beta2, generated from its CRD; do not edit, run `make generate`."""

from typing import Annotated, ClassVar

from pydantic import Field

from metal3.api.meta.v1 import Condition, GroupVersionKind, Model, Object, Time


class Metal3ClusterSpecControlPlaneEndpoint(Model):
    """Where the API server of the workload cluster is reached."""

    host: str | None = None
    """Name or address."""

    port: int | None = None
    """TCP port."""


class Metal3ClusterSpecFailureDomains(Model):
    """One group of hosts that may fail together."""

    required_fields: ClassVar[frozenset[str]] = frozenset({"name"})

    name: str = ""
    """Name of the domain."""

    control_plane: Annotated[bool | None, Field(alias="controlPlane")] = None
    """Whether control plane machines may be placed here."""

    attributes: dict[str, str] = Field(default_factory=dict)
    """Facts about the domain, free in form."""


class Metal3ClusterSpec(Model):
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
        list[Metal3ClusterSpecFailureDomains], Field(alias="failureDomains")
    ] = Field(default_factory=list)
    """Groups of hosts that machines are spread over."""


class Metal3ClusterStatusInitialization(Model):
    """How far the first setup has come."""

    provisioned: bool | None = None
    """True once the infrastructure was ready for the first time."""


class Metal3ClusterStatusDeprecatedV1beta1Conditions(Model):
    """One aspect of the state."""

    required_fields: ClassVar[frozenset[str]] = frozenset(
        {"last_transition_time", "status", "type"}
    )

    type: str = ""
    """What the condition is about."""

    status: str = ""
    """True, False, or Unknown."""

    severity: str | None = None
    """How bad it is when the status is False: Error, Warning or Info."""

    reason: str | None = None
    """The cause of the last change in one word."""

    message: str | None = None
    """The same for people."""

    last_transition_time: Annotated[Time, Field(alias="lastTransitionTime")] = ""
    """When the status last changed."""


class Metal3ClusterStatusDeprecatedV1beta1(Model):
    """State in the terms of v1beta1."""

    conditions: list[Metal3ClusterStatusDeprecatedV1beta1Conditions] = Field(default_factory=list)
    """Aspects of the state in the form of Cluster API before v1beta2."""

    failure_reason: Annotated[str | None, Field(alias="failureReason")] = None
    """Error in one word, as v1beta1 told it."""

    failure_message: Annotated[str | None, Field(alias="failureMessage")] = None
    """Error for people, as v1beta1 told it."""


class Metal3ClusterStatusDeprecated(Model):
    """What only older versions of this API show."""

    v_1_beta_1: Annotated[Metal3ClusterStatusDeprecatedV1beta1 | None, Field(alias="v1beta1")] = (
        None
    )
    """State in the terms of v1beta1."""


class Metal3ClusterStatus(Model):
    """What was found."""

    last_updated: Annotated[Time | None, Field(alias="lastUpdated")] = None
    """When this status was last written."""

    conditions: list[Condition] = Field(default_factory=list)
    """Aspects of the state, in the form all Kubernetes tools read."""

    initialization: Metal3ClusterStatusInitialization | None = None
    """How far the first setup has come."""

    failure_domains: Annotated[
        list[Metal3ClusterSpecFailureDomains], Field(alias="failureDomains")
    ] = Field(default_factory=list)
    """The failure domains that Cluster API may use."""

    deprecated: Metal3ClusterStatusDeprecated | None = None
    """What only older versions of this API show."""


class Metal3Cluster(Object):
    """A workload cluster on bare-metal hosts."""

    gvk: ClassVar[GroupVersionKind] = GroupVersionKind(
        "infrastructure.cluster.x-k8s.io", "v1beta2", "Metal3Cluster"
    )
    plural: ClassVar[str] = "metal3clusters"
    namespaced: ClassVar[bool] = True

    spec: Metal3ClusterSpec = Field(default_factory=Metal3ClusterSpec)
    """The cluster that is wanted."""

    status: Metal3ClusterStatus = Field(default_factory=Metal3ClusterStatus)
    """What was found."""
