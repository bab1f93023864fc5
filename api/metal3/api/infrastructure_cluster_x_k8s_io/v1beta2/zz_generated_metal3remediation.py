"""Metal3Remediation of infrastructure.cluster.x-k8s.io/v1beta2, generated from its CRD; do not edit, run `make generate`."""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from metal3.api.meta.v1 import GroupVersionKind, Model, Object, Time


class Metal3RemediationSpecStrategyType(StrEnum):
    """Known values of type."""

    REBOOT = "Reboot"


class Metal3RemediationSpecStrategy(Model):
    """How to do it."""

    type: str | None = None
    """How the machine is brought back."""

    retry_limit: Annotated[int, Field(alias="retryLimit")] = 1
    """How often it is tried."""

    timeout_seconds: Annotated[int, Field(alias="timeoutSeconds")] = 600
    """How long one try may take, in seconds."""


class Metal3RemediationSpec(Model):
    """What to do."""

    strategy: Metal3RemediationSpecStrategy | None = None
    """How to do it."""


class Metal3RemediationStatusPhase(StrEnum):
    """Known values of phase."""

    EMPTY = ""
    RUNNING = "Running"
    WAITING = "Waiting"
    DELETING_MACHINE = "Deleting machine"
    FAILED = "Failed"


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
        "infrastructure.cluster.x-k8s.io", "v1beta2", "Metal3Remediation"
    )
    plural: ClassVar[str] = "metal3remediations"
    namespaced: ClassVar[bool] = True

    spec: Metal3RemediationSpec = Field(default_factory=Metal3RemediationSpec)
    """What to do."""

    status: Metal3RemediationStatus = Field(default_factory=Metal3RemediationStatus)
    """What was done."""
