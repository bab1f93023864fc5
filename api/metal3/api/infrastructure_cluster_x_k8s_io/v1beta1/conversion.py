"""Between v1beta1 and the hub, v1beta2: plain JSON to plain JSON, one pair of functions a kind.

``lift_*`` goes to the hub, ``lower_*`` comes from it. Each changes its argument and may drop what has
no field on the other side; ``preserving`` keeps that.
"""

import re
from typing import Any, Final, cast

from metal3.api.infrastructure_cluster_x_k8s_io.parts import (
    Json,
    drop,
    drop_empty,
    items,
    part,
    rename,
)
from metal3.api.infrastructure_cluster_x_k8s_io.preserving import Conversion

from .datatemplate_conversion import lift_data_template, lower_data_template

LEAST_TIMEOUT: Final = 100  # seconds; the schema of the hub
LONGEST_MESSAGE: Final = 512
LONGEST_FAILURE: Final = 1024
_DURATION: Final = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(h|ms|m|us|\u00b5s|ns|s)")
_SECONDS: Final = {"h": 3600, "m": 60, "s": 1, "ms": 1e-3, "us": 1e-6, "\u00b5s": 1e-6, "ns": 1e-9}


# Failure domains: a list by name in the hub, a map before


def _domains_to_list(holder: Json | None) -> None:
    domains = (holder or {}).get("failureDomains")
    if holder is None or not isinstance(domains, dict):
        return
    found = cast("Json", domains)
    holder["failureDomains"] = [
        {"name": name, **(cast("Json", found[name]) if isinstance(found[name], dict) else {})}
        for name in sorted(found)
    ]
    drop_empty(holder, "failureDomains")


def _domains_to_map(holder: Json | None) -> None:
    domains = (holder or {}).get("failureDomains")
    if holder is None or not isinstance(domains, list):
        return
    listed: list[Any] = domains
    found = [cast("Json", d) for d in listed if isinstance(d, dict)]
    holder["failureDomains"] = {
        str(d.get("name") or ""): {k: v for k, v in d.items() if k != "name"} for d in found
    }


# Cluster


def lift_cluster_spec(spec: Json | None) -> None:
    """In place."""
    if spec is None:
        return
    without = spec.pop("noCloudProvider", None)
    if isinstance(without, bool) and "cloudProviderEnabled" not in spec:
        spec["cloudProviderEnabled"] = not without
    _domains_to_list(spec)
    endpoint = part(spec, "controlPlaneEndpoint")
    drop_empty(endpoint, "host")
    if endpoint is not None and endpoint.get("port") == 0:
        del endpoint["port"]
    drop_empty(spec, "controlPlaneEndpoint")


def lower_cluster_spec(spec: Json | None) -> None:
    """In place."""
    if spec is None:
        return
    enabled = spec.get("cloudProviderEnabled")
    if isinstance(enabled, bool):
        spec["noCloudProvider"] = not enabled
    _domains_to_map(spec)
    endpoint = part(spec, "controlPlaneEndpoint")
    if endpoint is not None:
        endpoint.setdefault("host", "")
        endpoint.setdefault("port", 0)


def lift_status(status: Json | None) -> None:
    """Of clusters and machines, in place."""
    if status is None:
        return
    old: Json = {}
    for key in ("conditions", "failureReason", "failureMessage"):
        if key in status:
            old[key] = status.pop(key)
    drop_empty(old, "failureMessage")
    message = old.get("failureMessage")
    if isinstance(message, str):
        old["failureMessage"] = message[:LONGEST_FAILURE]
    if old:
        status["deprecated"] = {"v1beta1": old}
    new = status.pop("v1beta2", None)
    if isinstance(new, dict) and "conditions" in new:
        status["conditions"] = cast("Json", new)["conditions"]
    if "ready" in status:
        status["initialization"] = {"provisioned": status.pop("ready")}
    drop(status, "phase")
    _domains_to_list(status)


