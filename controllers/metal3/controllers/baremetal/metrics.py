"""Counters and histograms under the names the Go operator's dashboards read.

Series that name a host go when the host does. Ours are ``metal3_hosts``, hosts per state, and
``metal3_orphaned_nodes``.
"""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from metal3.runtime.metrics import REGISTRY, Tally
from metal3.runtime.types import NamespacedName

_HOST: Final = ("namespace", "host")
_LONG: Final = (30, 90, 180, 360, 720, 1440)


def _counter(name: str, text: str, labels: tuple[str, ...] = ()) -> Counter:
    return Counter(name, text, labels, registry=REGISTRY)


def _histogram(name: str, text: str) -> Histogram:
    return Histogram(name, text, _HOST, buckets=_LONG, registry=REGISTRY)


RECONCILES: Final = _counter("metal3_reconcile_total", "Looks at a host", _HOST)
RECONCILE_ERRORS: Final = _counter("metal3_reconcile_error_total", "Looks that ended in an error")
HOST_ERRORS: Final = _counter("metal3_host_error_total", "Failures recorded", ("error_type",))
POWER_CHANGES: Final = _counter(
    "metal3_operation_power_change_total", "Power changes asked for", (*_HOST, "on_off")
)
DELAYED_PROVISIONING: Final = _counter(
    "metal3_delayed__provisioning_total", "Waits for a slot before inspection or deployment", _HOST
)
DELAYED_DEPROVISIONING: Final = _counter(
    "metal3_delayed__deprovisioning_total", "Waits for a slot before cleaning", _HOST
)
REGISTER_DURATION: Final = Histogram(
    "metal3_operation_register_duration_seconds", "Time to register", _HOST, registry=REGISTRY
)
INSPECT_DURATION: Final = _histogram("metal3_operation_inspect_duration_seconds", "Time to inspect")
PROVISION_DURATION: Final = _histogram(
    "metal3_operation_provision_duration_seconds", "Time to provision"
)
DEPROVISION_DURATION: Final = _histogram(
    "metal3_operation_deprovision_duration_seconds", "Time to deprovision"
)
STATE_CHANGES: Final = _counter(
    "metal3_provisioning_state_change_total", "Moves between states", ("prev_state", "new_state")
)
CREDENTIALS_MISSING: Final = _counter("metal3_credentials_missing_total", "Secrets not found")
CREDENTIALS_INVALID: Final = _counter("metal3_credentials_invalid_total", "Secrets without a login")
CREDENTIALS_UNHANDLED: Final = _counter(
    "metal3_credentials_unhandled_error_total", "Secrets that could not be read"
)
CREDENTIALS_UPDATED: Final = _counter("metal3_credentials_updated_total", "Logins that changed")
NO_MANAGEMENT_ACCESS: Final = _counter(
    "metal3_credentials_no_management_access_total", "Registrations that could not be tried"
)
CONFIG_DATA_ERRORS: Final = _counter(
    "metal3_host_config_data_error_total", "Data for an instance not found", ("host_data_type",)
)
REGISTRATION_REQUIRED: Final = _counter(
    "metal3_host_registration_required_total", "Hosts the backend had forgotten"
)
UNMANAGED: Final = _counter("metal3_host_unmanaged_total", "Looks at hosts without BMC details")
DELETE_WITHOUT_DEPROVISIONING: Final = _counter(
    "metal3_delete_without_deprovisioning_total", "Deletions that gave up cleaning"
)
DELETE_WITHOUT_POWERING_OFF: Final = _counter(
    "metal3_delete_without_powering_off_total", "Deletions that gave up powering off"
)
DELETE_DELAYED_FOR_DETACHED: Final = _counter(
    "metal3_delete_delayed_for_detached_total", "Deletions put off because the host is detached"
)
PROVISIONER_NOT_READY: Final = _counter(
    "metal3_provisioner_not_ready_total", "Looks in vain because the backend was not ready"
)
WAITING_FOR_PREPROVISIONING_IMAGE: Final = _counter(
    "metal3_waiting_for_preprov_image_total", "Waits for an image to boot the agent"
)
ORPHANED_NODES: Final = Gauge(
    "metal3_orphaned_nodes",
    "Nodes in the backend that no BareMetalHost owns",
    registry=REGISTRY,
)
HOSTS: Final = Gauge("metal3_hosts", "Hosts by state", ("state",), registry=REGISTRY)

DURATIONS: Final = {
    "registering": REGISTER_DURATION,
    "inspecting": INSPECT_DURATION,
    "provisioning": PROVISION_DURATION,
    "deprovisioning": DEPROVISION_DURATION,
}
_PER_HOST: Final = (
    RECONCILES,
    POWER_CHANGES,
    DELAYED_PROVISIONING,
    DELAYED_DEPROVISIONING,
    *DURATIONS.values(),
)


class StateGauge:
    """Keeps ``metal3_hosts`` in step with the states that were seen last."""

    def __init__(self) -> None:
        self._tally = Tally(HOSTS)

    def __contains__(self, key: NamespacedName) -> bool:
        """Whether the host was seen, and is not known to be gone."""
        return key in self._tally

    def see(self, key: NamespacedName, state: str) -> None:
        """The host is in this state now."""
        self._tally.see(key, state)

    def forget(self, key: NamespacedName) -> None:
        """The host is gone, and its series with it."""
        self._tally.forget(key)
        for metric in _PER_HOST:
            metric.remove_by_labels({"namespace": key.namespace, "host": key.name})
