"""Warnings for what an object refers to and is not there yet; never a reason to refuse it."""

from collections.abc import Iterator, Sequence
from typing import Final

from metal3.api.core import v1 as corev1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.ipam_metal3_io import v1alpha1 as ipamv1
from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers.capm3.rendering import POOL_KIND, PoolKey
from metal3.runtime.client import NotFoundError, Reader
from metal3.runtime.types import NamespacedName

from .network_rules import PATH, networks_of, routes_of

Named = tuple[str, str | None]
"""Path of a field, and the name in it."""
SECRETS: Final = (metal3api.USER_DATA_KEY, metal3api.META_DATA_KEY, metal3api.NETWORK_DATA_KEY)
"""Fields of a machine that name a Secret; each is also the key that is read of it."""


async def missing(
    reader: Reader, kind: type[metav1.Object], namespace: str, name: str | None, path: str
) -> list[str]:
    """One warning when the object is not there; none when it cannot be found out."""
    if not name:
        return []
    try:
        await reader.get(kind, NamespacedName(namespace, name))
    except NotFoundError:
        return [f"{path}: there is no {kind.gvk.kind} {name} in namespace {namespace} yet"]
    except Exception:  # noqa: BLE001 - a warning is not worth a refusal
        return []
    return []


async def missing_template(
    reader: Reader, namespace: str, ref: infrav1.ObjectRef | None, path: str
) -> list[str]:
    """For a Metal3DataTemplate."""
    name = ref.name if ref is not None else None
    return await missing(reader, infrav1.Metal3DataTemplate, namespace, name, path)


async def missing_pools(reader: Reader, template: infrav1.Metal3DataTemplate) -> list[str]:
    """For the pools that are named as such; those named by annotation are not known here."""
    found: list[str] = []
    for path, name in sorted(pool_names(template)):
        namespace = template.metadata.namespace
        found += await missing(reader, ipamv1.IPPool, namespace, name, path)
    return found


def pool_names(template: infrav1.Metal3DataTemplate) -> set[tuple[str, str]]:
    """Field path and name of every IPPool; pools of other kinds are not ours to know."""
    named = [*_metadata_pools(template.spec.meta_data), *_network_pools(template.spec.network_data)]
    return {(path, name) for path, name in named if name}


def _metadata_pools(meta_data: infrav1.MetaData | None) -> Iterator[Named]:
    if meta_data is None:
        return
    for field, items in (
        ("ipAddressesFromPool", meta_data.ip_addresses_from_pool),
        ("prefixesFromPool", meta_data.prefixes_from_pool),
        ("gatewaysFromPool", meta_data.gateways_from_pool),
        ("dnsServersFromPool", meta_data.dns_servers_from_pool),
    ):
        for number, item in enumerate(items):
            if PoolKey(item.name, item.kind or POOL_KIND, item.api_group or ipamv1.GROUP).is_metal3:
                yield f"spec.metaData.{field}[{number}].name", item.name


def _network_pools(data: infrav1.NetworkData | None) -> Iterator[Named]:
    if data is None:
        return
    for path, _, network in networks_of(data):
        if isinstance(network, infrav1.NetworkIPv4 | infrav1.NetworkIPv6):
            yield f"{path}.ipAddressFromIPPool", network.ip_address_from_ip_pool
            yield from _reference(path, network.from_pool_ref)
        for number, route in enumerate(routes_of(network)):
            here = f"{path}.routes[{number}]"
            yield f"{here}.gateway.fromIPPool", route.gateway.from_ip_pool
            yield from _reference(f"{here}.gateway", route.gateway.from_pool_ref)
            if route.services is not None:
                yield f"{here}.services.dnsFromIPPool", route.services.dns_from_ip_pool
    if data.services is not None:
        yield f"{PATH}.services.dnsFromIPPool", data.services.dns_from_ip_pool


def _reference(path: str, ref: infrav1.PoolReference | None) -> Iterator[Named]:
    if ref is None or not ref.name:
        return
    if PoolKey(ref.name, ref.kind or POOL_KIND, ref.api_group or ipamv1.GROUP).is_metal3:
        yield f"{path}.fromPoolRef.name", ref.name


async def missing_secrets(
    reader: Reader, namespace: str, refs: Sequence[infrav1.SecretReference | None], path: str
) -> list[str]:
    """For what a machine names in SECRETS, and the keys its host will look for in them."""
    out: list[str] = []
    for field, ref in zip(SECRETS, refs, strict=True):
        if ref is not None and ref.name:
            where = f"{path}.{field}.name"
            out += await _missing_secret(reader, NamespacedName(namespace, ref.name), where, field)
    return out


async def _missing_secret(reader: Reader, key: NamespacedName, path: str, field: str) -> list[str]:
    gone = await missing(reader, corev1.Secret, key.namespace, key.name, path)
    if gone:
        return gone
    try:
        secret = await reader.get(corev1.Secret, key)
    except Exception:  # noqa: BLE001 - a warning is not worth a refusal
        return []
    if secret.data.keys() & {field, metal3api.FALLBACK_DATA_KEY}:
        return []
    fallback = metal3api.FALLBACK_DATA_KEY
    return [f"{path}: Secret {key.name} has neither the key {field} nor the key {fallback}"]
