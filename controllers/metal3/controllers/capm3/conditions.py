"""Conditions of clusters and machines in both forms: of today, and of Cluster API's v1beta1.

Texts are for people; reasons are stable words. A condition is only rewritten when it changes.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from metal3.api.cluster_x_k8s_io import v1beta2 as clusterv1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.meta import v1 as metav1

Type = infrav1.ConditionType
Reason = infrav1.Reason
Owner = infrav1.Metal3Cluster | infrav1.Metal3Machine
LONGEST_MESSAGE: Final = 1024

_OLD_TYPES: Final = {
    Type.BAREMETAL_INFRASTRUCTURE_READY: infrav1.DeprecatedConditionType.BAREMETAL_INFRASTRUCTURE_READY,
    Type.ASSOCIATE_HOST: infrav1.DeprecatedConditionType.ASSOCIATE_HOST,
    Type.ASSOCIATE_META_DATA: infrav1.DeprecatedConditionType.KUBERNETES_NODE_READY,
    Type.DATA_READY: infrav1.DeprecatedConditionType.DATA_READY,
}
_OLD_REASONS: Final = {
    Reason.ASSOCIATE_FAILED: "AssociateBMHFailed",
    Reason.WAITING_FOR_CLUSTER_INFRASTRUCTURE: "WaitingForClusterInfrastructure",
    Reason.WAITING_FOR_BOOTSTRAP_DATA: "WaitingForBootstrapReady",
    Reason.WAITING_FOR_OWNER: "WaitingForM3MachineOwnerRef",
    Reason.PAUSED: "Metal3MachinePaused",
    Reason.META_DATA_FAILED: "AssociateM3MetaDataFailed",
}
SUMMARY: Final[dict[type[metav1.Object], tuple[Type, ...]]] = {
    infrav1.Metal3Cluster: (Type.BAREMETAL_INFRASTRUCTURE_READY,),
    infrav1.Metal3Machine: (Type.ASSOCIATE_HOST, Type.ASSOCIATE_META_DATA, Type.DATA_READY),
}
"""Conditions that must be True for Ready to be."""


def mark_true(obj: Owner, kind: Type, reason: Reason, *, now: datetime, message: str = "") -> None:
    """All is well with this aspect."""
    _set(obj, kind, metav1.ConditionStatus.TRUE, reason, message, now)
    _set_old(obj, _OLD_TYPES[kind], status="True", now=now)


def mark_false(
    obj: Owner,
    kind: Type,
    reason: Reason,
    message: str,
    *,
    now: datetime,
    severity: str = "Info",
) -> None:
    """It is not, and this is why."""
    text = message[:LONGEST_MESSAGE]
    _set(obj, kind, metav1.ConditionStatus.FALSE, reason, text, now)
    _set_old(
        obj,
        _OLD_TYPES[kind],
        status="False",
        severity=severity,
        reason=_OLD_REASONS.get(reason, reason),
        message=text,
        now=now,
    )


def mark_paused(obj: Owner, *, paused: bool, why: str, now: datetime) -> None:
    """Whether nobody works on the object at present."""
    status = metav1.ConditionStatus.TRUE if paused else metav1.ConditionStatus.FALSE
    reason = Reason.PAUSED if paused else Reason.NOT_PAUSED
    _set(obj, clusterv1.PAUSED_CONDITION, status, reason, why, now)


def summarize(obj: Owner, *, now: datetime) -> None:
    """Ready from the others: False if one is, Unknown if one is missing, and what they say."""
    kinds = SUMMARY[type(obj)]
    found = {kind: metav1.find_condition(obj.status.conditions, kind) for kind in kinds}
    bad = [c for c in found.values() if c is not None and c.status == "False"]
    missing = [kind for kind, c in found.items() if c is None or c.status == "Unknown"]
    if obj.metadata.deletion_timestamp:
        _ready(obj, "False", Reason.DELETING, _messages(bad), now)
    elif bad:
        _ready(obj, "False", Reason.NOT_READY, _messages(bad), now)
    elif missing:
        _ready(obj, "Unknown", Reason.READY_UNKNOWN, _unknown(missing), now)
    else:
        _ready(obj, "True", Reason.READY, "", now)


def _ready(obj: Owner, status: str, reason: Reason, message: str, now: datetime) -> None:
    _set(obj, clusterv1.READY_CONDITION, status, reason, message, now)
    if status == "True":
        _set_old(obj, clusterv1.READY_CONDITION, status=status, now=now)
    else:
        _set_old(
            obj,
            clusterv1.READY_CONDITION,
            status=status,
            severity="Info" if status == "False" else "",
            reason=reason,
            message=message,
            now=now,
        )


def _messages(conditions: Sequence[metav1.Condition]) -> str:
    lines = (f"* {c.type}: {c.message or c.reason}" for c in conditions)
    return "\n".join(lines)[:LONGEST_MESSAGE]


def _unknown(kinds: Iterable[Type]) -> str:
    return "\n".join(f"* {kind}: not known yet" for kind in kinds)


def _set(obj: Owner, kind: str, status: str, reason: Reason, message: str, now: datetime) -> None:
    condition = metav1.Condition(type=kind, status=status, reason=str(reason), message=message)
    metav1.set_condition(obj.status.conditions, condition, now=now)


def _set_old(
    obj: Owner,
    kind: str,
    *,
    status: str,
    now: datetime,
    severity: str = "",
    reason: str = "",
    message: str = "",
) -> None:
    old = _old_status(obj)
    new = infrav1.DeprecatedCondition(type=kind, status=status)
    for name, value in (("severity", severity), ("reason", str(reason)), ("message", message)):
        if value:
            setattr(new, name, value)
    before = next((c for c in old.conditions if c.type == kind), None)
    same = before is not None and before.status == status
    new.last_transition_time = (
        before.last_transition_time if before is not None and same else metav1.format_time(now)
    )
    if before is None:
        old.conditions.append(new)
    elif before.to_dict() != new.to_dict():
        old.conditions[old.conditions.index(before)] = new


def _old_status(obj: Owner) -> infrav1.DeprecatedV1beta1:
    if obj.status.deprecated is None:
        obj.status.deprecated = infrav1.Deprecated()
    if obj.status.deprecated.v_1_beta_1 is None:
        obj.status.deprecated.v_1_beta_1 = infrav1.DeprecatedV1beta1()
    return obj.status.deprecated.v_1_beta_1


def waits_for(obj: Owner) -> str:
    """Why the object is not ready, in one stable word; ``Ready`` when it is."""
    if obj.metadata.deletion_timestamp:
        return Reason.DELETING
    if metav1.is_condition_true(obj.status.conditions, clusterv1.PAUSED_CONDITION):
        return Reason.PAUSED
    found = [metav1.find_condition(obj.status.conditions, kind) for kind in SUMMARY[type(obj)]]
    for condition in found:
        if condition is not None and condition.status == metav1.ConditionStatus.FALSE:
            return condition.reason
    known = all(c is not None and c.status == metav1.ConditionStatus.TRUE for c in found)
    return Reason.READY if known else Reason.READY_UNKNOWN


def set_failure(obj: Owner, reason: str, message: str) -> None:
    """What v1beta1 calls a terminal failure; :func:`clear_failure` takes it back."""
    old = _old_status(obj)
    old.failure_reason, old.failure_message = reason, message[:LONGEST_MESSAGE]


def clear_failure(obj: Owner) -> None:
    """The cause is gone."""
    deprecated = obj.status.deprecated
    if deprecated is not None and deprecated.v_1_beta_1 is not None:
        deprecated.v_1_beta_1.failure_reason = None
        deprecated.v_1_beta_1.failure_message = None


def was_associated(m3m: infrav1.Metal3Machine) -> bool:
    """Whether it ever had a host, as far as it says itself."""
    if m3m.spec.provider_id:
        return True
    known = metav1.find_condition(m3m.status.conditions, Type.ASSOCIATE_HOST)
    return known is not None and (known.status == "True" or known.reason == Reason.HOST_GONE)
