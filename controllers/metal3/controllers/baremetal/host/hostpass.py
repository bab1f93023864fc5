"""One look at one host: what was read, what is decided, what is to be told."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from metal3.api.core import v1 as corev1
from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.bmc import Credentials
from metal3.controllers.baremetal.metrics import DURATIONS, HOST_ERRORS
from metal3.provisioner import Provisioner
from metal3.runtime.types import NamespacedName, key_of

from .actions import Failed
from .environment import Environment
from .writer import HostWriter

MAX_MESSAGE: Final = 2048
ERROR_EVENTS: Final = {
    metal3api.ErrorType.PROVISIONED_REGISTRATION_ERROR: "ProvisionedRegistrationError",
    metal3api.ErrorType.REGISTRATION_ERROR: "RegistrationError",
    metal3api.ErrorType.INSPECTION_ERROR: "InspectionError",
    metal3api.ErrorType.PREPARATION_ERROR: "PreparationError",
    metal3api.ErrorType.PROVISIONING_ERROR: "ProvisioningError",
    metal3api.ErrorType.POWER_MANAGEMENT_ERROR: "PowerManagementError",
    metal3api.ErrorType.SERVICING_ERROR: "ServicingError",
    metal3api.ErrorType.DETACH_ERROR: "DetachError",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """The BMC's login and the Secret it came from; None while nobody could be asked for it."""

    credentials: Credentials = field(default_factory=Credentials)
    secret: corev1.Secret | None = None

    @property
    def is_usable(self) -> bool:
        """Whether the host can be managed with it."""
        return self.secret is not None


@dataclass(frozen=True, slots=True)
class PendingEvent:
    """An event that is sent once the status it speaks of is saved."""

    reason: str
    message: str
    is_warning: bool = False


@dataclass(slots=True, kw_only=True)
class HostPass:
    """The host in hand. Steps change ``host.status`` freely; it is written once, on the way out."""

    env: Environment
    host: metal3api.BareMetalHost
    writer: HostWriter
    access: Provisioner | None = None
    login: Login = field(default_factory=Login)
    why: str = ""
    """What the host waits for, in words for the user."""
    events: list[PendingEvent] = field(default_factory=list[PendingEvent])
    along: list[Callable[[], object]] = field(default_factory=list[Callable[[], object]])
    """Changes of the status that are worth no write of their own: they wait for the next."""
    after_save: list[Callable[[], object]] = field(default_factory=list[Callable[[], object]])

    @property
    def key(self) -> NamespacedName:
        """Namespace and name of the host."""
        return key_of(self.host)

    @property
    def now(self) -> datetime:
        """The time of day."""
        return self.env.clock()

    @property
    def status(self) -> metal3api.BareMetalHostStatus:
        """The status in the making."""
        return self.host.status

    @property
    def state(self) -> str:
        """The state the host is in."""
        return self.host.status.provisioning.state

    @property
    def error_type(self) -> str:
        """What kind of failure is recorded; empty when none is."""
        return self.host.status.error_type or ""

    @property
    def is_deleting(self) -> bool:
        """Whether somebody asked for the host's deletion."""
        return self.host.metadata.deletion_timestamp is not None

    @property
    def provisioner(self) -> Provisioner:
        """The backend's side of the host."""
        if self.access is None:
            raise RuntimeError(f"state {self.state!r} has no access to the backend")
        return self.access

    @property
    def resync(self) -> timedelta:
        """When to look again at a host at rest."""
        return self.env.options.resync

    def publish(self, reason: str, message: str) -> None:
        """Tell that something happened."""
        self.events.append(PendingEvent(reason, message))

    def warn(self, reason: str, message: str) -> None:
        """Tell that something is wrong."""
        self.events.append(PendingEvent(reason, message, is_warning=True))

    def fail(self, error_type: metal3api.ErrorType, message: str) -> Failed:
        """Record a failure: the host is tried again when its backoff is over."""
        self.note_error(error_type, message)
        self.status.error_count += 1
        self.warn(ERROR_EVENTS[error_type], self.status.error_message)
        counter = HOST_ERRORS.labels(error_type=ERROR_EVENTS[error_type])
        self.after_save.append(counter.inc)
        return Failed()

    def note_error(self, error_type: metal3api.ErrorType, message: str) -> None:
        """Show an error without counting a failure."""
        self.status.operational_status = metal3api.OperationalStatus.ERROR
        self.status.error_type = error_type
        self.status.error_message = message[:MAX_MESSAGE]

    def clear_error(self) -> None:
        """Everything is fine again; the count stays until a state is done."""
        self.status.operational_status = metal3api.OperationalStatus.OK
        self.status.error_type = None
        self.status.error_message = ""
        self.env.retries.release(self.key)

    def begin(self, state: str) -> None:
        """Note when an operation started."""
        metric = self._history(state)
        if metric is not None:
            metric.start, metric.end = metav1.format_time(self.now), None

    def end(self, state: str) -> None:
        """Note when an operation ended, once."""
        metric = self._history(state)
        if metric is not None and metric.start and not metric.end:
            metric.end = metav1.format_time(self.now)

    def duration(self, state: str) -> timedelta | None:
        """How long the last operation of this kind took."""
        metric = self._history(state)
        if metric is None or not metric.start or not metric.end:
            return None
        return metav1.parse_time(metric.end) - metav1.parse_time(metric.start)

    def _history(self, state: str) -> metal3api.OperationMetric | None:
        if state not in DURATIONS:
            return None
        if self.status.operation_history is None:
            self.status.operation_history = metal3api.OperationHistory()
        return metal3api.operation_metric(self.status.operation_history, state)
