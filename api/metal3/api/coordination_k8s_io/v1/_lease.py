"""The Lease kind."""

from typing import Annotated, ClassVar

from pydantic import Field

from metal3.api.meta import v1 as metav1


class LeaseSpec(metav1.Model):
    """The holder and its claim; ``lease_duration_seconds`` counts from ``renew_time``."""

    holder_identity: Annotated[str | None, Field(alias="holderIdentity")] = None
    lease_duration_seconds: Annotated[int | None, Field(alias="leaseDurationSeconds")] = None
    acquire_time: Annotated[metav1.MicroTime | None, Field(alias="acquireTime")] = None
    renew_time: Annotated[metav1.MicroTime | None, Field(alias="renewTime")] = None
    lease_transitions: Annotated[int | None, Field(alias="leaseTransitions")] = None


class Lease(metav1.Object):
    """A claim that lapses unless it is renewed."""

    gvk: ClassVar = metav1.GroupVersionKind("coordination.k8s.io", "v1", "Lease")
    plural: ClassVar[str] = "leases"

    spec: LeaseSpec = Field(default_factory=LeaseSpec)
