"""How a node is known to be a machine's."""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from metal3.api.core import v1 as corev1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.metal3_io import v1alpha1 as metal3api

HOSTNAME_LABEL: Final = "kubernetes.io/hostname"


ID_INDEX: Final = "capm3.metal3.io/provider-id"
"""Index on Node: its provider ID."""
HOST_INDEX: Final = "capm3.metal3.io/host"
"""Index on Node: ``<namespace>/<host>`` of its provider ID."""
UUID_INDEX: Final = "capm3.metal3.io/uuid"
"""Index on Node: uid of the host its kubelet was told."""
HOSTNAME_INDEX: Final = "capm3.metal3.io/hostname"
"""Index on Node: its host name."""


class NodeIdentity(NamedTuple):
    """All that a node can be known by."""

    provider_id: str
    uuid: str
    hostname: str


def identity_of(node: corev1.Node) -> NodeIdentity:
    """What is empty tells nothing."""
    labels = node.metadata.labels
    return NodeIdentity(
        node.spec.provider_id or "",
        labels.get(infrav1.NODE_UUID_LABEL, ""),
        labels.get(HOSTNAME_LABEL, ""),
    )


def parts_of(identity: str) -> tuple[str, str, str] | None:
    """Namespace, host and machine of a provider ID of ours."""
    if not identity.startswith(infrav1.PROVIDER_ID_PREFIX):
        return None
    parts = identity.removeprefix(infrav1.PROVIDER_ID_PREFIX).split("/")
    return (parts[0], parts[1], parts[2]) if len(parts) == _PARTS else None


_PARTS: Final = 3


def _host_key(node: corev1.Node) -> list[str]:
    parts = parts_of(node.spec.provider_id or "")
    return [f"{parts[0]}/{parts[1]}"] if parts is not None else []


def _given(text: str) -> list[str]:
    return [text] if text else []


NODE_INDEXES: Final[Mapping[str, Callable[[corev1.Node], list[str]]]] = {
    ID_INDEX: lambda node: _given(identity_of(node).provider_id),
    HOST_INDEX: _host_key,
    UUID_INDEX: lambda node: _given(identity_of(node).uuid),
    HOSTNAME_INDEX: lambda node: _given(identity_of(node).hostname),
}
"""Indexes that the cache of a workload cluster must have."""


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
