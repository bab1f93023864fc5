"""Which pools a template takes addresses from, and what came of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.ipam_metal3_io import v1alpha1 as ipamv1

from .context import Objects, RenderError

POOL_KIND: Final = "IPPool"
AnyNetwork = infrav1.NetworkIPv4 | infrav1.NetworkIPv6
AnyDynamicNetwork = infrav1.NetworkIPv4DHCP | infrav1.NetworkIPv6DHCP
AnyRoute = infrav1.RouteIPv4 | infrav1.RouteIPv6
AnyGateway = infrav1.GatewayIPv4 | infrav1.GatewayIPv6


class PoolKey(NamedTuple):
    """One pool; pools of two kinds may have one name."""

    name: str
    kind: str = POOL_KIND
    api_group: str = ipamv1.GROUP

    @property
    def is_metal3(self) -> bool:
        """Whether it is asked with an IPClaim; all others with Cluster API's IPAddressClaim."""
        return (self.api_group, self.kind) == (ipamv1.GROUP, POOL_KIND)

    def __str__(self) -> str:
        """For messages."""
        return self.name if self.is_metal3 else f"{self.kind}.{self.api_group} {self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolAddress:
    """What a pool gave; the prefix is a number of bits, None if the pool has none."""

    address: str
    prefix: int | None = None
    gateway: str = ""
    dns_servers: tuple[str, ...] = ()


Addresses = Mapping[PoolKey, PoolAddress]


def address_from(addresses: Addresses, key: PoolKey) -> PoolAddress:
    """Raises RenderError when nothing was asked of this pool."""
    try:
        return addresses[key]
    except KeyError:
        raise RenderError(f"pool not found in cache: {key}") from None


def pools_of(template: infrav1.Metal3DataTemplate, objects: Objects) -> list[PoolKey]:
    """All pools, each once, in order of their names; raises RenderError (annotations)."""
    found = [*_metadata_pools(template.spec.meta_data)]
    data = template.spec.network_data
    if data is not None:
        found += _network_pools(data, objects)
    return sorted(set(found))


def _metadata_pools(meta_data: infrav1.MetaData | None) -> Iterable[PoolKey]:
    if meta_data is None:
        return
    for items in (
        meta_data.ip_addresses_from_pool,
        meta_data.prefixes_from_pool,
        meta_data.gateways_from_pool,
        meta_data.dns_servers_from_pool,
    ):
        for item in items:
            yield PoolKey(item.name, item.kind or POOL_KIND, item.api_group or ipamv1.GROUP)


def _network_pools(data: infrav1.NetworkData, objects: Objects) -> Iterable[PoolKey]:
    networks = data.networks
    if networks is not None:
        static: list[AnyNetwork] = [*networks.ipv_4, *networks.ipv_6]
        dynamic: list[AnyDynamicNetwork] = [*networks.ipv_4_dhcp]
        dynamic += [*networks.ipv_6_dhcp, *networks.ipv_6_slaac]
        for network in static:
            yield network_pool(network, objects)
        for anything in (static, dynamic):
            for item in anything:
                for route in item.routes:
                    yield from _route_pools(route, objects)
    if data.services is not None and data.services.dns_from_ip_pool:
        yield PoolKey(data.services.dns_from_ip_pool)


def _route_pools(route: AnyRoute, objects: Objects) -> Iterable[PoolKey]:
    key = gateway_pool(route.gateway, objects)
    if key is not None:
        yield key
    if route.services is not None and route.services.dns_from_ip_pool:
        yield PoolKey(route.services.dns_from_ip_pool)


def network_pool(network: AnyNetwork, objects: Objects) -> PoolKey:
    """Annotation, then reference, then name; raises RenderError when there is none of them."""
    key = _chosen(
        network.from_pool_annotation,
        network.from_pool_ref,
        network.ip_address_from_ip_pool,
        objects,
    )
    if key is None:
        raise RenderError(f"network {network.id} names no pool")
    return key


def gateway_pool(gateway: AnyGateway, objects: Objects) -> PoolKey | None:
    """None when the gateway is given as text, or not at all."""
    if gateway.string:
        return None
    return _chosen(
        gateway.from_pool_annotation, gateway.from_pool_ref, gateway.from_ip_pool, objects
    )


def _chosen(
    annotation: infrav1.FromAnnotation | None,
    reference: infrav1.PoolReference | None,
    name: str | None,
    objects: Objects,
) -> PoolKey | None:
    if annotation is not None and annotation.object:
        return PoolKey(objects.annotation(annotation))
    if reference is not None and reference.name:
        kind, group = reference.kind or POOL_KIND, reference.api_group or ipamv1.GROUP
        return PoolKey(reference.name, kind, group)
    return PoolKey(name) if name else None
