"""Events of the core group, for servers where events.k8s.io may not be written."""

from typing import Annotated, ClassVar

from pydantic import Field

from metal3.api.meta import v1 as metav1

from ._objects import ObjectReference


class EventSource(metav1.Model):
    """Who reports."""

    component: str = ""
    host: str = ""


class Event(metav1.Object):
    """Something worth telling about an object."""

    gvk: ClassVar = metav1.GroupVersionKind("", "v1", "Event")
    plural: ClassVar[str] = "events"

    required_fields = metav1.Object.required_fields | {"involved_object"}
    involved_object: Annotated[ObjectReference, Field(alias="involvedObject")] = Field(
        default_factory=ObjectReference
    )
    reason: str = ""
    message: str = ""
    type: str = ""
    count: int = 0
    source: EventSource = Field(default_factory=EventSource)
    first_timestamp: Annotated[metav1.Time | None, Field(alias="firstTimestamp")] = None
    last_timestamp: Annotated[metav1.Time | None, Field(alias="lastTimestamp")] = None
    event_time: Annotated[metav1.MicroTime | None, Field(alias="eventTime")] = None
    action: str = ""
    related: ObjectReference | None = None
    reporting_component: Annotated[str, Field(alias="reportingComponent")] = ""
    reporting_instance: Annotated[str, Field(alias="reportingInstance")] = ""
