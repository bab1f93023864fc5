"""The one registry of the process."""

from typing import Final

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST

REGISTRY: Final = CollectorRegistry()
"""Apart from prometheus_client's default, where libraries put what nobody asked for."""

ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)
GCCollector(registry=REGISTRY)


def render() -> bytes:
    """Everything, in the text format of Prometheus (:data:`CONTENT_TYPE`)."""
    return generate_latest(REGISTRY)
