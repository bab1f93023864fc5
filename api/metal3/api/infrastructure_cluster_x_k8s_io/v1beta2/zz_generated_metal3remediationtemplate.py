"""Metal3RemediationTemplate of infrastructure.cluster.x-k8s.io/v1beta2, generated from its CRD; do not edit, run `make generate`."""

from typing import Annotated, ClassVar

from pydantic import Field

from metal3.api.meta.v1 import GroupVersionKind, Model, Object, Time

from .zz_generated_metal3remediation import Metal3RemediationSpecStrategy


class Metal3RemediationTemplateSpecTemplateSpec(Model):
    """What to do."""

    strategy: Metal3RemediationSpecStrategy | None = None
    """How to do it."""


class Metal3RemediationTemplateSpecTemplate(Model):
    """What each of them looks like."""

    required_fields: ClassVar[frozenset[str]] = frozenset({"spec"})

    spec: Metal3RemediationTemplateSpecTemplateSpec = Field(
        default_factory=Metal3RemediationTemplateSpecTemplateSpec
    )
    """What to do."""


class Metal3RemediationTemplateSpec(Model):
    """The remediations that are made."""

    required_fields: ClassVar[frozenset[str]] = frozenset({"template"})

    template: Metal3RemediationTemplateSpecTemplate = Field(
        default_factory=Metal3RemediationTemplateSpecTemplate
    )
    """What each of them looks like."""


class Metal3RemediationTemplateStatusStatus(Model):
    """What was done."""

    phase: str | None = None
    """How far it has come."""

    retry_count: Annotated[int | None, Field(alias="retryCount")] = None
    """Tries so far."""

    last_remediated: Annotated[Time | None, Field(alias="lastRemediated")] = None
    """When the last try began."""


class Metal3RemediationTemplateStatus(Model):
    """Not written."""

    status: Metal3RemediationTemplateStatusStatus | None = None
    """What was done."""


class Metal3RemediationTemplate(Object):
    """A template for Metal3Remediations, used by a MachineHealthCheck."""

    gvk: ClassVar[GroupVersionKind] = GroupVersionKind(
        "infrastructure.cluster.x-k8s.io", "v1beta2", "Metal3RemediationTemplate"
    )
    plural: ClassVar[str] = "metal3remediationtemplates"
    namespaced: ClassVar[bool] = True

    spec: Metal3RemediationTemplateSpec = Field(default_factory=Metal3RemediationTemplateSpec)
    """The remediations that are made."""

    status: Metal3RemediationTemplateStatus = Field(default_factory=Metal3RemediationTemplateStatus)
    """Not written."""
