"""metaData: one flat map of strings. Later kinds of entries overwrite earlier ones."""

from collections.abc import Iterable

from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1

from .context import Objects, RenderError
from .pools import POOL_KIND, Addresses, PoolAddress, PoolKey, address_from

PROVIDER_ID_KEY = "providerid"


def render_metadata(
    meta_data: infrav1.MetaData, objects: Objects, addresses: Addresses
) -> dict[str, str]:
    """Raises RenderError naming what is missing."""
    out: dict[str, str] = {}
    out.update(_from_interfaces(meta_data, objects))
    out.update(_from_pools(meta_data, addresses))
    out.update(_indexes(meta_data, objects))
    out.update({item.key: objects.data.metadata.namespace for item in meta_data.namespaces})
    for item in meta_data.object_names:
        out[item.key] = objects.named(item.object).metadata.name
    for entry in meta_data.from_labels:
        out[entry.key] = objects.named(entry.object).metadata.labels.get(entry.label, "")
    for note in meta_data.from_annotations:
        out[note.key] = objects.named(note.object).metadata.annotations.get(note.annotation, "")
    out.update({text.key: text.value for text in meta_data.strings})
    out[PROVIDER_ID_KEY] = _provider_id(objects)
    return out


def _provider_id(objects: Objects) -> str:
    meta = objects.metal3_machine.metadata
    return f"{meta.namespace}/{objects.host.metadata.name}/{meta.name}"


def _from_interfaces(meta_data: infrav1.MetaData, objects: Objects) -> Iterable[tuple[str, str]]:
    for item in meta_data.from_host_interfaces:
        if item.from_boot_mac:
            yield item.key, objects.boot_mac()
        else:
            yield item.key, objects.mac_of_interface(item.interface or "")


def _from_pools(meta_data: infrav1.MetaData, addresses: Addresses) -> Iterable[tuple[str, str]]:
    for item in meta_data.ip_addresses_from_pool:
        yield item.key, _address(item, addresses).address
    for item in meta_data.prefixes_from_pool:
        prefix = _address(item, addresses).prefix
        if prefix is None:
            raise RenderError(f"metaData.{item.key}: pool {item.name} has no prefix")
        yield item.key, str(prefix)
    for item in meta_data.gateways_from_pool:
        yield item.key, _address(item, addresses).gateway
    for item in meta_data.dns_servers_from_pool:
        yield item.key, ",".join(_address(item, addresses).dns_servers)


def _address(item: infrav1.MetaDataFromPool, addresses: Addresses) -> PoolAddress:
    group = item.api_group or PoolKey("").api_group
    return address_from(addresses, PoolKey(item.name, item.kind or POOL_KIND, group))


def _indexes(meta_data: infrav1.MetaData, objects: Objects) -> Iterable[tuple[str, str]]:
    index = objects.data.spec.index or 0
    for item in meta_data.indexes:
        number = (item.offset or 0) + index * (item.step or 1)
        yield item.key, f"{item.prefix or ''}{number}{item.suffix or ''}"
