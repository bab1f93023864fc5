"""What users ask of a host by annotation.

Each function reads; none raises on a value that makes no sense, because annotations are not checked
by the API server. The meaning of the keys is that of the Go operator, so that both can be told the
same things.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, cast

from .baremetalhost_types import (
    DETACHED_ANNOTATION,
    INSPECT_ANNOTATION,
    INSPECT_DISABLED,
    PAUSED_ANNOTATION,
    REBOOT_ANNOTATION,
    InspectionMode,
    OperationalStatus,
)
from .zz_generated_baremetalhost import BareMetalHost


class RebootMode(StrEnum):
    """Ask the system to stop, or cut its power."""

    SOFT = "soft"
    HARD = "hard"


class DeleteAction(StrEnum):
    """What to do with a detached host that is to be deleted."""

    DELAY = "delay"
    DELETE = "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class DetachedAnnotation:
    """Value of the detached annotation; what it does not say is at its default."""

    delete_action: DeleteAction = DeleteAction.DELETE
    force: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RebootRequest:
    """One reboot annotation. ``valid`` is False when its value could not be understood."""

    key: str
    mode: RebootMode = RebootMode.SOFT
    force: bool = False
    valid: bool = True

    @property
    def holds_off(self) -> bool:
        """True when the host stays off until the client takes the annotation away."""
        return self.key != REBOOT_ANNOTATION


def is_paused(host: BareMetalHost) -> bool:
    """Whether the operator must leave the host alone, even in its deletion."""
    return PAUSED_ANNOTATION in host.metadata.annotations


def has_detached_annotation(host: BareMetalHost) -> bool:
    """Whether somebody wants the host detached; its state decides when that is done."""
    return DETACHED_ANNOTATION in host.metadata.annotations


def is_detached(host: BareMetalHost) -> bool:
    """Whether the host is detached, or shall be."""
    detached = host.status.operational_status == OperationalStatus.DETACHED
    return detached or has_detached_annotation(host)


def detached_annotation(host: BareMetalHost) -> DetachedAnnotation | None:
    """What the detached annotation says; None without one, the defaults when it is no JSON."""
    text = host.metadata.annotations.get(DETACHED_ANNOTATION)
    if text is None:
        return None
    value = _json_object(text) or {}
    delay = value.get("deleteAction") == DeleteAction.DELAY
    return DetachedAnnotation(
        delete_action=DeleteAction.DELAY if delay else DeleteAction.DELETE,
        force=value.get("force") is True,
    )


def has_inspect_annotation(host: BareMetalHost) -> bool:
    """Whether a new inspection is asked for."""
    value = host.metadata.annotations.get(INSPECT_ANNOTATION)
    return value is not None and value != INSPECT_DISABLED


def inspection_mode(host: BareMetalHost) -> InspectionMode:
    """How to inspect; the deprecated annotation can forbid what the spec leaves open."""
    if host.metadata.annotations.get(INSPECT_ANNOTATION) == INSPECT_DISABLED:
        return InspectionMode.DISABLED
    try:
        return InspectionMode(host.spec.inspection_mode or InspectionMode.AGENT)
    except ValueError:
        return InspectionMode.AGENT


def inspection_is_disabled(host: BareMetalHost) -> bool:
    """Whether the host must not be inspected."""
    return inspection_mode(host) == InspectionMode.DISABLED


def is_reboot_annotation(key: str) -> bool:
    """Whether the key asks for a reboot: the bare one, or one with a client's own suffix."""
    return key == REBOOT_ANNOTATION or key.startswith(REBOOT_ANNOTATION + "/")


def reboot_requests(host: BareMetalHost) -> tuple[RebootRequest, ...]:
    """All reboot annotations, in order of their keys."""
    annotations = sorted(host.metadata.annotations.items())
    return tuple(_reboot(key, text) for key, text in annotations if is_reboot_annotation(key))


def combined_reboot_mode(requests: Iterable[RebootRequest]) -> RebootMode:
    """One hard request makes the reboot hard."""
    hard = any(request.mode == RebootMode.HARD for request in requests)
    return RebootMode.HARD if hard else RebootMode.SOFT


def _reboot(key: str, text: str) -> RebootRequest:
    if not text:
        return RebootRequest(key=key)
    value = _json_object(text)
    mode = (value or {}).get("mode") or RebootMode.SOFT
    # A list, for one, cannot even be looked for in a set.
    if value is None or not isinstance(mode, str) or mode not in set(RebootMode):
        return RebootRequest(key=key, valid=False)
    return RebootRequest(key=key, mode=RebootMode(mode), force=value.get("force") is True)


def _json_object(text: str) -> dict[str, Any] | None:
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    # JSON has no keys but strings.
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None
