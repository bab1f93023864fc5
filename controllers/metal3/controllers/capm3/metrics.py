"""Figures of the provider's decisions, and of what its machines wait for.

Decisions that can be counted before the first of them is taken start at zero, so that it shows as a
rise.
"""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.runtime.metrics import REGISTRY

_SECONDS: Final = (0.1, 0.5, 1, 5, 30, 120, 600, 3600, 14400)

CLAIMS: Final = Counter(
    "metal3_capm3_host_claims_total", "Hosts claimed", ("reuse",), registry=REGISTRY
)
LOST_CLAIMS: Final = Counter(
    "metal3_capm3_lost_claims_total", "Claims that somebody else won", registry=REGISTRY
)
REJECTIONS: Final = Counter(
    "metal3_capm3_placement_failures_total",
    "Looks for a host that found none, by reasons",
    ("code",),
    registry=REGISTRY,
)
RELEASES: Final = Counter(
    "metal3_capm3_host_releases_total", "Hosts given back", ("reserved",), registry=REGISTRY
)
RESERVATIONS_ENDED: Final = Counter(
    "metal3_capm3_reservations_ended_total",
    "Hosts reserved for node reuse whose owner was gone",
    registry=REGISTRY,
)
REMEDIATIONS: Final = Counter(
    "metal3_capm3_remediations_total", "Steps of remediations", ("phase",), registry=REGISTRY
)
TIME_TO_CLAIM: Final = Histogram(
    "metal3_capm3_time_to_claim_seconds",
    "From the creation of a machine to its host",
    buckets=_SECONDS,
    registry=REGISTRY,
)
MACHINES: Final = Gauge(
    "metal3_capm3_machines",
    "Metal3Machines by the reason why they are not ready (Ready: they are)",
    ("reason",),
    registry=REGISTRY,
)

for _truth in ("true", "false"):
    CLAIMS.labels(reuse=_truth)
    RELEASES.labels(reserved=_truth)
for _phase in filter(None, infrav1.RemediationPhase):
    REMEDIATIONS.labels(phase=str(_phase))
