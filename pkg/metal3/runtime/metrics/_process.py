"""What clients, webhooks, certificate watchers and electors count."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from ._registry import REGISTRY

_REQUESTS: Final = Counter(
    "rest_client_requests_total",
    "Requests to the API server, by code, method and host.",
    ("code", "method", "host"),
    registry=REGISTRY,
)
_REQUEST_TIME: Final = Histogram(
    "rest_client_request_duration_seconds",
    "Time of one request to the API server.",
    ("verb", "host"),
    buckets=(0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0),
    registry=REGISTRY,
)
_WEBHOOKS: Final = Counter(
    "controller_runtime_webhook_requests_total",
    "Admission and conversion requests, by path and code.",
    ("webhook", "code"),
    registry=REGISTRY,
)
_WEBHOOK_TIME: Final = Histogram(
    "controller_runtime_webhook_latency_seconds",
    "Time of one admission or conversion request.",
    ("webhook",),
    registry=REGISTRY,
)
_WEBHOOKS_IN_FLIGHT: Final = Gauge(
    "controller_runtime_webhook_requests_in_flight",
    "Admission and conversion requests being answered.",
    ("webhook",),
    registry=REGISTRY,
)
CERT_READS: Final = Counter(
    "certwatcher_read_certificate_total", "Attempts to read a certificate.", registry=REGISTRY
)
CERT_READ_ERRORS: Final = Counter(
    "certwatcher_read_certificate_errors_total",
    "Certificates that could not be used; the one before stays.",
    registry=REGISTRY,
)
LEADER: Final = Gauge(
    "leader_election_master_status",
    "1 while this process leads, by name of the lease.",
    ("name",),
    registry=REGISTRY,
)


def observe_rest_request(*, code: str, method: str, host: str, seconds: float) -> None:
    """One answer of an API server; ``code`` is ``<error>`` when none came."""
    _REQUESTS.labels(code, method, host).inc()
    _REQUEST_TIME.labels(method, host).observe(seconds)


def observe_webhook(path: str, code: int, seconds: float) -> None:
    """One answer of the webhook server."""
    _WEBHOOKS.labels(path, str(code)).inc()
    _WEBHOOK_TIME.labels(path).observe(seconds)


@contextmanager
def webhook_in_flight(path: str) -> Generator[None]:
    """Count a webhook request for as long as it is answered."""
    gauge = _WEBHOOKS_IN_FLIGHT.labels(path)
    gauge.inc()
    try:
        yield
    finally:
        gauge.dec()
