"""From a CustomResourceDefinition to a resource that is served."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from metal3.apiserver.errors import cause
from metal3.apiserver.jsonvalue import (
    Obj,
    clone,
    ensure_map,
    is_list,
    is_map,
    map_at,
    maps_at,
    strings,
    text_at,
)
from metal3.apiserver.schema import Node, compile_schema

from ._columns import AGE, NAME, path_column
from ._definition import Column, Conversion, Resource, Strategy, Version
from ._metadata import with_type_meta

CLEANUP_FINALIZER: Final = "customresourcecleanup.apiextensions.k8s.io"
CRD_RESOURCE: Final = "apiextensions.k8s.io/customresourcedefinitions"
_LABEL: Final = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?\Z")
_VERSION: Final = re.compile(r"v(\d+)(?:(alpha|beta)(\d+))?\Z")
_OPEN: Final[Obj] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def version_rank(name: str) -> tuple[int, int, int, str]:
    """Sort key of version names: v2, v1, v1beta2, v1alpha1, then others by name."""
    match = _VERSION.match(name)
    if not match:
        return (3, 0, 0, name)
    major, stage, minor = match.groups()
    return ({None: 0, "beta": 1, "alpha": 2}[stage], -int(major), -int(minor or 0), name)


def crd_strategy() -> Strategy:
    """Return what is special about writing definitions."""
    return Strategy(prepare=_prepare, check=_check)


def _prepare(obj: Obj, _old: Obj | None) -> None:
    spec = ensure_map(obj, "spec")
    names = ensure_map(spec, "names")
    kind = text_at(names, "kind")
    names.setdefault("singular", kind.lower())
    names.setdefault("listKind", f"{kind}List")
    ensure_map(spec, "conversion").setdefault("strategy", "None")
    webhook = map_at(spec, "conversion", "webhook", "clientConfig", "service")
    if webhook:
        webhook.setdefault("port", 443)
    obj["status"] = status_of(obj)


def status_of(crd: Obj) -> Obj:
    """Work out the status of a definition, whose names are accepted at once."""
    old = map_at(crd, "status")
    stored = strings(old.get("storedVersions") or ())
    storage = _storage_name(crd)
    if storage and storage not in stored:
        stored = [*stored, storage]
    known = {str(item.get("type")): item for item in maps_at(old, "conditions")}
    _condition(known, "NamesAccepted", "True", "NoConflicts", "no conflicts found")
    _condition(
        known, "Established", "True", "InitialNamesAccepted", "the initial names are accepted"
    )
    return {
        **old,
        "acceptedNames": clone(map_at(crd, "spec", "names")),
        "conditions": list(known.values()),
        "storedVersions": stored,
    }


def _condition(known: dict[str, Obj], kind: str, status: str, reason: str, message: str) -> None:
    before = known.get(kind, {})
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    changed = before.get("status") != status
    known[kind] = {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": now if changed else before.get("lastTransitionTime"),
    }


def _storage_name(crd: Obj) -> str:
    chosen = [v for v in maps_at(crd, "spec", "versions") if v.get("storage") is True]
    return text_at(chosen[0], "name") if chosen else ""


def _check(obj: Obj, old: Obj | None) -> list[Obj]:
    spec = map_at(obj, "spec")
    causes = _name_causes(obj, spec)
    versions = maps_at(spec, "versions")
    if sum(item.get("storage") is True for item in versions) != 1:
        causes.append(_invalid("spec.versions", "must have exactly one version marked as storage"))
    if len({text_at(item, "name") for item in versions}) != len(versions):
        causes.append(_invalid("spec.versions", "must contain unique version names"))
    for at, item in enumerate(versions):
        causes += _version_causes(item, f"spec.versions[{at}]")
    causes += _conversion_causes(map_at(spec, "conversion"))
    if old is not None:
        causes += _change_causes(obj, old)
    return causes


def _invalid(field: str, why: str, value: object = None) -> Obj:
    shown = f'"{value}"' if isinstance(value, str) else "null"
    return cause("FieldValueInvalid", field, f"Invalid value: {shown}: {why}")


def _name_causes(obj: Obj, spec: Obj) -> list[Obj]:
    plural, group = text_at(spec, "names", "plural"), text_at(spec, "group")
    name = text_at(obj, "metadata", "name")
    causes: list[Obj] = []
    if name != f"{plural}.{group}":
        causes.append(_invalid("metadata.name", 'must be spec.names.plural+"."+spec.group', name))
    if "." not in group:
        causes.append(_invalid("spec.group", "should be a domain with at least one dot", group))
    if not _LABEL.match(plural):
        causes.append(_invalid("spec.names.plural", "must be a DNS label", plural))
    return causes


def _version_causes(item: Obj, path: str) -> list[Obj]:
    schema = map_at(item, "schema", "openAPIV3Schema")
    field = f"{path}.schema.openAPIV3Schema"
    if not schema:
        return [cause("FieldValueRequired", field, "Required value: schemas are required")]
    if schema.get("type") != "object":
        return [_invalid(f"{field}.type", 'must be "object" at the root', text_at(schema, "type"))]
    try:
        compile_schema(schema)
    except ValueError as e:
        return [_invalid(field, str(e))]
    return _structural_causes(schema, field)


def _structural_causes(schema: Obj, path: str) -> list[Obj]:
    """Refuse what is not structural: every node says its type, or that it is an exception."""
    causes: list[Obj] = []
    free = schema.get("x-kubernetes-preserve-unknown-fields") or schema.get(
        "x-kubernetes-int-or-string"
    )
    if not schema.get("type") and not free:
        message = "Required value: must not be empty for specified object fields"
        causes.append(cause("FieldValueRequired", f"{path}.type", message))
    for name, child in map_at(schema, "properties").items():
        if is_map(child):
            causes += _structural_causes(child, f"{path}.properties[{name}]")
    for key in ("items", "additionalProperties"):
        child = schema.get(key)
        if is_map(child):
            causes += _structural_causes(child, f"{path}.{key}")
    if schema.get("properties") and is_map(schema.get("additionalProperties")):
        message = "Forbidden: must not be used together with properties"
        causes.append(cause("FieldValueForbidden", f"{path}.additionalProperties", message))
    if schema.get("x-kubernetes-list-type") == "map" and not schema.get(
        "x-kubernetes-list-map-keys"
    ):
        message = "Required value: must not be empty if the list type is map"
        causes.append(cause("FieldValueRequired", f"{path}.x-kubernetes-list-map-keys", message))
    return causes


def _conversion_causes(conversion: Obj) -> list[Obj]:
    strategy = conversion.get("strategy")
    if strategy not in {"None", "Webhook"}:
        message = 'Unsupported value: supported values: "None", "Webhook"'
        return [cause("FieldValueNotSupported", "spec.conversion.strategy", message)]
    if strategy == "Webhook" and not map_at(conversion, "webhook", "clientConfig"):
        field = "spec.conversion.webhook.clientConfig"
        return [cause("FieldValueRequired", field, "Required value: needed by strategy Webhook")]
    return []


def _change_causes(obj: Obj, old: Obj) -> list[Obj]:
    causes: list[Obj] = []
    fixed = (("group",), ("scope",), ("names", "plural"), ("names", "kind"))
    for path in fixed:
        before, now = text_at(old, "spec", *path), text_at(obj, "spec", *path)
        if before != now:
            causes.append(_invalid("spec." + ".".join(path), "field is immutable", now))
    names = {text_at(item, "name") for item in maps_at(obj, "spec", "versions")}
    for at, stored in enumerate(strings(map_at(obj, "status").get("storedVersions") or ())):
        if stored not in names:
            why = "must appear in spec.versions"
            causes.append(_invalid(f"status.storedVersions[{at}]", why, stored))
    return causes


def custom_resource(crd: Obj, conversion: Conversion | None) -> Resource:
    """Build the resource of a definition that has passed its checks."""
    spec = map_at(crd, "spec")
    names = map_at(spec, "names")
    versions = sorted(maps_at(spec, "versions"), key=lambda v: version_rank(text_at(v, "name")))
    kind = text_at(names, "kind")
    return Resource(
        group=text_at(spec, "group"),
        plural=text_at(names, "plural"),
        singular=text_at(names, "singular") or kind.lower(),
        kind=kind,
        list_kind=text_at(names, "listKind") or f"{kind}List",
        namespaced=text_at(spec, "scope") == "Namespaced",
        versions=tuple(_version(item, spec, kind) for item in versions),
        storage=_storage_name(crd),
        short_names=tuple(strings(names.get("shortNames") or ())),
        categories=tuple(strings(names.get("categories") or ())),
        custom=True,
        conversion=conversion,
    )


def _version(item: Obj, spec: Obj, kind: str) -> Version:
    name = text_at(item, "name")
    subresources = map_at(item, "subresources")
    warning = ""
    if item.get("deprecated") is True:
        warning = text_at(item, "deprecationWarning") or (
            f"{text_at(spec, 'group')}/{name} {kind} is deprecated"
        )
    return Version(
        name=name,
        schema=_schema(item),
        columns=_columns(maps_at(item, "additionalPrinterColumns")),
        served=item.get("served") is True,
        status="status" in subresources,
        selectable=tuple(
            text_at(field, "jsonPath").lstrip(".") for field in maps_at(item, "selectableFields")
        ),
        warning=warning,
    )


def _schema(item: Obj) -> Node:
    schema = map_at(item, "schema", "openAPIV3Schema") or _OPEN
    metadata = map_at(schema, "properties", "metadata")
    merged = with_type_meta(schema)
    # Definitions may restrict names: such rules are kept beside those every object has.
    restricted = map_at(metadata, "properties")
    if restricted:
        base = merged["properties"]["metadata"]
        merged["properties"]["metadata"] = {
            **base,
            "properties": {**base["properties"], **restricted},
        }
    return compile_schema(merged)


def _columns(items: Sequence[Obj]) -> tuple[Column, ...]:
    if not items:
        return (NAME, AGE)
    return (NAME, *(_column(item) for item in items))


def _column(item: Obj) -> Column:
    column = path_column(text_at(item, "name"), text_at(item, "jsonPath"), text_at(item, "type"))
    priority: Any = item.get("priority") or 0
    return Column(
        name=column.name,
        type=column.type,
        read=column.read,
        description=text_at(item, "description"),
        format=text_at(item, "format"),
        priority=priority if isinstance(priority, int) else 0,
    )


def has_cel(schema: object) -> bool:
    """Tell whether a schema has CEL rules, which this server accepts and does not evaluate."""
    if is_map(schema):
        return "x-kubernetes-validations" in schema or any(has_cel(v) for v in schema.values())
    return is_list(schema) and any(has_cel(item) for item in schema)
