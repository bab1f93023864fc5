"""Group, version and kinds of this package, and their registration in a scheme."""

from typing import Final

from metal3.api.meta import v1 as metav1

from .zz_generated_metal3cluster import Metal3Cluster
from .zz_generated_metal3clustertemplate import Metal3ClusterTemplate
from .zz_generated_metal3data import Metal3Data
from .zz_generated_metal3dataclaim import Metal3DataClaim
from .zz_generated_metal3datatemplate import Metal3DataTemplate
from .zz_generated_metal3machine import Metal3Machine
from .zz_generated_metal3machinetemplate import Metal3MachineTemplate
from .zz_generated_metal3remediation import Metal3Remediation
from .zz_generated_metal3remediationtemplate import Metal3RemediationTemplate

GROUP: Final = "infrastructure.cluster.x-k8s.io"
VERSION: Final = "v1beta1"
GROUP_VERSION: Final = f"{GROUP}/{VERSION}"

KINDS: Final[tuple[type[metav1.Object], ...]] = (
    Metal3Cluster,
    Metal3ClusterTemplate,
    Metal3Data,
    Metal3DataClaim,
    Metal3DataTemplate,
    Metal3Machine,
    Metal3MachineTemplate,
    Metal3Remediation,
    Metal3RemediationTemplate,
)
"""Every kind of this group and version."""


def add_to_scheme(scheme: metav1.KindRegistry) -> None:
    """Make all kinds of this package known to ``scheme``."""
    for kind in KINDS:
        scheme.register(kind)
