"""Rules of ObjectMeta: what the server sets, what clients may, and which names are names."""

import re
import secrets
from datetime import UTC, datetime
from typing import Final
from uuid import uuid4

from metal3.apiserver import errors
from metal3.apiserver.errors import cause
from metal3.apiserver.jsonvalue import Obj, ensure_map, is_map, list_at, map_at, maps_at, text_at
from metal3.apiserver.resources import METADATA_NODE, Resource
from metal3.apiserver.schema import prune, validate

_SYSTEM: Final = (
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
    "selfLink",
)
_SUBDOMAIN: Final = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\Z"
)
_LABEL: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\Z")
_QUALIFIED: Final = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?\Z")
_VALUE: Final = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?\Z")
_MAX_ANNOTATIONS: Final = 256 << 10
_ALPHABET: Final = "bcdfghjklmnpqrstvwxz2456789"
_SUFFIX: Final = 5
_MAX_PREFIX: Final = 58


def now() -> str:
    """Return the time as objects carry it, in whole seconds."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def check_shape(obj: Obj) -> list[str]:
    """Check the types in metadata and drop what no metadata has; returns what was dropped."""
    metadata = obj.get("metadata")
    if metadata is None:
        obj["metadata"] = {}
        return []
    if not is_map(metadata):
        raise errors.bad_request("metadata must be an object")
    for field in [name for name, value in metadata.items() if value is None]:
        del metadata[field]
    unknown = prune(metadata, METADATA_NODE)
    wrong = [c for c in validate(metadata, METADATA_NODE, "metadata") if "Type" in c["reason"]]
    if wrong:
        raise errors.bad_request(f"{wrong[0]['field']}: {wrong[0]['message']}")
    return [f"metadata.{path}" for path in unknown]


def new_metadata(obj: Obj) -> None:
    """Set what the server sets on a new object, whatever the client sent."""
    metadata = ensure_map(obj, "metadata")
    for field in (*_SYSTEM, "resourceVersion"):
        metadata.pop(field, None)
    if not metadata.get("name") and metadata.get("generateName"):
        suffix = "".join(secrets.choice(_ALPHABET) for _ in range(_SUFFIX))
        metadata["name"] = str(metadata["generateName"])[:_MAX_PREFIX] + suffix
    metadata["uid"] = str(uuid4())
    metadata["creationTimestamp"] = now()


def keep_metadata(obj: Obj, old: Obj) -> None:
    """Restore what updates cannot change."""
    metadata, before = ensure_map(obj, "metadata"), map_at(old, "metadata")
    for field in (*_SYSTEM, "resourceVersion", "name", "namespace"):
        if field in before:
            metadata[field] = before[field]
        else:
            metadata.pop(field, None)


def tidy(obj: Obj) -> None:
    """Drop empty maps and lists from metadata, as the real server's encoding does."""
    metadata = ensure_map(obj, "metadata")
    for field in ("labels", "annotations", "finalizers", "ownerReferences"):
        if field in metadata and not metadata[field]:
            del metadata[field]


def check_metadata(obj: Obj, old: Obj | None, resource: Resource) -> list[Obj]:
    """Return the causes of refusing the metadata of an object."""
    metadata = map_at(obj, "metadata")
    causes = _name_causes(metadata, resource) if old is None else []
    causes += _label_causes(metadata) + _annotation_causes(metadata)
    causes += _owner_causes(metadata) + _finalizer_causes(metadata, old)
    return causes


def _invalid(field: str, value: object, why: str) -> Obj:
    return cause("FieldValueInvalid", field, f'Invalid value: "{value}": {why}')


def _name_causes(metadata: Obj, resource: Resource) -> list[Obj]:
    name = text_at(metadata, "name")
    if not name:
        message = "Required value: name or generateName is required"
        return [cause("FieldValueRequired", "metadata.name", message)]
    if resource.group == "rbac.authorization.k8s.io":
        wrong = name in {".", ".."} or "/" in name or "%" in name
        why = "may not be '.' or '..', nor contain '/' or '%'"
    elif resource.kind in {"Namespace", "Service"} and not resource.group:
        wrong = not _LABEL.match(name)
        why = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-'"
    else:
        wrong = not _SUBDOMAIN.match(name)
        why = (
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, "
            "'-' or '.', and must start and end with an alphanumeric character"
        )
    return [_invalid("metadata.name", name, why)] if wrong else []


def _is_qualified(key: str) -> bool:
    prefix, slash, name = key.rpartition("/")
    return bool(_QUALIFIED.match(name)) and (not slash or bool(_SUBDOMAIN.match(prefix.lower())))


def _label_causes(metadata: Obj) -> list[Obj]:
    causes: list[Obj] = []
    for key, value in map_at(metadata, "labels").items():
        if not _is_qualified(key):
            causes.append(_invalid("metadata.labels", key, "is not a qualified name"))
        if not _VALUE.match(str(value)):
            why = "a valid label must be 63 characters or less of letters, digits, '-', '_' or '.'"
            causes.append(_invalid("metadata.labels", value, why))
    return causes


def _annotation_causes(metadata: Obj) -> list[Obj]:
    annotations = map_at(metadata, "annotations")
    causes = [
        _invalid("metadata.annotations", key, "is not a qualified name")
        for key in annotations
        if not _is_qualified(key)
    ]
    size = sum(len(key) + len(str(value)) for key, value in annotations.items())
    if size > _MAX_ANNOTATIONS:
        message = f"Too long: may not be more than {_MAX_ANNOTATIONS} bytes"
        causes.append(cause("FieldValueTooLong", "metadata.annotations", message))
    return causes


def _owner_causes(metadata: Obj) -> list[Obj]:
    causes: list[Obj] = []
    owners = maps_at(metadata, "ownerReferences")
    for at, owner in enumerate(owners):
        for field in ("apiVersion", "kind", "name", "uid"):
            if not owner.get(field):
                where = f"metadata.ownerReferences[{at}].{field}"
                causes.append(_invalid(where, "", "must not be empty"))
    if sum(owner.get("controller") is True for owner in owners) > 1:
        why = "Only one reference can have Controller set to true"
        causes.append(_invalid("metadata.ownerReferences", "", why))
    return causes


def _finalizer_causes(metadata: Obj, old: Obj | None) -> list[Obj]:
    finalizers = [str(item) for item in list_at(metadata, "finalizers")]
    causes = [
        _invalid("metadata.finalizers", item, "is not a qualified name")
        for item in finalizers
        if not _is_qualified(item)
    ]
    before = list_at(old, "metadata", "finalizers")
    if "deletionTimestamp" in metadata:
        added = [item for item in finalizers if item not in before]
        if added:
            message = (
                "Forbidden: no new finalizers can be added if the object is being deleted, "
                f"found new finalizers {', '.join(added)}"
            )
            causes.append(cause("FieldValueForbidden", "metadata.finalizers", message))
    return causes
