"""Ends reservations for node reuse whose owner is gone, so that others may have the hosts.

Watches: BareMetalHost (reserved ones), MachineSet (their end), Cluster.
Writes:  the reservation of a BareMetalHost: its label, and ``consumerRef`` if that is the Cluster.
Looks again: once a host is old enough; everything else wakes it.

A MachineDeployment is there for as long as it has a MachineSet, and a control plane for as long as a
Cluster names it. While ``clusterctl move`` fills a cluster neither may be there yet: new hosts and
those of paused Clusters are left alone.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, cast

from metal3 import ctrl
from metal3.api.cluster_x_k8s_io import v1beta2 as clusterv1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.client import NotFoundError, Reader
from metal3.runtime.event import UpdateEvent
from metal3.runtime.handler import enqueue_requests_from_map_func
from metal3.runtime.patch import patching
from metal3.runtime.predicate import Funcs, Predicate
from metal3.runtime.types import NamespacedName

from . import metrics
from .environment import Environment
from .hosts import Hosts
from .related import find
from .wakeups import Map, only_deletions

GRACE: Final = timedelta(minutes=30)
"""A host that is younger may have come with a move whose other objects are still on their way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostReservationReconciler:
    """What the cache says is checked with the server before a reservation ends."""

    env: Environment

    async def reconcile(self, req: ctrl.Request) -> ctrl.Result:
        """Look at one host; unexpected errors go up, to be retried with backoff."""
        try:
            host = await self.env.client.get(metal3api.BareMetalHost, req)
        except NotFoundError:
            return ctrl.Result()
        name = host.metadata.labels.get(infrav1.NODE_REUSE_LABEL, "")
        if not name or not _is_ours(host) or metal3api.is_paused(host):
            return ctrl.Result()
        if await owner_is_there(self.env.client, host, name):
            return ctrl.Result()
        young = self._is_too_young_for(host)
        if young:
            return ctrl.Result(requeue_after=young)
        if not await owner_is_there(self.env.live, host, name):
            await self._end(host, name)
        return ctrl.Result()

    def _is_too_young_for(self, host: metal3api.BareMetalHost) -> timedelta:
        created = host.metadata.creation_timestamp
        if not created:
            return timedelta()
        return max(metav1.parse_time(created) + GRACE - self.env.now(), timedelta())

    async def _end(self, host: metal3api.BareMetalHost, name: str) -> None:
        async with patching(self.env.client, host, optimistic_lock=True):
            del host.metadata.labels[infrav1.NODE_REUSE_LABEL]
            host.spec.consumer_ref = None
        metrics.RESERVATIONS_ENDED.inc()
        text = f"no longer reserved for {name}: there is no such owner any more"
        self.env.recorder.normal(host, "ReservationEnded", text)


def _is_ours(host: metal3api.BareMetalHost) -> bool:
    """Reserved by a provider, with (today) or without (before 1.14) the Cluster as its consumer."""
    ref = host.spec.consumer_ref
    if ref is None:
        return True
    group = (ref.api_version or "").rpartition("/")[0]
    return (ref.kind, group) == (clusterv1.Cluster.gvk.kind, clusterv1.GROUP)


async def owner_is_there(reader: Reader, host: metal3api.BareMetalHost, reuse_name: str) -> bool:
    """Whether someone can still take the host; also when nobody can tell."""
    kind, _, name = reuse_name.partition("-")
    clusters = await _clusters(reader, host)
    if any(cluster.spec.paused for cluster in clusters):
        return True
    if kind == "md":
        return bool(clusters) and await _has_machine_set(reader, host.metadata.namespace, name)
    if kind != "cp":
        return True  # somebody's own label
    references = [cluster.spec.control_plane_ref for cluster in clusters]
    return any(reference is None or reference.name == name for reference in references)


async def _clusters(reader: Reader, host: metal3api.BareMetalHost) -> list[clusterv1.Cluster]:
    """The one the host is reserved for, or all that it may be."""
    namespace, ref = host.metadata.namespace, host.spec.consumer_ref
    if ref is not None:
        found = await find(reader, clusterv1.Cluster, namespace, ref.name)
        return [found] if found is not None else []
    return (await reader.list(clusterv1.Cluster, namespace=namespace)).items


async def _has_machine_set(reader: Reader, namespace: str, deployment: str) -> bool:
    found = await reader.list(clusterv1.MachineSet, namespace=namespace)
    owners = (metav1.controller_of(machine_set) for machine_set in found.items)
    return any(
        owner is not None and (owner.kind, owner.name) == ("MachineDeployment", deployment)
        for owner in owners
    )


def _reserved_hosts(hosts: Hosts) -> Map:
    """From a Cluster or MachineSet to the reserved hosts of its namespace; there are never many."""

    async def wake(obj: metav1.Object) -> Iterable[NamespacedName]:
        await hosts.wait_told()
        return hosts.view.reserved(obj.metadata.namespace)

    return wake


def _is_reserved(host: metal3api.BareMetalHost) -> bool:
    return infrav1.NODE_REUSE_LABEL in host.metadata.labels


def _reservations_only() -> Predicate:
    return cast(
        "Predicate",
        Funcs(
            create=lambda event: _is_reserved(event.object),
            update=lambda event: _is_reserved(event.object_new),
            delete=lambda _: False,
        ),
    )


def _owners_changed() -> Predicate:
    return cast("Predicate", Funcs(create=lambda _: False, update=_owner_changed))


def _owner_changed(event: UpdateEvent[Any]) -> bool:
    old, new = event.object_old, event.object_new
    return (old.spec.paused, old.spec.control_plane_ref) != (
        new.spec.paused,
        new.spec.control_plane_ref,
    )


def add_host_reservations(
    mgr: ctrl.Manager, env: Environment, hosts: Hosts, options: ctrl.ControllerOptions
) -> None:
    """Add the controller."""
    mapped = enqueue_requests_from_map_func(_reserved_hosts(hosts))
    (
        ctrl.new_controller_managed_by(mgr)
        .named("hostreservation")
        .for_(metal3api.BareMetalHost, predicates=(_reservations_only(),))
        .watches(clusterv1.MachineSet, mapped, predicates=(only_deletions(),))
        .watches(clusterv1.Cluster, mapped, predicates=(_owners_changed(),))
        .with_options(options)
        .complete(HostReservationReconciler(env=env))
    )
