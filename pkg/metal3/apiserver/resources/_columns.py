"""The columns ``kubectl get`` shows of built-in kinds."""

import logging
from collections.abc import Callable
from typing import Final

from metal3.apiserver.jsonvalue import Obj, dig, list_at, map_at, maps_at, text_at
from metal3.apiserver.present import JSONPath

from ._definition import Column

log = logging.getLogger(__name__)

NAME: Final = Column(
    name="Name",
    type="string",
    format="name",
    description="Name must be unique within a namespace.",
    read=lambda obj: dig(obj, "metadata", "name"),
)
AGE: Final = Column(
    name="Age",
    type="date",
    description="Time since the object was created.",
    read=lambda obj: dig(obj, "metadata", "creationTimestamp") or "",
)
CREATED_AT: Final = Column(
    name="Created At",
    type="string",
    description="When the object was created.",
    read=lambda obj: dig(obj, "metadata", "creationTimestamp"),
)


def path_column(name: str, path: str, kind: str = "string", priority: int = 0) -> Column:
    """Make a column of what a JSONPath leads to; it stays empty when the path cannot be read."""
    return Column(name=name, type=kind, read=_reader(path), priority=priority)


def _reader(path: str) -> Callable[[Obj], object]:
    try:
        return JSONPath(path).first
    except ValueError as e:
        # The real server accepts such definitions too, and shows no value.
        log.warning("a column stays empty: %s", e)
        return lambda _obj: None


def _counted(name: str, *fields: str) -> Column:
    def count(obj: Obj) -> int:
        return sum(len(map_at(obj, field)) or len(list_at(obj, field)) for field in fields)

    return Column(name=name, type="integer", read=count)


def _last_seen(obj: Obj) -> object:
    return (
        dig(obj, "series", "lastObservedTime")
        or obj.get("lastTimestamp")
        or obj.get("deprecatedLastTimestamp")
        or obj.get("eventTime")
        or obj.get("firstTimestamp")
        or ""
    )


def _about(obj: Obj) -> str:
    about = map_at(obj, "involvedObject") or map_at(obj, "regarding")
    return f"{text_at(about, 'kind').lower()}/{text_at(about, 'name')}"


def _ready(obj: Obj) -> str:
    ready = [c for c in maps_at(obj, "status", "conditions") if c.get("type") == "Ready"]
    return "Ready" if ready and ready[0].get("status") == "True" else "NotReady"


def _column(name: str, read: Callable[[Obj], object], kind: str = "string") -> Column:
    return Column(name=name, type=kind, read=read)


_EVENT: Final = (
    _column("Last Seen", _last_seen, "date"),
    path_column("Type", ".type"),
    path_column("Reason", ".reason"),
    _column("Object", _about),
    path_column("Subobject", ".involvedObject.fieldPath", priority=1),
    path_column("Source", ".reportingComponent", priority=1),
    _column("Message", lambda obj: text_at(obj, "message") or text_at(obj, "note")),
    path_column("First Seen", ".firstTimestamp", "date", priority=1),
    path_column("Count", ".count", "integer", priority=1),
    Column(name="Name", type="string", format="name", read=NAME.read, priority=1),
)
COLUMNS: Final[dict[str, tuple[Column, ...]]] = {
    "Namespace": (NAME, path_column("Status", ".status.phase"), AGE),
    "Secret": (NAME, path_column("Type", ".type"), _counted("Data", "data"), AGE),
    "ConfigMap": (NAME, _counted("Data", "data", "binaryData"), AGE),
    "ServiceAccount": (NAME, _counted("Secrets", "secrets"), AGE),
    "Event": _EVENT,
    "Node": (NAME, _column("Status", _ready), AGE),
    "Pod": (NAME, path_column("Status", ".status.phase"), AGE),
    "Service": (
        NAME,
        path_column("Type", ".spec.type"),
        path_column("Cluster-IP", ".spec.clusterIP"),
        AGE,
    ),
    "Lease": (NAME, path_column("Holder", ".spec.holderIdentity"), AGE),
    "CustomResourceDefinition": (NAME, CREATED_AT),
    "ValidatingWebhookConfiguration": (NAME, _counted("Webhooks", "webhooks"), AGE),
    "MutatingWebhookConfiguration": (NAME, _counted("Webhooks", "webhooks"), AGE),
    "Role": (NAME, CREATED_AT),
    "ClusterRole": (NAME, CREATED_AT),
    "RoleBinding": (NAME, path_column("Role", ".roleRef.name"), AGE),
    "ClusterRoleBinding": (NAME, path_column("Role", ".roleRef.name"), AGE),
    "Deployment": (NAME, path_column("Replicas", ".spec.replicas", "integer"), AGE),
}
DEFAULT: Final = (NAME, AGE)