def lower_status(status: Json | None) -> None:
    """Of clusters and machines, in place."""
    if status is None:
        return
    new = status.pop("conditions", None)
    old = part(status, "deprecated", "v1beta1") or {}
    drop(status, "deprecated")
    for key in ("conditions", "failureReason", "failureMessage"):
        if key in old:
            status[key] = old[key]
    if new is not None:
        status["v1beta2"] = {"conditions": new}
    provisioned = (part(status, "initialization") or {}).get("provisioned")
    drop(status, "initialization")
    if isinstance(provisioned, bool):
        status["ready"] = provisioned
    _domains_to_map(status)


def lift_cluster(obj: Json) -> Json:
    """Metal3Cluster."""
    lift_cluster_spec(part(obj, "spec"))
    lift_status(part(obj, "status"))
    return obj


def lower_cluster(obj: Json) -> Json:
    """Metal3Cluster."""
    lower_cluster_spec(part(obj, "spec"))
    lower_status(part(obj, "status"))
    return obj


def lift_cluster_template(obj: Json) -> Json:
    """Metal3ClusterTemplate."""
    lift_cluster_spec(part(obj, "spec", "template", "spec"))
    return obj


def lower_cluster_template(obj: Json) -> Json:
    """Metal3ClusterTemplate."""
    drop(part(obj, "spec", "template"), "metadata")
    lower_cluster_spec(part(obj, "spec", "template", "spec"))
    return obj


# Machine


def lift_reference(holder: Json | None, key: str) -> None:
    """A full reference becomes name and namespace."""
    reference = part(holder or {}, key)
    if holder is None or reference is None:
        return
    holder[key] = {k: v for k, v in reference.items() if k in {"name", "namespace"} and v}
    if not holder[key]:
        del holder[key]


def lift_machine_spec(spec: Json | None) -> None:
    """In place."""
    if spec is None:
        return
    image = part(spec, "image")
    rename(image, "format", "diskFormat")
    drop_empty(image, "checksumType", "diskFormat")
    if image is not None and not image.get("url"):
        del spec["image"]
    if not (part(spec, "customDeploy") or {}).get("method"):
        drop(spec, "customDeploy")
    selector = part(spec, "hostSelector")
    for rule in items(selector, "matchExpressions"):
        drop_empty(rule, "values")
    drop_empty(selector, "matchExpressions")
    drop_empty(spec, "providerID", "failureDomain", "automatedCleaningMode", "hostSelector")
    lift_reference(spec, "dataTemplate")


def lower_machine_spec(spec: Json | None) -> None:
    """In place."""
    rename(part(spec or {}, "image"), "diskFormat", "format")
    drop(spec, "failureDomainPolicy")
    for rule in items(spec, "hostSelector", "matchExpressions"):
        rule.setdefault("values", [])


def lift_machine(obj: Json) -> Json:
    """Metal3Machine."""
    lift_machine_spec(part(obj, "spec"))
    status = part(obj, "status")
    lift_status(status)
    lift_reference(status, "renderedData")
    return obj


def lower_machine(obj: Json) -> Json:
    """Metal3Machine."""
    lower_machine_spec(part(obj, "spec"))
    lower_status(part(obj, "status"))
    return obj


def lift_machine_template(obj: Json) -> Json:
    """Metal3MachineTemplate."""
    lift_machine_spec(part(obj, "spec", "template", "spec"))
    return obj


def lower_machine_template(obj: Json) -> Json:
    """Metal3MachineTemplate."""
    drop(part(obj, "spec", "template"), "metadata")
    lower_machine_spec(part(obj, "spec", "template", "spec"))
    return obj


# Data


def lift_data(obj: Json) -> Json:
    """Metal3Data."""
    spec = part(obj, "spec")
    drop(spec, "templateReference")
    lift_reference(spec, "claim")
    lift_reference(spec, "template")
    _lift_error(part(obj, "status"))
    return obj


