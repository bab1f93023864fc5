"""What wakes remediations: maps from what changed to the remediations it concerns."""

from collections.abc import Iterable
from typing import Any, cast

from metal3.api.cluster_x_k8s_io import v1beta2 as clusterv1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.client import Reader
from metal3.runtime.event import UpdateEvent
from metal3.runtime.predicate import Funcs, Predicate
from metal3.runtime.types import NamespacedName, key_of

from .related import find, owner_name
from .remediation import REMEDIATED_MACHINE_INDEX
from .wakeups import Map


async def _remediations(reader: Reader, namespace: str, machine: str) -> list[NamespacedName]:
    found = await reader.list(
        infrav1.Metal3Remediation, namespace=namespace, fields={REMEDIATED_MACHINE_INDEX: machine}
    )
    return [key_of(m3r) for m3r in found.items]


def remediations_of_machine(reader: Reader) -> Map:
    """From a Machine to its remediations."""

    async def wake(machine: clusterv1.Machine) -> Iterable[NamespacedName]:
        return await _remediations(reader, machine.metadata.namespace, machine.metadata.name)

    return wake


def remediations_of_host(reader: Reader) -> Map:
    """From a host, by the Metal3Machine that has it, to the remediations of its Machine."""

    async def wake(host: metal3api.BareMetalHost) -> Iterable[NamespacedName]:
        ref = host.spec.consumer_ref
        if ref is None or ref.kind != infrav1.Metal3Machine.gvk.kind:
            return []
        namespace = ref.namespace or host.metadata.namespace
        m3m = await find(reader, infrav1.Metal3Machine, namespace, ref.name)
        name = owner_name(m3m, clusterv1.Machine) if m3m is not None else None
        return await _remediations(reader, namespace, name) if name else []

    return wake


def remediations_of_cluster(reader: Reader) -> Map:
    """From a Cluster that may have been unpaused to its remediations; there are never many."""

    async def wake(cluster: clusterv1.Cluster) -> Iterable[NamespacedName]:
        namespace = cluster.metadata.namespace
        found = await reader.list(infrav1.Metal3Remediation, namespace=namespace)
        keys: list[NamespacedName] = []
        for m3r in found.items:
            machine = await find(
                reader, clusterv1.Machine, namespace, owner_name(m3r, clusterv1.Machine)
            )
            if machine is not None and machine.spec.cluster_name == cluster.metadata.name:
                keys.append(key_of(m3r))
        return keys

    return wake


def power_matters() -> Predicate:
    """Only what a remediation reads of a host."""
    return cast("Predicate", Funcs(update=_power_changed))


def _power_changed(event: UpdateEvent[Any]) -> bool:
    return _face(event.object_old) != _face(event.object_new)


def _face(host: metav1.Object) -> object:
    if not isinstance(host, metal3api.BareMetalHost):
        return None
    status = host.status
    ref = host.spec.consumer_ref
    return (
        host.spec.online,
        ref.to_dict() if ref is not None else None,
        host.metadata.annotations,
        status.powered_on,
        status.provisioning.state,
        status.operational_status,
    )
