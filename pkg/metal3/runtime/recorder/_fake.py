"""The double for tests: keeps what was said."""

from dataclasses import dataclass, field

from metal3.api.meta import v1 as metav1

from ._event import EventType


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedEvent:
    """One thing that was said; ``key`` is ``Kind namespace/name``."""

    type: EventType
    key: str
    reason: str
    message: str
    related: str = ""


@dataclass(frozen=True, slots=True)
class FakeRecorder:
    """An EventRecorder without a server."""

    events: list[RecordedEvent] = field(default_factory=list[RecordedEvent])

    @property
    def reasons(self) -> list[str]:
        """Reasons in the order they were given."""
        return [event.reason for event in self.events]

    def normal(
        self,
        obj: metav1.Object,
        reason: str,
        message: str,
        *,
        related: metav1.Object | None = None,
        action: str = "",
    ) -> None:
        """Keep it."""
        self._keep(EventType.NORMAL, obj, reason, message, related)

    def warning(
        self,
        obj: metav1.Object,
        reason: str,
        message: str,
        *,
        related: metav1.Object | None = None,
        action: str = "",
    ) -> None:
        """Keep it."""
        self._keep(EventType.WARNING, obj, reason, message, related)

    def _keep(
        self,
        kind: EventType,
        obj: metav1.Object,
        reason: str,
        message: str,
        related: metav1.Object | None,
    ) -> None:
        self.events.append(
            RecordedEvent(
                type=kind,
                key=_name(obj),
                reason=reason,
                message=message,
                related=_name(related) if related is not None else "",
            )
        )


def _name(obj: metav1.Object) -> str:
    return f"{obj.kind} {obj.metadata.namespace}/{obj.metadata.name}"
