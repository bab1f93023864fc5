"""Metal3DataTemplate between v1beta1 and the hub; see :mod:`.conversion`."""

from collections.abc import Iterable
from typing import Any, Final, cast

from metal3.api.infrastructure_cluster_x_k8s_io.parts import (
    Json,
    drop,
    drop_empty,
    items,
    part,
    rename,
)

CLUSTER_NAME_LABEL: Final = "cluster.x-k8s.io/cluster-name"
POOL_GROUP: Final = "ipam.metal3.io"
POOL_KIND: Final = "IPPool"
POOL_LISTS: Final = ("ipAddresses", "prefixes", "gateways", "dnsServers")
LINKS: Final = ("ethernets", "bonds", "vlans")
NETWORKS: Final = ("ipv4", "ipv6", "ipv4DHCP", "ipv6DHCP", "ipv6SLAAC")
METADATA_LISTS: Final = (
    "strings",
    "objectNames",
    "indexes",
    "namespaces",
    "fromHostInterfaces",
    "fromLabels",
    "fromAnnotations",
    *(f"{stem}FromPool" for stem in POOL_LISTS),
)


def lift_data_template(obj: Json) -> Json:
    """Metal3DataTemplate."""
    spec = part(obj, "spec")
    drop(spec, "templateReference")
    drop_empty(spec, "clusterName")
    metadata = part(obj, "spec", "metaData")
    for stem in POOL_LISTS:
        rename(metadata, f"{stem}FromIPPool", f"{stem}FromPool")
        for item in items(metadata, f"{stem}FromPool"):
            _default_pool(item)
    for item in items(metadata, "indexes"):
        item.setdefault("step", 1)
        drop_empty(item, "prefix", "suffix")
        if item.get("offset") == 0:
            del item["offset"]
    for item in items(metadata, "fromHostInterfaces"):
        drop_empty(item, "interface")
    # The hub's schema refuses lists without items.
    drop_empty(metadata, *METADATA_LISTS)
    drop_empty(part(obj, "spec", "networkData", "links"), *LINKS)
    drop_empty(part(obj, "spec", "networkData", "networks"), *NETWORKS)
    for _, link in _links(obj):
        _lift_link(link)
    for network in _networks(obj):
        _lift_network(network)
    services = part(obj, "spec", "networkData", "services")
    drop_empty(services, "dns", "dnsFromIPPool")
    _indexes_to_list(part(obj, "status"))
    return obj


def lower_data_template(obj: Json) -> Json:
    """Metal3DataTemplate. A cluster name must be there in v1beta1, read by nobody."""
    spec = part(obj, "spec")
    if spec is not None and not spec.get("clusterName"):
        labels = part(obj, "metadata", "labels") or {}
        spec["clusterName"] = labels.get(CLUSTER_NAME_LABEL) or "none"
    metadata = part(obj, "spec", "metaData")
    for stem in POOL_LISTS:
        for item in items(metadata, f"{stem}FromPool"):
            _default_pool(item)
        rename(metadata, f"{stem}FromPool", f"{stem}FromIPPool")
    for _, link in _links(obj):
        _lower_link(link)
    for network in items(part(obj, "spec", "networkData", "networks"), "ipv6"):
        network.setdefault("ipAddressFromIPPool", "")
    for network in _networks(obj):
        _lower_pool_reference(network)
        for route in items(network, "routes"):
            _lower_pool_reference(part(route, "gateway"))
    _indexes_to_map(part(obj, "status"))
    return obj


def _default_pool(item: Json) -> None:
    item["apiGroup"] = item.get("apiGroup") or POOL_GROUP
    item["kind"] = item.get("kind") or POOL_KIND


def _links(obj: Json) -> Iterable[tuple[str, Json]]:
    links = part(obj, "spec", "networkData", "links")
    return [(kind, link) for kind in LINKS for link in items(links, kind)]


def _networks(obj: Json) -> Iterable[Json]:
    networks = part(obj, "spec", "networkData", "networks")
    return [network for kind in NETWORKS for network in items(networks, kind)]


def _lift_link(link: Json) -> None:
    drop_empty(link, "bondXmitHashPolicy", "name")
    drop_empty(part(link, "macAddress"), "string", "fromHostInterface")
    drop_empty(link, "macAddress")
    parameters = link.get("parameters")
    if isinstance(parameters, dict):
        found = cast("Json", parameters)
        link["parameters"] = [{"name": name, "value": found[name]} for name in sorted(found)]


def _lower_link(link: Json) -> None:
    link.setdefault("macAddress", {})
    parameters = link.get("parameters")
    if isinstance(parameters, list):
        found = items(link, "parameters")
        link["parameters"] = {str(item.get("name") or ""): item.get("value") for item in found}


def _lift_network(network: Json) -> None:
    drop_empty(network, "ipAddressFromIPPool", "routes")
    _lift_pool_reference(network)
    for route in items(network, "routes"):
        gateway = part(route, "gateway")
        drop_empty(gateway, "string", "fromIPPool")
        _lift_pool_reference(gateway)
        drop_empty(part(route, "services"), "dns", "dnsFromIPPool")


def _lift_pool_reference(holder: Json | None) -> None:
    reference = part(holder or {}, "fromPoolRef")
    if reference is None:
        return
    if reference.get("name"):
        _default_pool(reference)
    else:
        drop(holder, "fromPoolRef")


def _lower_pool_reference(holder: Json | None) -> None:
    reference = part(holder or {}, "fromPoolRef")
    if reference is not None:
        _default_pool(reference)  # the kind has to be there


def _indexes_to_list(status: Json | None) -> None:
    indexes = (status or {}).get("indexes")
    if status is None or not isinstance(indexes, dict):
        return
    pairs = sorted(cast("dict[str, Any]", indexes).items(), key=lambda p: (str(p[1]), p[0]))
    status["indexes"] = [
        {"name": name, "index": index} for name, index in sorted(pairs, key=lambda p: _number(p[1]))
    ]


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _indexes_to_map(status: Json | None) -> None:
    if status is None or not isinstance(status.get("indexes"), list):
        return
    # Never null: that made the Go converter panic.
    status["indexes"] = {
        str(item.get("name") or ""): item.get("index") or 0 for item in items(status, "indexes")
    }
