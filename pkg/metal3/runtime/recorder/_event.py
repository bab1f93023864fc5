"""From what was said to an Event the server takes."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple

from metal3.api.core import v1 as corev1
from metal3.api.events_k8s_io import v1 as eventsv1
from metal3.api.meta import v1 as metav1
from metal3.runtime.log import scrub

# Limits the API server checks (validation of events.k8s.io/v1).
_MAX_NOTE: Final = 1024
_MAX_WORD: Final = 128
_MAX_NAME: Final = 253


class EventType(StrEnum):
    """How grave it is."""

    NORMAL = "Normal"
    WARNING = "Warning"


class SeriesKey(NamedTuple):
    """What makes two events the same thing happening again."""

    component: str
    type: EventType
    reason: str
    action: str
    note: str
    regarding: tuple[str, str, str, str]
    related: tuple[str, str, str, str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """One thing that was said."""

    component: str
    type: EventType
    reason: str
    action: str
    note: str
    regarding: corev1.ObjectReference
    related: corev1.ObjectReference | None

    @classmethod
    def of(
        cls,
        component: str,
        kind: EventType,
        obj: metav1.Object,
        reason: str,
        message: str,
        *,
        related: metav1.Object | None,
        action: str,
    ) -> "Occurrence":
        """Cut to what the server takes, and without secrets."""
        return cls(
            component=component,
            type=kind,
            reason=reason[:_MAX_WORD],
            action=(action or reason)[:_MAX_WORD],
            note=_cut(scrub(message), _MAX_NOTE),
            regarding=reference_to(obj),
            related=None if related is None else reference_to(related),
        )

    @property
    def key(self) -> SeriesKey:
        """Equal for repetitions."""
        return SeriesKey(
            self.component,
            self.type,
            self.reason,
            self.action,
            self.note,
            _identity(self.regarding),
            None if self.related is None else _identity(self.related),
        )

    @property
    def object_key(self) -> tuple[str, tuple[str, str, str, str]]:
        """Equal for all that one component says of one object."""
        return self.component, _identity(self.regarding)

    def event(self, instance: str, first: datetime, suffix: str) -> eventsv1.Event:
        """Its Event, equal for equal arguments; cluster-scoped objects have theirs in ``default``."""
        suffix = f".{suffix}"
        event = eventsv1.Event.named(
            self.regarding.name[: _MAX_NAME - len(suffix)] + suffix,
            self.regarding.namespace or "default",
        )
        event.event_time = metav1.format_micro_time(first)
        event.reporting_controller = self.component
        event.reporting_instance = instance[:_MAX_WORD]
        event.action, event.reason = self.action, self.reason
        event.regarding, event.related = self.regarding, self.related
        event.note, event.type = self.note, self.type.value
        return event


def unique_suffix() -> str:
    """16 hexadecimal digits, as client-go's names end."""
    return uuid.uuid4().hex[:16]


def reference_to(obj: metav1.Object) -> corev1.ObjectReference:
    """A reference that tells incarnations apart."""
    metadata = obj.metadata
    return corev1.ObjectReference(
        api_version=obj.api_version,
        kind=obj.kind,
        namespace=metadata.namespace,
        name=metadata.name,
        uid=metadata.uid,
        resource_version=metadata.resource_version,
    )


def _identity(ref: corev1.ObjectReference) -> tuple[str, str, str, str]:
    return ref.kind, ref.namespace, ref.name, ref.uid


def _cut(text: str, limit: int) -> str:
    encoded = text.encode()
    if len(encoded) <= limit:
        return text
    return encoded[: limit - 3].decode(errors="ignore") + "..."
