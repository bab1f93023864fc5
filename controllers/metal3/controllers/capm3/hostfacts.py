"""What of a host matters for choosing one: a few hundred bytes instead of the whole object."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from metal3.api.cluster_x_k8s_io import v1beta2 as clusterv1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.types import NamespacedName, key_of

State = metal3api.ProvisioningState
FREE: Final = frozenset({State.READY, State.AVAILABLE})


class Rejection(StrEnum):
    """Why a host will not do, in the order in which they are looked for; stable codes."""

    IN_USE = "InUse"
    RESERVED = "ReservedForNodeReuse"
    LABEL_MISMATCH = "LabelMismatch"
    FAILURE_DOMAIN = "OtherFailureDomain"
    DELETING = "Deleting"
    PAUSED = "Paused"
    UNHEALTHY = "MarkedUnhealthy"
    DETACHED = "Detached"
    EXTERNALLY_PROVISIONED = "ExternallyProvisioned"
    ERROR = "InError"
    NOT_AVAILABLE = "NotAvailable"
    ALREADY_DEPLOYED = "ImageAlreadySet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """One host that will not do; ``detail`` is the label, state or person that is to blame."""

    host: str
    code: Rejection
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostFacts:
    """Two are equal when no machine would tell them apart, whatever their resourceVersions."""

    key: NamespacedName
    uid: str
    resource_version: str = field(compare=False)
    labels: Mapping[str, str]
    is_claimed: bool
    is_in_use: bool
    """Claimed, and not by a Cluster for the next of its machines."""
    fault: Rejected | None
    """What is wrong with it for any machine."""
    rank: tuple[int, int]
    """Lower is better: sick ones last, then by failures."""

    @property
    def reserved_as(self) -> str:
        """What it is reserved under for node reuse; a label on a host in use reserves nothing."""
        return "" if self.is_in_use else self.labels.get(infrav1.NODE_REUSE_LABEL, "")

    @property
    def is_awaited(self) -> bool:
        """Whether it only has to become available."""
        return self.fault is not None and self.fault.code is Rejection.NOT_AVAILABLE


def facts_of(host: metal3api.BareMetalHost) -> HostFacts:
    """The facts of a host as it is."""
    status, consumer = host.status, host.spec.consumer_ref
    failures = status.error_count + status.provisioning_fail_count
    health = metav1.find_condition(status.conditions, metal3api.HostConditionType.HEALTHY)
    is_sick = health is not None and health.status == metav1.ConditionStatus.FALSE
    return HostFacts(
        key=key_of(host),
        uid=host.metadata.uid,
        resource_version=host.metadata.resource_version,
        labels=dict(host.metadata.labels),
        is_claimed=consumer is not None,
        is_in_use=consumer is not None and consumer.kind != clusterv1.Cluster.gvk.kind,
        fault=_fault(host),
        rank=(int(is_sick), failures),
    )


def point_of(name: str) -> int:
    """Where on a circle of 64 bits a host lies, or a machine begins to look."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest())


def _fault(host: metal3api.BareMetalHost) -> Rejected | None:
    for code, detail in _checks(host):
        if detail is not None:
            return Rejected(host=host.metadata.name, code=code, detail=detail)
    return None


def _checks(host: metal3api.BareMetalHost) -> Iterable[tuple[Rejection, str | None]]:
    """Each check with what is wrong, None if nothing is; later ones are nearer to a match."""
    annotations, status = host.metadata.annotations, host.status
    yield Rejection.DELETING, _if(bool(host.metadata.deletion_timestamp))
    yield Rejection.PAUSED, _if(metal3api.PAUSED_ANNOTATION in annotations)
    unhealthy = {
        infrav1.UNHEALTHY_ANNOTATION,
        infrav1.OLD_UNHEALTHY_ANNOTATION,
    } & annotations.keys()
    yield Rejection.UNHEALTHY, _if(bool(unhealthy))
    yield Rejection.DETACHED, _if(metal3api.is_detached(host))
    yield Rejection.EXTERNALLY_PROVISIONED, _if(bool(host.spec.externally_provisioned))
    failure = status.error_message or status.error_type
    yield Rejection.ERROR, (status.error_type or "error") if failure else None
    state = status.provisioning.state
    yield Rejection.NOT_AVAILABLE, None if state in FREE else state or "not registered"
    deployed = host.spec.image is not None or host.spec.custom_deploy is not None
    yield Rejection.ALREADY_DEPLOYED, _if(deployed)


def _if(wrong: bool) -> str | None:  # noqa: FBT001 - a word of this module's own
    return "" if wrong else None
