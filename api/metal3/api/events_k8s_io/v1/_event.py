"""The Event kind of events.k8s.io."""

from typing import Annotated, ClassVar

from pydantic import Field

from metal3.api.core import v1 as corev1
from metal3.api.meta import v1 as metav1


class EventSeries(metav1.Model):
    """How often the same thing was seen, and when last."""

    required_fields = frozenset({"count", "last_observed_time"})
    count: int = 0
    last_observed_time: Annotated[metav1.MicroTime, Field(alias="lastObservedTime")] = ""


class Event(metav1.Object):
    """Something worth telling about an object; the server checks lengths and immutability."""

    gvk: ClassVar = metav1.GroupVersionKind("events.k8s.io", "v1", "Event")
    plural: ClassVar[str] = "events"

    event_time: Annotated[metav1.MicroTime | None, Field(alias="eventTime")] = None
    series: EventSeries | None = None
    reporting_controller: Annotated[str, Field(alias="reportingController")] = ""
    reporting_instance: Annotated[str, Field(alias="reportingInstance")] = ""
    action: str = ""
    reason: str = ""
    regarding: corev1.ObjectReference = Field(default_factory=corev1.ObjectReference)
    related: corev1.ObjectReference | None = None
    note: str = ""
    type: str = ""
