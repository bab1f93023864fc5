"""Rules on annotations: a value that would be ignored is refused while the user looks."""

import json
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.webhook import FieldError, invalid, not_supported

Model = TypeVar("Model", bound=metav1.Model)

STATUSES: Final = tuple(str(status) for status in metal3api.OperationalStatus)
ERROR_TYPES: Final = tuple(str(kind) for kind in metal3api.ErrorType)
REBOOT_MODES: Final = ("hard", "soft", "")


def annotation_errors(host: metal3api.BareMetalHost) -> list[FieldError]:
    """Check each annotation this operator reads."""
    annotations = host.metadata.annotations
    errors: list[FieldError] = []
    for key, text in sorted(annotations.items()):
        if metal3api.is_reboot_annotation(key):
            errors += reboot_errors(key, text)
    if metal3api.STATUS_ANNOTATION in annotations:
        errors += _status_errors(annotations[metal3api.STATUS_ANNOTATION])
    if metal3api.HARDWARE_DETAILS_ANNOTATION in annotations:
        errors += _hardware_errors(host, annotations[metal3api.HARDWARE_DETAILS_ANNOTATION])
    inspect = annotations.get(metal3api.INSPECT_ANNOTATION, "")
    if inspect not in {"", metal3api.INSPECT_DISABLED}:
        allowed = ("", metal3api.INSPECT_DISABLED)
        errors.append(not_supported(_path(metal3api.INSPECT_ANNOTATION), inspect, allowed))
    return errors


def reboot_errors(key: str, text: str) -> list[FieldError]:
    """Empty, or JSON with a known mode."""
    if not text:
        return []
    value = _decoded(text)
    if not isinstance(value, dict):
        return [invalid(_path(key), text, 'must be empty or JSON such as {"mode": "hard"}')]
    mode = value.get("mode", "")
    if mode not in REBOOT_MODES:
        return [not_supported(_path(key), mode, REBOOT_MODES)]
    if not isinstance(value.get("force", False), bool):
        return [invalid(_path(key), text, "force must be true or false")]
    return []


def _status_errors(text: str) -> list[FieldError]:
    path = _path(metal3api.STATUS_ANNOTATION)
    status, errors = _strict(metal3api.BareMetalHostStatus, text, path)
    if status is None:
        return errors
    if status.operational_status not in STATUSES:
        errors.append(
            not_supported(f"{path}.operationalStatus", status.operational_status, STATUSES)
        )
    if status.error_type and status.error_type not in ERROR_TYPES:
        errors.append(not_supported(f"{path}.errorType", status.error_type, ERROR_TYPES))
    return errors


def _hardware_errors(host: metal3api.BareMetalHost, text: str) -> list[FieldError]:
    path = _path(metal3api.HARDWARE_DETAILS_ANNOTATION)
    _, errors = _strict(metal3api.HardwareDetails, text, path)
    if not metal3api.inspection_is_disabled(host):
        why = "only read when inspection is disabled (spec.inspectionMode: disabled)"
        errors.append(invalid(path, "...", why))
    return errors


def _strict(model: type[Model], text: str, path: str) -> tuple[Model | None, list[FieldError]]:
    """Decode, and name the fields that are unknown."""
    value = _decoded(text)
    if not isinstance(value, dict):
        return None, [invalid(path, text, "is no JSON object")]
    try:
        decoded = model.from_dict(value)
    except ValidationError as error:
        where = "; ".join(
            f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}"
            for item in error.errors(include_input=False, include_url=False)
        )
        return None, [invalid(path, "...", where)]
    unknown = sorted(metav1.unknown_fields(decoded))
    if unknown:
        return decoded, [invalid(path, unknown[0], f"unknown fields: {', '.join(unknown)}")]
    return decoded, []


def _decoded(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _path(key: str) -> str:
    return f"metadata.annotations[{key}]"
