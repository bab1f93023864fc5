"""What is special about writing built-in kinds."""

import base64
import binascii
import re
from typing import Final

from metal3.apiserver.errors import cause
from metal3.apiserver.jsonvalue import Obj, ensure_map, equal, is_map, map_at, text_at

from ._definition import Strategy

_DATA_KEY: Final = re.compile(r"[-._a-zA-Z0-9]{1,253}\Z")
_MAX_DATA: Final = 1 << 20
_REQUIRED_KEYS: Final = {
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
}


def _namespace_prepare(obj: Obj, old: Obj | None) -> None:
    metadata = ensure_map(obj, "metadata")
    ensure_map(metadata, "labels")["kubernetes.io/metadata.name"] = metadata.get("name")
    if old is None:
        ensure_map(obj, "spec").setdefault("finalizers", ["kubernetes"])
        ensure_map(obj, "status").setdefault("phase", "Active")


def _secret_prepare(obj: Obj, _old: Obj | None) -> None:
    plain = obj.pop("stringData", None)
    if is_map(plain) and plain:
        data = ensure_map(obj, "data")
        for key, value in plain.items():
            data[key] = base64.b64encode(str(value).encode()).decode()
    if not obj.get("type"):
        obj["type"] = "Opaque"


def _data_causes(values: Obj, field: str) -> list[Obj]:
    causes: list[Obj] = []
    for key in values:
        if not _DATA_KEY.match(key) or key in {".", ".."}:
            message = (
                f'Invalid value: "{key}": a valid config key has only letters, digits, - _ and .'
            )
            causes.append(cause("FieldValueInvalid", f"{field}[{key}]", message))
    return causes


def _base64_causes(values: Obj, field: str) -> list[Obj]:
    causes: list[Obj] = []
    for key, value in values.items():
        try:
            base64.b64decode(str(value), validate=True)
        except (ValueError, binascii.Error):
            # The value itself may be secret: it is not repeated.
            message = "Invalid value: must be base64"
            causes.append(cause("FieldValueInvalid", f"{field}[{key}]", message))
    return causes


def _size_causes(obj: Obj, *fields: str) -> list[Obj]:
    size = sum(len(str(v)) for field in fields for v in map_at(obj, field).values())
    if size <= _MAX_DATA * 4 // 3:
        return []
    return [cause("FieldValueTooLong", "data", f"Too long: may not be more than {_MAX_DATA} bytes")]


def _immutable_causes(obj: Obj, old: Obj | None, *fields: str) -> list[Obj]:
    if old is None or old.get("immutable") is not True:
        return []
    forbidden = "Forbidden: field is immutable when `immutable` is set"
    causes = [
        cause("FieldValueForbidden", field, forbidden)
        for field in fields
        if not equal(obj.get(field) or {}, old.get(field) or {})
    ]
    if obj.get("immutable") is not True:
        causes.append(cause("FieldValueForbidden", "immutable", forbidden))
    return causes


def _secret_check(obj: Obj, old: Obj | None) -> list[Obj]:
    data = map_at(obj, "data")
    causes = _data_causes(data, "data") + _base64_causes(data, "data") + _size_causes(obj, "data")
    causes += [
        cause("FieldValueRequired", f"data[{key}]", "Required value")
        for key in _REQUIRED_KEYS.get(text_at(obj, "type"), ())
        if key not in data
    ]
    if old is not None and obj.get("type") != old.get("type"):
        message = f'Invalid value: "{obj.get("type")}": field is immutable'
        causes.append(cause("FieldValueInvalid", "type", message))
    return causes + _immutable_causes(obj, old, "data")


def _config_map_check(obj: Obj, old: Obj | None) -> list[Obj]:
    causes = _data_causes(map_at(obj, "data"), "data")
    causes += _data_causes(map_at(obj, "binaryData"), "binaryData")
    causes += _base64_causes(map_at(obj, "binaryData"), "binaryData")
    causes += _size_causes(obj, "data", "binaryData")
    return causes + _immutable_causes(obj, old, "data", "binaryData")


def _webhook_prepare(obj: Obj, _old: Obj | None) -> None:
    mutating = text_at(obj, "kind") == "MutatingWebhookConfiguration"
    for webhook in obj.get("webhooks") or ():
        if is_map(webhook) and mutating:
            webhook.setdefault("reinvocationPolicy", "Never")


def _pod_prepare(obj: Obj, old: Obj | None) -> None:
    if old is None:
        ensure_map(obj, "status").setdefault("phase", "Pending")


def _event_prepare(obj: Obj, _old: Obj | None) -> None:
    """Say null where the real server says it: kubectl sorts by these, and gives up without."""
    obj.setdefault("eventTime", None)
    newer = "/" in text_at(obj, "apiVersion")
    for name in ("Source", "FirstTimestamp", "LastTimestamp"):
        key = f"deprecated{name}" if newer else name[0].lower() + name[1:]
        obj.setdefault(key, {} if name == "Source" else None)
    if not newer:
        obj.setdefault("reportingComponent", "")
        obj.setdefault("reportingInstance", "")


def _event_check(obj: Obj, _old: Obj | None) -> list[Obj]:
    namespace = text_at(obj, "metadata", "namespace")
    about = text_at(obj, "involvedObject", "namespace")
    # Cluster-scoped objects have their events in the default namespace.
    if about == namespace or (not about and namespace == "default"):
        return []
    message = f'Invalid value: "{about}": does not match event.namespace'
    return [cause("FieldValueInvalid", "involvedObject.namespace", message)]


def _new_event_check(obj: Obj, old: Obj | None) -> list[Obj]:
    """The newer group asks for more; what came through the older one stays as it is."""
    if old is not None:
        return []
    required = ("reportingController", "reportingInstance", "action", "reason")
    causes = [
        cause("FieldValueRequired", field, "Required value")
        for field in required
        if not obj.get(field)
    ]
    if obj.get("type") not in {"Normal", "Warning"}:
        message = f'Invalid value: "{obj.get("type")}": has invalid value'
        causes.append(cause("FieldValueInvalid", "type", message))
    return causes


EVENT_FIELDS: Final = (
    "involvedObject.kind",
    "involvedObject.namespace",
    "involvedObject.name",
    "involvedObject.uid",
    "involvedObject.apiVersion",
    "involvedObject.resourceVersion",
    "involvedObject.fieldPath",
    "reason",
    "reportingComponent",
    "source",
    "type",
)
STRATEGIES: Final[dict[str, Strategy]] = {
    "Namespace": Strategy(
        prepare=_namespace_prepare, selectable=("status.phase",), generation=False
    ),
    "Secret": Strategy(
        prepare=_secret_prepare, check=_secret_check, selectable=("type",), generation=False
    ),
    "ConfigMap": Strategy(check=_config_map_check, generation=False),
    "Event": Strategy(
        prepare=_event_prepare, check=_event_check, selectable=EVENT_FIELDS, generation=False
    ),
    "Pod": Strategy(prepare=_pod_prepare, selectable=("spec.nodeName", "status.phase")),
    "Node": Strategy(selectable=("spec.unschedulable",), generation=False),
    "ValidatingWebhookConfiguration": Strategy(prepare=_webhook_prepare),
    "MutatingWebhookConfiguration": Strategy(prepare=_webhook_prepare),
}
EVENTS_V1: Final = Strategy(
    prepare=_event_prepare, check=_new_event_check, selectable=EVENT_FIELDS, generation=False
)
PLAIN: Final = Strategy(generation=False)
