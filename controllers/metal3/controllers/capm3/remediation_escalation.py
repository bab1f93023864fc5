"""Handing a machine over to its owner: Cluster API deletes it and makes another.

MachineSets and control planes act on ``OwnerRemediated`` being False while the health check
failed. Current releases read it from the conditions, older ones from those of v1beta1: both are
written.
"""

from datetime import datetime
from typing import Final

from metal3.api.cluster_x_k8s_io import v1beta2 as clusterv1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.meta import v1 as metav1
from metal3.runtime.client import Client
from metal3.runtime.patch import patching

HEALTH_CHECK_CONDITION: Final = "HealthCheckSucceeded"
WAITING_FOR_REMEDIATION: Final = "WaitingForRemediation"
_KIND: Final = clusterv1.OWNER_REMEDIATED_CONDITION


def is_found_unhealthy(machine: clusterv1.Machine) -> bool:
    """Whether a health check says so; without one nothing is said."""
    found = metav1.find_condition(machine.status.conditions, HEALTH_CHECK_CONDITION)
    return found is not None and found.status == metav1.ConditionStatus.FALSE


async def hand_over(
    client: Client, machine: clusterv1.Machine, m3r: infrav1.Metal3Remediation, *, now: datetime
) -> None:
    """Ask the owner to replace the machine; may be repeated.

    Raises ConflictError when the machine changed meanwhile: conditions of others must survive.
    """
    text = _text(m3r)
    async with patching(client, machine, optimistic_lock=True):
        new = metav1.Condition(
            type=_KIND,
            status=metav1.ConditionStatus.FALSE,
            reason=WAITING_FOR_REMEDIATION,
            message=text,
        )
        metav1.set_condition(machine.status.conditions, new, now=now)
        _set_old(machine, text, now)


async def take_back(
    client: Client, machine: clusterv1.Machine, m3r: infrav1.Metal3Remediation
) -> None:
    """Undo :func:`hand_over`; what others asked for stays. Raises ConflictError."""
    text = _text(m3r)
    async with patching(client, machine, optimistic_lock=True):
        status = machine.status
        status.conditions = [c for c in status.conditions if c.type != _KIND or c.message != text]
        old = status.deprecated.v1beta1
        if any(c.type == _KIND and c.message == text for c in old.conditions):
            old.conditions = [c for c in old.conditions if c.type != _KIND]


def _text(m3r: infrav1.Metal3Remediation) -> str:
    return f"Metal3Remediation {m3r.metadata.name} could not bring the machine back"


def _set_old(machine: clusterv1.Machine, text: str, now: datetime) -> None:
    conditions = machine.status.deprecated.v1beta1.conditions
    before = next((c for c in conditions if c.type == _KIND), None)
    if before is not None and before.status == "False" and before.message == text:
        return
    new = clusterv1.OldCondition(
        type=_KIND,
        status="False",
        severity="Warning",
        reason=WAITING_FOR_REMEDIATION,
        message=text,
        last_transition_time=metav1.format_time(now),
    )
    machine.status.deprecated.v1beta1.conditions = [
        *(c for c in conditions if c.type != _KIND),
        new,
    ]
