"""What wakes the label sync: maps to the hosts whose nodes may have to change."""

from collections.abc import Iterable
from typing import Any, cast

from metal3.api.cluster_x_k8s_io import v1beta2 as clusterv1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.client import Reader
from metal3.runtime.event import UpdateEvent
from metal3.runtime.predicate import Funcs, Predicate
from metal3.runtime.types import NamespacedName

from .related import annotated_host, find
from .wakeups import Map, machines_of_cluster


def host_of_metal3machine(m3m: infrav1.Metal3Machine) -> Iterable[NamespacedName]:
    """From a Metal3Machine to its host."""
    name = annotated_host(m3m)
    return [NamespacedName(m3m.metadata.namespace, name)] if name else []


def host_of_machine(reader: Reader) -> Map:
    """From a Machine, whose node may just have joined, to its host."""

    async def wake(machine: clusterv1.Machine) -> Iterable[NamespacedName]:
        ref = machine.spec.infrastructure_ref
        if ref.kind != infrav1.Metal3Machine.gvk.kind:
            return []
        m3m = await find(reader, infrav1.Metal3Machine, machine.metadata.namespace, ref.name)
        return host_of_metal3machine(m3m) if m3m is not None else []

    return wake


def hosts_of_cluster(reader: Reader) -> Map:
    """From a Cluster or its Metal3Cluster to the hosts of all its machines."""
    machines = machines_of_cluster(reader)

    async def wake(obj: clusterv1.Cluster | infrav1.Metal3Cluster) -> Iterable[NamespacedName]:
        keys: list[NamespacedName] = []
        for key in await machines(obj):
            m3m = await find(reader, infrav1.Metal3Machine, key.namespace, key.name)
            keys += host_of_metal3machine(m3m) if m3m is not None else []
        return keys

    return wake


def labels_matter() -> Predicate:
    """Of a host: its labels, whose it is, and whether it is paused."""
    return cast("Predicate", Funcs(update=_labels_changed))


def _labels_changed(event: UpdateEvent[Any]) -> bool:
    return _host_face(event.object_old) != _host_face(event.object_new)


def _host_face(host: metal3api.BareMetalHost) -> object:
    ref = host.spec.consumer_ref
    consumer = ref.to_dict() if ref is not None else None
    return host.metadata.labels, consumer, metal3api.is_paused(host)


def node_matters() -> Predicate:
    """Of a Machine: only its node."""
    return cast("Predicate", Funcs(update=_node_changed))


def _node_changed(event: UpdateEvent[Any]) -> bool:
    return _node_name(event.object_old) != _node_name(event.object_new)


def _node_name(machine: clusterv1.Machine) -> str:
    ref = machine.status.node_ref
    return ref.name if ref is not None else ""


def metadata_matters() -> Predicate:
    """Of clusters and machines of the provider: annotations; of Clusters: pausing."""
    return cast("Predicate", Funcs(update=_metadata_changed))


def _metadata_changed(event: UpdateEvent[Any]) -> bool:
    return _face(event.object_old) != _face(event.object_new)


def _face(obj: Any) -> object:
    paused = obj.spec.paused if isinstance(obj, clusterv1.Cluster) else None
    return obj.metadata.annotations, paused
