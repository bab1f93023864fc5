"""Finding what belongs to an object: its Machine, its Cluster, its host, what it is reused under."""

from dataclasses import dataclass
from typing import TypeVar

from metal3.api.cluster_x_k8s_io import v1beta2 as clusterv1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.client import NotFoundError, Reader
from metal3.runtime.types import NamespacedName, key_of

from .providerid import parts_of

T = TypeVar("T", bound=metav1.Object)
CONSUMER_INDEX = "capm3.metal3.io/consumer"
"""Index on BareMetalHost: ``<namespace>/<name>`` of the Metal3Machine that has it."""


async def find(reader: Reader, kind: type[T], namespace: str, name: str | None) -> T | None:
    """The object, or None."""
    if not name:
        return None
    try:
        return await reader.get(kind, NamespacedName(namespace, name))
    except NotFoundError:
        return None


async def is_current(live: Reader, obj: metav1.Object) -> bool:
    """Whether the server still has this very object, not another that bears its name."""
    found = await find(live, type(obj), *key_of(obj))
    return found is not None and found.metadata.uid == obj.metadata.uid


def owner_name(obj: metav1.Object, kind: type[metav1.Object]) -> str | None:
    """Name of the owner of this kind and group."""
    for reference in obj.metadata.owner_references:
        group = reference.api_version.rpartition("/")[0]
        if (reference.kind, group) == (kind.gvk.kind, kind.gvk.group):
            return reference.name
    return None


async def machine_of(reader: Reader, obj: metav1.Object) -> clusterv1.Machine | None:
    """The Machine that owns the object."""
    name = owner_name(obj, clusterv1.Machine)
    return await find(reader, clusterv1.Machine, obj.metadata.namespace, name)


async def cluster_of(reader: Reader, obj: metav1.Object) -> clusterv1.Cluster | None:
    """The Cluster the object is labelled with, or owned by."""
    name = obj.metadata.labels.get(clusterv1.CLUSTER_NAME_LABEL) or owner_name(
        obj, clusterv1.Cluster
    )
    return await find(reader, clusterv1.Cluster, obj.metadata.namespace, name)


async def metal3_cluster_of(
    reader: Reader, cluster: clusterv1.Cluster
) -> infrav1.Metal3Cluster | None:
    """The infrastructure of the Cluster, if it is ours."""
    ref = cluster.spec.infrastructure_ref
    if ref is None or ref.kind != "Metal3Cluster":
        return None
    return await find(reader, infrav1.Metal3Cluster, cluster.metadata.namespace, ref.name)


def consumer_key(host: metal3api.BareMetalHost) -> list[str]:
    """For CONSUMER_INDEX."""
    ref = host.spec.consumer_ref
    if ref is None or ref.kind != "Metal3Machine":
        return []
    return [f"{ref.namespace or host.metadata.namespace}/{ref.name}"]


def is_consumer(host: metal3api.BareMetalHost, machine: metav1.Object) -> bool:
    """Whether the host is the machine's, whatever API version or incarnation that was."""
    ref = host.spec.consumer_ref
    if ref is None:
        return False
    group = (ref.api_version or "").rpartition("/")[0]
    return (ref.kind, group, ref.name) == (
        "Metal3Machine",
        infrav1.GROUP,
        machine.metadata.name,
    ) and (ref.namespace or host.metadata.namespace) == machine.metadata.namespace


def annotated_host(machine: infrav1.Metal3Machine) -> str:
    """Name of the host the machine is, or wants to be, on; the namespace is its own."""
    return machine.metadata.annotations.get(infrav1.HOST_ANNOTATION, "").rpartition("/")[2]


def identified_host(machine: infrav1.Metal3Machine) -> str:
    """Name of the host in the machine's provider ID, which is set once its node can be known."""
    parts = parts_of(machine.spec.provider_id or "")
    return parts[1] if parts is not None else ""


async def hosts_of(reader: Reader, machine: infrav1.Metal3Machine) -> list[metal3api.BareMetalHost]:
    """All hosts that say they are the machine's, the one it lives on first; there should be one.

    It lives where its provider ID says, else its annotation, else on the first by name.
    """
    namespace = machine.metadata.namespace
    key = f"{namespace}/{machine.metadata.name}"
    found = await reader.list(
        metal3api.BareMetalHost, namespace=namespace, fields={CONSUMER_INDEX: key}
    )
    wanted = (identified_host(machine), annotated_host(machine))

    def place(host: metal3api.BareMetalHost) -> tuple[bool, bool, str]:
        name = host.metadata.name
        return name != wanted[0], name != wanted[1], name

    return sorted((h for h in found.items if is_consumer(h, machine)), key=place)


async def host_of(reader: Reader, machine: infrav1.Metal3Machine) -> metal3api.BareMetalHost | None:
    """The host that is the machine's."""
    return next(iter(await hosts_of(reader, machine)), None)


async def host_now(
    live: Reader, machine: infrav1.Metal3Machine, name: str
) -> metal3api.BareMetalHost | None:
    """The host of this name, if the server says that it is the machine's: a cache may lag."""
    host = await find(live, metal3api.BareMetalHost, machine.metadata.namespace, name)
    return host if host is not None and is_consumer(host, machine) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """A Metal3Machine with what it belongs to."""

    m3m: infrav1.Metal3Machine
    machine: clusterv1.Machine
    cluster: clusterv1.Cluster
    m3c: infrav1.Metal3Cluster

    @property
    def cluster_key(self) -> NamespacedName:
        """Of the workload cluster."""
        return NamespacedName(self.cluster.metadata.namespace, self.cluster.metadata.name)


async def reuse_name(reader: Reader, machine: clusterv1.Machine | None) -> str:
    """``md-<MachineDeployment>`` or ``cp-<control plane>``; empty for a machine on its own."""
    if machine is None:
        return ""
    owner = metav1.controller_of(machine)
    if owner is None:
        return ""
    if owner.kind != "MachineSet":
        return f"cp-{owner.name}"
    found = await find(reader, clusterv1.MachineSet, machine.metadata.namespace, owner.name)
    deployment = metav1.controller_of(found) if found is not None else None
    return f"md-{deployment.name}" if deployment is not None else ""


async def wants_node_reuse(reader: Reader, m3m: infrav1.Metal3Machine) -> bool:
    """Whether the template the machine was made from says so now."""
    name = m3m.metadata.annotations.get(clusterv1.CLONED_FROM_NAME_ANNOTATION)
    template = await find(reader, infrav1.Metal3MachineTemplate, m3m.metadata.namespace, name)
    return template is not None and template.spec.node_reuse


def name_secrets(
    data: infrav1.Metal3Data, template: infrav1.Metal3DataTemplate, machine: str
) -> None:
    """Say which Secrets the data of a Metal3Machine goes into, where nothing is said yet."""
    spec = data.spec
    if template.spec.meta_data is not None and spec.meta_data is None:
        spec.meta_data = infrav1.SecretReference(name=f"{machine}-metadata")
    if template.spec.network_data is not None and spec.network_data is None:
        spec.network_data = infrav1.SecretReference(name=f"{machine}-networkdata")
