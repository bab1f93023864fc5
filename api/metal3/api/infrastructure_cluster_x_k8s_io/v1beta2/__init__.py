"""Cluster API's Metal3 kinds, v1beta2: the hub and storage version.

Generated from ``config/crd/bases``; this is the only face of the package.
"""

from .groupversion_info import GROUP, GROUP_VERSION, KINDS, VERSION, add_to_scheme
from .zz_generated_metal3cluster import Metal3Cluster, Metal3ClusterSpec, Metal3ClusterStatus
from .zz_generated_metal3clustertemplate import Metal3ClusterTemplate, Metal3ClusterTemplateSpec
from .zz_generated_metal3data import Metal3Data, Metal3DataSpec, Metal3DataStatus
from .zz_generated_metal3dataclaim import (
    Metal3DataClaim,
    Metal3DataClaimSpec,
    Metal3DataClaimStatus,
)
from .zz_generated_metal3datatemplate import (
    Metal3DataTemplate,
    Metal3DataTemplateSpec,
    Metal3DataTemplateStatus,
)
from .zz_generated_metal3machine import Metal3Machine, Metal3MachineSpec, Metal3MachineStatus
from .zz_generated_metal3machinetemplate import Metal3MachineTemplate, Metal3MachineTemplateSpec
from .zz_generated_metal3remediation import (
    Metal3Remediation,
    Metal3RemediationSpec,
    Metal3RemediationStatus,
)
from .zz_generated_metal3remediationtemplate import (
    Metal3RemediationTemplate,
    Metal3RemediationTemplateSpec,
    Metal3RemediationTemplateStatus,
)

__all__ = [
    "GROUP",
    "GROUP_VERSION",
    "KINDS",
    "VERSION",
    "Metal3Cluster",
    "Metal3ClusterSpec",
    "Metal3ClusterStatus",
    "Metal3ClusterTemplate",
    "Metal3ClusterTemplateSpec",
    "Metal3Data",
    "Metal3DataClaim",
    "Metal3DataClaimSpec",
    "Metal3DataClaimStatus",
    "Metal3DataSpec",
    "Metal3DataStatus",
    "Metal3DataTemplate",
    "Metal3DataTemplateSpec",
    "Metal3DataTemplateStatus",
    "Metal3Machine",
    "Metal3MachineSpec",
    "Metal3MachineStatus",
    "Metal3MachineTemplate",
    "Metal3MachineTemplateSpec",
    "Metal3Remediation",
    "Metal3RemediationSpec",
    "Metal3RemediationStatus",
    "Metal3RemediationTemplate",
    "Metal3RemediationTemplateSpec",
    "Metal3RemediationTemplateStatus",
    "add_to_scheme",
]
