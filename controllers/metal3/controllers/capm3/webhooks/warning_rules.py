"""Warnings for what an object refers to and is not there yet; never a reason to refuse it."""

from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.ipam_metal3_io import v1alpha1 as ipamv1
from metal3.api.meta import v1 as metav1
from metal3.runtime.client import NotFoundError, Reader
from metal3.runtime.types import NamespacedName


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
    """Field path and name of every IPPool."""
    out: set[tuple[str, str]] = set()
    meta_data, data = template.spec.meta_data, template.spec.network_data
    if meta_data is not None:
        for field, items in (
            ("ipAddressesFromPool", meta_data.ip_addresses_from_pool),
            ("prefixesFromPool", meta_data.prefixes_from_pool),
            ("gatewaysFromPool", meta_data.gateways_from_pool),
            ("dnsServersFromPool", meta_data.dns_servers_from_pool),
        ):
            out |= {
                (f"spec.metaData.{field}[{number}].name", item.name)
                for number, item in enumerate(items)
                if (item.api_group, item.kind) == (ipamv1.GROUP, "IPPool")
            }
    networks = data.networks if data is not None else None
    if networks is not None:
        names = {
            "ipv4": [network.ip_address_from_ip_pool for network in networks.ipv_4],
            "ipv6": [network.ip_address_from_ip_pool for network in networks.ipv_6],
        }
        for field, found in names.items():
            out |= {
                (f"spec.networkData.networks.{field}[{number}].ipAddressFromIPPool", name)
                for number, name in enumerate(found)
                if name
            }
    return out
