"""networkData: OpenStack's ``network_data.json`` with links, networks and services."""

import ipaddress
from collections.abc import Iterable
from typing import Any, Final

from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1

from .context import Objects, RenderError, check_mac
from .pools import (
    Addresses,
    AnyDynamicNetwork,
    AnyNetwork,
    AnyRoute,
    PoolKey,
    address_from,
    gateway_pool,
    network_pool,
)

Json = dict[str, Any]
DEFAULT_MTU: Final = 1500
_FAMILIES: Final = {"ipv4": 4, "ipv6": 6}


def render_networkdata(
    data: infrav1.NetworkData, objects: Objects, addresses: Addresses
) -> dict[str, list[Json]]:
    """Raises RenderError naming the link or network that cannot be rendered."""
    services = data.services
    dns = _dns(services.dns, services.dns_from_ip_pool, addresses) if services is not None else []
    return {
        "links": [*_links(data, objects)],
        "networks": [*_networks(data, objects, addresses)],
        "services": dns,
    }


def _links(data: infrav1.NetworkData, objects: Objects) -> Iterable[Json]:
    links = data.links
    if links is None:
        return
    for bond in links.bonds:
        yield _bond(bond, objects)
    for ethernet in links.ethernets:
        out: Json = {"type": ethernet.type, "id": ethernet.id, "mtu": _mtu(ethernet)}
        yield out | _named(ethernet, "ethernet_mac_address", objects)
    for vlan in links.vlans:
        out = {"type": "vlan", "id": vlan.id, "mtu": _mtu(vlan)}
        out |= {"vlan_link": vlan.vlan_link, "vlan_id": vlan.vlan_id}
        yield out | _named(vlan, "vlan_mac_address", objects)


def _bond(bond: infrav1.Bond, objects: Objects) -> Json:
    out: Json = {
        "type": "bond",
        "id": bond.id,
        "mtu": _mtu(bond),
        "bond_mode": bond.bond_mode,
        "bond_xmit_hash_policy": bond.bond_xmit_hash_policy or "",
        "bond_links": list(bond.bond_links),
    } | _named(bond, "ethernet_mac_address", objects)
    for parameter in bond.parameters:
        key = f"bond_{parameter.name}"
        if key in out:
            raise RenderError(f"bond {bond.id}: parameter {parameter.name} has a field of its own")
        out[key] = parameter.value
    return out


def _mtu(link: infrav1.Bond | infrav1.Ethernet | infrav1.Vlan) -> int:
    return link.mtu or DEFAULT_MTU


def _named(
    link: infrav1.Bond | infrav1.Ethernet | infrav1.Vlan, mac_key: str, objects: Objects
) -> Json:
    out: Json = {"name": link.name} if link.name else {}
    mac = _mac(link.mac_address, objects)
    return out | ({mac_key: mac} if mac else {})


def _mac(source: infrav1.MACAddress | None, objects: Objects) -> str:
    if source is None:
        return ""
    if source.string:
        return check_mac(source.string)
    if source.from_host_interface:
        return check_mac(objects.mac_of_interface(source.from_host_interface))
    if source.from_annotation is not None:
        return check_mac(objects.annotation(source.from_annotation))
    return ""


def _networks(data: infrav1.NetworkData, objects: Objects, addresses: Addresses) -> Iterable[Json]:
    networks = data.networks
    if networks is None:
        return
    for kind, static in (("ipv4", networks.ipv_4), ("ipv6", networks.ipv_6)):
        for network in static:
            yield _static(kind, network, objects, addresses)
    for kind, dynamic in (
        ("ipv4_dhcp", networks.ipv_4_dhcp),
        ("ipv6_dhcp", networks.ipv_6_dhcp),
        ("ipv6_slaac", networks.ipv_6_slaac),
    ):
        for item in dynamic:
            out: Json = {"type": kind, "id": item.id, "link": item.link}
            yield out | {"routes": _routes(item, objects, addresses)}


def _static(kind: str, network: AnyNetwork, objects: Objects, addresses: Addresses) -> Json:
    key = network_pool(network, objects)
    found = address_from(addresses, key)
    version = _FAMILIES[kind]
    if _version(found.address) != version:
        raise RenderError(f"network {network.id} is {kind}, but pool {key} gave {found.address}")
    return {
        "type": kind,
        "id": network.id,
        "link": network.link,
        "netmask": "" if found.prefix is None else netmask(version, found.prefix),
        "ip_address": found.address,
        "routes": _routes(network, objects, addresses),
    }


def _routes(
    network: AnyNetwork | AnyDynamicNetwork, objects: Objects, addresses: Addresses
) -> list[Json]:
    return [_route(route, objects, addresses) for route in network.routes]


def _route(route: AnyRoute, objects: Objects, addresses: Addresses) -> Json:
    version = _version(route.network)
    services = route.services
    dns = _dns(services.dns, services.dns_from_ip_pool, addresses) if services is not None else []
    return {
        "network": route.network,
        "netmask": netmask(version, route.prefix or 0),
        "gateway": _gateway(route, objects, addresses),
        "services": dns,
    }


def _gateway(route: AnyRoute, objects: Objects, addresses: Addresses) -> str:
    if route.gateway.string:
        return route.gateway.string
    key = gateway_pool(route.gateway, objects)
    return "" if key is None else address_from(addresses, key).gateway


def _dns(static: list[str], pool: str | None, addresses: Addresses) -> list[Json]:
    found = [*static]
    if pool:
        found += address_from(addresses, PoolKey(pool)).dns_servers
    return [{"type": "dns", "address": address} for address in found]


def _version(address: str) -> int:
    try:
        return ipaddress.ip_address(address).version
    except ValueError:
        raise RenderError(f"no IP address: {address!r}") from None


def netmask(version: int, prefix: int) -> str:
    """Of a prefix in bits: dotted for IPv4, in short notation for IPv6."""
    if version == _FAMILIES["ipv4"]:
        return str(ipaddress.IPv4Network(f"0.0.0.0/{prefix}").netmask)
    return str(ipaddress.IPv6Network(f"::/{prefix}").netmask)
