"""Machine and MachineSet."""

from typing import Annotated, ClassVar

from pydantic import Field

from metal3.api.meta import v1 as metav1

from ._references import ContractReference


class Bootstrap(metav1.Model):
    """Where the machine's user data comes from."""

    config_ref: Annotated[ContractReference | None, Field(alias="configRef")] = None
    data_secret_name: Annotated[str | None, Field(alias="dataSecretName")] = None


class MachineSpec(metav1.Model):
    """Which cluster, which infrastructure, which user data."""

    cluster_name: Annotated[str, Field(alias="clusterName")] = ""
    bootstrap: Bootstrap = Field(default_factory=Bootstrap)
    infrastructure_ref: Annotated[ContractReference, Field(alias="infrastructureRef")] = Field(
        default_factory=ContractReference
    )
    provider_id: Annotated[str | None, Field(alias="providerID")] = None
    failure_domain: Annotated[str | None, Field(alias="failureDomain")] = None


class NodeReference(metav1.Model):
    """A node of the workload cluster."""

    name: str = ""


class MachineInitialization(metav1.Model):
    """What was ready for the first time."""

    infrastructure_provisioned: Annotated[bool, Field(alias="infrastructureProvisioned")] = False
    bootstrap_data_secret_created: Annotated[bool, Field(alias="bootstrapDataSecretCreated")] = (
        False
    )


class OldCondition(metav1.Model):
    """A condition in the form of Cluster API before v1beta2."""

    required_fields = frozenset({"type", "status", "last_transition_time"})
    type: str = ""
    status: str = ""
    severity: str | None = None
    reason: str | None = None
    message: str | None = None
    last_transition_time: Annotated[metav1.Time, Field(alias="lastTransitionTime")] = ""


class OldStatus(metav1.Model):
    """State in the terms of v1beta1."""

    conditions: list[OldCondition] = Field(default_factory=list[OldCondition])


class DeprecatedStatus(metav1.Model):
    """What goes with v1beta1."""

    v1beta1: OldStatus = Field(default_factory=OldStatus)


class MachineStatus(metav1.Model):
    """How far the machine has come."""

    node_ref: Annotated[NodeReference | None, Field(alias="nodeRef")] = None
    initialization: MachineInitialization = Field(default_factory=MachineInitialization)
    conditions: list[metav1.Condition] = Field(default_factory=list[metav1.Condition])
    deprecated: DeprecatedStatus = Field(default_factory=DeprecatedStatus)


class Machine(metav1.Object):
    """One node of a cluster, wanted or there."""

    gvk: ClassVar = metav1.GroupVersionKind("cluster.x-k8s.io", "v1beta2", "Machine")
    plural: ClassVar[str] = "machines"

    spec: MachineSpec = Field(default_factory=MachineSpec)
    status: MachineStatus = Field(default_factory=MachineStatus)


class MachineTemplateSpec(metav1.Model):
    """What new machines look like."""

    spec: MachineSpec = Field(default_factory=MachineSpec)


class MachineSetSpec(metav1.Model):
    """What a set makes."""

    cluster_name: Annotated[str, Field(alias="clusterName")] = ""
    template: MachineTemplateSpec = Field(default_factory=MachineTemplateSpec)


class MachineSet(metav1.Object):
    """Machines that are all alike; owned by a MachineDeployment."""

    gvk: ClassVar = metav1.GroupVersionKind("cluster.x-k8s.io", "v1beta2", "MachineSet")
    plural: ClassVar[str] = "machinesets"

    spec: MachineSetSpec = Field(default_factory=MachineSetSpec)
