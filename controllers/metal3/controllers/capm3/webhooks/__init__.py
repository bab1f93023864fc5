"""Admission and conversion webhooks of the provider's kinds."""

from typing import Any

from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.infrastructure_cluster_x_k8s_io.preserving import GROUP, HUB
from metal3.api.infrastructure_cluster_x_k8s_io.v1alpha5 import conversion as v1alpha5
from metal3.api.infrastructure_cluster_x_k8s_io.v1beta1 import conversion as v1beta1
from metal3.runtime.client import Reader
from metal3.runtime.webhook import AdmissionWebhook, Converters

from .cluster_webhooks import (
    Metal3ClusterDefaulter,
    Metal3ClusterTemplateValidator,
    Metal3ClusterValidator,
)
from .data_webhooks import (
    Metal3DataClaimValidator,
    Metal3DataTemplateValidator,
    Metal3DataValidator,
)
from .machine_webhooks import Metal3MachineTemplateValidator, Metal3MachineValidator
from .remediation_webhooks import (
    Metal3RemediationTemplateDefaulter,
    Metal3RemediationTemplateValidator,
    Metal3RemediationValidator,
)


def webhooks(reader: Reader) -> tuple[AdmissionWebhook[Any], ...]:
    """All of them; ``reader`` is asked for what objects refer to."""
    return (
        AdmissionWebhook(
            kind=infrav1.Metal3Cluster,
            validator=Metal3ClusterValidator(),
            defaulter=Metal3ClusterDefaulter(),
        ),
        AdmissionWebhook(
            kind=infrav1.Metal3ClusterTemplate, validator=Metal3ClusterTemplateValidator()
        ),
        AdmissionWebhook(
            kind=infrav1.Metal3Machine, validator=Metal3MachineValidator(reader=reader)
        ),
        AdmissionWebhook(
            kind=infrav1.Metal3MachineTemplate,
            validator=Metal3MachineTemplateValidator(reader=reader),
        ),
        AdmissionWebhook(kind=infrav1.Metal3Data, validator=Metal3DataValidator(reader=reader)),
        AdmissionWebhook(
            kind=infrav1.Metal3DataClaim, validator=Metal3DataClaimValidator(reader=reader)
        ),
        AdmissionWebhook(
            kind=infrav1.Metal3DataTemplate, validator=Metal3DataTemplateValidator(reader=reader)
        ),
        AdmissionWebhook(kind=infrav1.Metal3Remediation, validator=Metal3RemediationValidator()),
        AdmissionWebhook(
            kind=infrav1.Metal3RemediationTemplate,
            validator=Metal3RemediationTemplateValidator(),
            defaulter=Metal3RemediationTemplateDefaulter(),
        ),
    )


def add_converters(converters: Converters) -> None:
    """Teach every way between two versions of a kind."""
    for conversion in (*v1beta1.CONVERSIONS, *v1alpha5.CONVERSIONS):
        group_kind = f"{conversion.kind}.{GROUP}"
        converters.add_hub(group_kind, HUB)
        converters.add_spoke(
            group_kind,
            conversion.version,
            to_hub=conversion.to_hub,
            from_hub=conversion.from_hub,
        )


__all__ = ["add_converters", "webhooks"]
