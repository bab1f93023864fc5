"""How a node is known to be a machine's."""

from typing import Final

from metal3.api.core import v1 as corev1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.metal3_io import v1alpha1 as metal3api

HOSTNAME_LABEL: Final = "kubernetes.io/hostname"


class NodeConflictError(Exception):
    """Several nodes claim to be one machine, or a node to be another; people must look."""


def provider_id(machine: infrav1.Metal3Machine, host: metal3api.BareMetalHost) -> str:
    """``metal3://<namespace>/<host>/<machine>``."""
    return infrav1.PROVIDER_ID_PREFIX + metadata_value(machine, host)


def metadata_value(machine: infrav1.Metal3Machine, host: metal3api.BareMetalHost) -> str:
    """The same without its scheme, as user data gets it."""
    meta = machine.metadata
    return f"{meta.namespace}/{host.metadata.name}/{meta.name}"


def legacy_id(host: metal3api.BareMetalHost) -> str:
    """What releases before 1.14 used: ``metal3://<uid of the host>``; still accepted."""
    return infrav1.PROVIDER_ID_PREFIX + host.metadata.uid


def node_with_id(
    nodes: list[corev1.Node], wanted: str, host: metal3api.BareMetalHost
) -> corev1.Node | None:
    """The node that carries ``wanted``, or the old form; raises NodeConflictError."""
    namespace = wanted.removeprefix(infrav1.PROVIDER_ID_PREFIX).partition("/")[0]
    prefix = f"{infrav1.PROVIDER_ID_PREFIX}{namespace}/{host.metadata.name}/"
    ids = {wanted, legacy_id(host)}
    on_host = [
        n for n in nodes if n.spec.provider_id in ids or n.spec.provider_id.startswith(prefix)
    ]
    if len(on_host) > 1:
        names = ", ".join(sorted(n.metadata.name for n in on_host)[:3])
        raise NodeConflictError(f"several nodes claim host {host.metadata.name}: {names}")
    return next((n for n in on_host if n.spec.provider_id in ids), None)


def node_with_uuid(nodes: list[corev1.Node], host: metal3api.BareMetalHost) -> corev1.Node | None:
    """The node whose kubelet was told the host's uid; raises NodeConflictError."""
    label = infrav1.NODE_UUID_LABEL
    found = [n for n in nodes if n.metadata.labels.get(label) == host.metadata.uid]
    if len(found) > 1:
        names = ", ".join(sorted(n.metadata.name for n in found)[:3])
        raise NodeConflictError(f"several nodes are labelled {label} of one host: {names}")
    return found[0] if found else None


def node_by_name(nodes: list[corev1.Node], machine: infrav1.Metal3Machine) -> corev1.Node | None:
    """The node with the machine's host name, if there is just one."""
    names = {a.address for a in machine.status.addresses if a.type == infrav1.AddressType.HOSTNAME}
    found = [n for n in nodes if n.metadata.labels.get(HOSTNAME_LABEL) in names]
    return found[0] if len(found) == 1 else None
