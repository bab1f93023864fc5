"""What a server lets a write change: metadata it owns, status, generation, finalizers."""

from typing import Any

from metal3.runtime.rest import ConflictError, InvalidError

Json = dict[str, Any]

_OWNED_BY_SERVER = (
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
    "resourceVersion",
)


def check_revision(stored: Json, sent: Json, what: str) -> None:
    """Raises ConflictError when the writer saw an older revision or another incarnation."""
    for name in ("uid", "resourceVersion"):
        wanted = sent.get("metadata", {}).get(name)
        if wanted and wanted != stored["metadata"][name]:
            raise ConflictError(
                f"Operation cannot be fulfilled on {what}: the object has been modified; "
                "please apply your changes to the latest version and try again"
            )


def main_write(stored: Json, sent: Json, *, has_status: bool) -> Json:
    """The object after a write to the main resource, with its generation counted."""
    new = dict(sent)
    new["metadata"] = _kept_metadata(stored, sent)
    if has_status:
        new.pop("status", None)
        if "status" in stored:
            new["status"] = stored["status"]
    if _without(new, has_status=has_status) != _without(stored, has_status=has_status):
        new["metadata"]["generation"] = stored["metadata"].get("generation", 0) + 1
    _check_finalizers(stored, new)
    return new


def status_write(stored: Json, sent: Json) -> Json:
    """The object after a write to its status: everything else stays."""
    new = {key: value for key, value in stored.items() if key != "status"}
    if "status" in sent:
        new["status"] = sent["status"]
    return new


def _kept_metadata(stored: Json, sent: Json) -> Json:
    meta = {k: v for k, v in sent.get("metadata", {}).items() if k not in _OWNED_BY_SERVER}
    old = stored["metadata"]
    meta |= {name: old[name] for name in _OWNED_BY_SERVER if name in old}
    meta["name"] = old["name"]
    if "namespace" in old:
        meta["namespace"] = old["namespace"]
    return meta


def _without(obj: Json, *, has_status: bool) -> Json:
    hidden = {"metadata", "status"} if has_status else {"metadata"}
    return {key: value for key, value in obj.items() if key not in hidden}


def _check_finalizers(stored: Json, new: Json) -> None:
    if "deletionTimestamp" not in stored["metadata"]:
        return
    added = [name for name in _finalizers(new) if name not in _finalizers(stored)]
    if added:
        raise InvalidError(
            f"metadata.finalizers: Forbidden: no new finalizers can be added if the object is "
            f"being deleted, found new finalizers {added}"
        )


def _finalizers(obj: Json) -> list[str]:
    names: list[str] | None = obj["metadata"].get("finalizers")
    return names or []
