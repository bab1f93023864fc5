"""Metal3Remediation of infrastructure.cluster.x-k8s.io/v1alpha5, generated from its CRD; do not edit, run `make generate`."""

from typing import Annotated, ClassVar

from pydantic import Field

from metal3.api.meta.v1 import GroupVersionKind, Model, Object, Time


class Metal3RemediationSpecStrategy(Model):
    """How to do it."""

    type: str | None = None
    """How the machine is brought back."""

    retry_limit: Annotated[int | None, Field(alias="retryLimit")] = None
    """How often it is tried."""

    timeout: str | None = None
    """How long one try may take, as in 10m0s."""


class Metal3RemediationSpec(Model):
    """What to do."""

    strategy: Metal3RemediationSpecStrategy | None = None
    """How to do it."""


class Metal3RemediationStatus(Model):
    """What was done."""

    phase: str | None = None
    """How far it has come."""

    retry_count: Annotated[int | None, Field(alias="retryCount")] = None
    """Tries so far."""

    last_remediated: Annotated[Time | None, Field(alias="lastRemediated")] = None
    """When the last try began."""


class Metal3Remediation(Object):
    """An attempt to bring an unhealthy machine back."""

    gvk: ClassVar[GroupVersionKind] = GroupVersionKind(
        "infrastructure.cluster.x-k8s.io", "v1alpha5", "Metal3Remediation"
    )
    plural: ClassVar[str] = "metal3remediations"
    namespaced: ClassVar[bool] = True

    spec: Metal3RemediationSpec = Field(default_factory=Metal3RemediationSpec)
    """What to do."""

    status: Metal3RemediationStatus = Field(default_factory=Metal3RemediationStatus)
    """What was done."""