def lower_data(obj: Json) -> Json:
    """Metal3Data."""
    spec = part(obj, "spec")
    if spec is not None:
        spec.setdefault("claim", {})
        spec.setdefault("template", {})
    return obj


def lift_data_claim(obj: Json) -> Json:
    """Metal3DataClaim."""
    lift_reference(part(obj, "spec"), "template")
    status = part(obj, "status")
    lift_reference(status, "renderedData")
    _lift_error(status)
    return obj


def lower_data_claim(obj: Json) -> Json:
    """Metal3DataClaim."""
    spec = part(obj, "spec")
    if spec is not None:
        spec.setdefault("template", {})
    return obj


def _lift_error(status: Json | None) -> None:
    drop_empty(status, "errorMessage")
    message = (status or {}).get("errorMessage")
    if status is not None and isinstance(message, str):
        status["errorMessage"] = message[:LONGEST_MESSAGE]


# Remediation


def lift_strategy(strategy: Json | None) -> None:
    """A duration becomes whole seconds, at least what the hub allows."""
    if strategy is None:
        return
    drop_empty(strategy, "type")
    timeout = strategy.pop("timeout", None)
    seconds = parse_duration(timeout) if isinstance(timeout, str) else None
    if seconds is not None:
        strategy["timeoutSeconds"] = max(int(seconds), LEAST_TIMEOUT)


def lower_strategy(strategy: Json | None) -> None:
    """Whole seconds become a duration."""
    if strategy is None:
        return
    seconds = strategy.pop("timeoutSeconds", None)
    if isinstance(seconds, int):
        strategy["timeout"] = format_duration(seconds)


def parse_duration(text: str) -> float | None:
    """Seconds of a duration in Go's notation (1h2m3.5s); None when it is none."""
    sign, rest = (-1, text[1:]) if text.startswith("-") else (1, text.removeprefix("+"))
    found = _DURATION.findall(rest)
    if rest == "0":
        return 0.0
    if not found or "".join(number + unit for number, unit in found) != rest:
        return None
    return sign * sum(float(number) * _SECONDS[unit] for number, unit in found)


def format_duration(seconds: int) -> str:
    """In Go's notation: 600 is ``10m0s``."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes}m{rest}s"
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"


def lift_remediation(obj: Json) -> Json:
    """Metal3Remediation."""
    lift_strategy(part(obj, "spec", "strategy"))
    return obj


def lower_remediation(obj: Json) -> Json:
    """Metal3Remediation."""
    lower_strategy(part(obj, "spec", "strategy"))
    return obj


def lift_remediation_template(obj: Json) -> Json:
    """Metal3RemediationTemplate."""
    lift_strategy(part(obj, "spec", "template", "spec", "strategy"))
    return obj


def lower_remediation_template(obj: Json) -> Json:
    """Metal3RemediationTemplate."""
    lower_strategy(part(obj, "spec", "template", "spec", "strategy"))
    return obj


_VERSION: Final = "v1beta1"


def _conversion(kind: str, lift: Any, lower: Any) -> Conversion:
    return Conversion(kind=kind, version=_VERSION, lift=lift, lower=lower)


CONVERSIONS: Final = (
    _conversion("Metal3Cluster", lift_cluster, lower_cluster),
    _conversion("Metal3ClusterTemplate", lift_cluster_template, lower_cluster_template),
    _conversion("Metal3Machine", lift_machine, lower_machine),
    _conversion("Metal3MachineTemplate", lift_machine_template, lower_machine_template),
    _conversion("Metal3Data", lift_data, lower_data),
    _conversion("Metal3DataClaim", lift_data_claim, lower_data_claim),
    _conversion("Metal3DataTemplate", lift_data_template, lower_data_template),
    _conversion("Metal3Remediation", lift_remediation, lower_remediation),
    _conversion("Metal3RemediationTemplate", lift_remediation_template, lower_remediation_template),
)
"""Every kind of this version."""
