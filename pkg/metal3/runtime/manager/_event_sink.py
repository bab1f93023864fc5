"""Writes events with a client; in the core group where events.k8s.io may not be written."""

from metal3.api.core import v1 as corev1
from metal3.api.events_k8s_io import v1 as eventsv1
from metal3.api.meta import v1 as metav1
from metal3.runtime.client import (
    AlreadyExistsError,
    ApiError,
    Client,
    ConnectionFailedError,
    ForbiddenError,
    InternalServerError,
    NotFoundError,
    Patch,
    PatchType,
    ServerTimeoutError,
    ServiceUnavailableError,
    TooManyRequestsError,
)
from metal3.runtime.leaderelection import LeadershipLostError
from metal3.runtime.recorder import SinkGoneError, SinkRefusedError, SinkUnavailableError

_PASSING = (
    ConnectionFailedError,
    InternalServerError,
    ServerTimeoutError,
    ServiceUnavailableError,
    TooManyRequestsError,
)


class ClientSink:
    """An EventSink. A first refusal by RBAC makes it change to the core group, and stay there.

    A namespace that is being deleted refuses, too; then the core group refuses as well, and the
    sink stays with events.k8s.io.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._core_only = False

    async def create(self, event: eventsv1.Event) -> None:
        """Store a new event."""
        try:
            if not self._core_only:
                try:
                    await self._client.create(event)
                except ForbiddenError:
                    await self._client.create(_core(event))
                    self._core_only = True
                return
            await self._client.create(_core(event))
        except AlreadyExistsError:
            return  # an attempt before this one had an effect after all
        except (ApiError, LeadershipLostError) as error:
            raise _sink_error(error) from error

    async def update_series(self, event: eventsv1.Event) -> None:
        """Store how often it happened by now."""
        try:
            if self._core_only:
                await self._client.patch(_core(event), _core_patch(event))
            else:
                await self._client.patch(event, _patch(event))
        except NotFoundError as error:
            raise SinkGoneError(str(error)) from error
        except (ApiError, LeadershipLostError) as error:
            raise _sink_error(error) from error


def _sink_error(error: Exception) -> Exception:
    if isinstance(error, _PASSING):
        return SinkUnavailableError(str(error))
    return SinkRefusedError(str(error))


def _patch(event: eventsv1.Event) -> Patch:
    series = event.series.to_dict() if event.series else None
    return Patch(PatchType.MERGE, {"series": series})


def _core(event: eventsv1.Event) -> corev1.Event:
    out = corev1.Event.named(event.metadata.name, event.metadata.namespace)
    out.involved_object = event.regarding
    out.related = event.related
    out.reason, out.message, out.type = event.reason, event.note, event.type
    out.action = event.action
    out.source = corev1.EventSource(component=event.reporting_controller)
    out.reporting_component = event.reporting_controller
    out.reporting_instance = event.reporting_instance
    out.event_time = event.event_time
    out.count = event.series.count if event.series else 1
    out.first_timestamp = _seconds(event.event_time)
    out.last_timestamp = _seconds(event.series.last_observed_time if event.series else None)
    out.last_timestamp = out.last_timestamp or out.first_timestamp
    return out


def _core_patch(event: eventsv1.Event) -> Patch:
    core = _core(event)
    return Patch(PatchType.MERGE, {"count": core.count, "lastTimestamp": core.last_timestamp})


def _seconds(moment: metav1.MicroTime | None) -> metav1.Time | None:
    return metav1.format_time(metav1.parse_time(moment)) if moment else None
