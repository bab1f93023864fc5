"""What must hold, and what had better hold, of the network part of a Metal3DataTemplate."""

import ipaddress
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.controllers.capm3.rendering import RenderError, check_mac
from metal3.runtime.webhook import FieldError, invalid

PATH: Final = "spec.networkData"
AnyLink = infrav1.Ethernet | infrav1.Bond | infrav1.Vlan
AnyNetwork = (
    infrav1.NetworkIPv4 | infrav1.NetworkIPv6 | infrav1.NetworkIPv4DHCP | infrav1.NetworkIPv6DHCP
)
AnyRoute = infrav1.RouteIPv4 | infrav1.RouteIPv6
FAMILIES: Final = {"ipv4": 4, "ipv6": 6, "ipv4DHCP": 4, "ipv6DHCP": 6, "ipv6SLAAC": 6}


def links_of(data: infrav1.NetworkData) -> Iterator[tuple[str, AnyLink]]:
    """Each with its path."""
    if data.links is None:
        return
    kinds: dict[str, Sequence[AnyLink]] = {
        "ethernets": data.links.ethernets,
        "bonds": data.links.bonds,
        "vlans": data.links.vlans,
    }
    for kind, items in kinds.items():
        for number, item in enumerate(items):
            yield f"{PATH}.links.{kind}[{number}]", item


def networks_of(data: infrav1.NetworkData) -> Iterator[tuple[str, int, AnyNetwork]]:
    """Each with its path and IP version."""
    found = data.networks
    if found is None:
        return
    kinds: dict[str, Sequence[AnyNetwork]] = {
        "ipv4": found.ipv_4,
        "ipv6": found.ipv_6,
        "ipv4DHCP": found.ipv_4_dhcp,
        "ipv6DHCP": found.ipv_6_dhcp,
        "ipv6SLAAC": found.ipv_6_slaac,
    }
    for kind, items in kinds.items():
        for number, item in enumerate(items):
            yield f"{PATH}.networks.{kind}[{number}]", FAMILIES[kind], item


def routes_of(network: AnyNetwork) -> Sequence[AnyRoute]:
    """Of a network of any kind."""
    return network.routes


def address_errors(data: infrav1.NetworkData | None) -> Iterator[FieldError]:
    """Addresses that are none, or of the other family: they could never be rendered."""
    if data is None:
        return
    for path, link in links_of(data):
        yield from _mac_errors(f"{path}.macAddress.string", link.mac_address)
    for path, version, network in networks_of(data):
        for number, route in enumerate(routes_of(network)):
            yield from _route_errors(f"{path}.routes[{number}]", version, route)
    if data.services is not None:
        yield from _dns_errors(f"{PATH}.services.dns", data.services.dns)


def _mac_errors(path: str, source: infrav1.MACAddress | None) -> Iterator[FieldError]:
    if source is None or not source.string:
        return
    try:
        check_mac(source.string)
    except RenderError:
        yield invalid(path, source.string, "is no MAC address")


def _route_errors(path: str, version: int, route: AnyRoute) -> Iterator[FieldError]:
    yield from _ip_errors(f"{path}.network", route.network, version)
    if route.gateway.string:
        yield from _ip_errors(f"{path}.gateway.string", route.gateway.string, version)
    if route.services is not None:
        yield from _dns_errors(f"{path}.services.dns", route.services.dns)


def _dns_errors(path: str, addresses: Iterable[str]) -> Iterator[FieldError]:
    for number, text in enumerate(addresses):
        yield from _ip_errors(f"{path}[{number}]", text, None)


def _ip_errors(path: str, text: str, version: int | None) -> Iterator[FieldError]:
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        yield invalid(path, text, "is no IP address")
        return
    if version is not None and found.version != version:
        yield invalid(path, text, f"is no address of IPv{version}")


def link_warnings(data: infrav1.NetworkData | None) -> list[str]:
    """Links that are named and not described, or described twice; machines read them differently."""
    if data is None:
        return []
    links = list(links_of(data))
    known = Counter(link.id for _, link in links)
    out = [
        f"{PATH}.links: {count} links have the id {i}" for i, count in known.items() if count > 1
    ]
    for path, name in _named_links(data):
        if name not in known:
            out.append(f"{path}: there is no link {name}")
    return out


def _named_links(data: infrav1.NetworkData) -> Iterator[tuple[str, str]]:
    for path, link in links_of(data):
        if isinstance(link, infrav1.Bond):
            for number, name in enumerate(link.bond_links):
                yield f"{path}.bondLinks[{number}]", name
        if isinstance(link, infrav1.Vlan):
            yield f"{path}.vlanLink", link.vlan_link
    for path, _, network in networks_of(data):
        yield f"{path}.link", network.link
