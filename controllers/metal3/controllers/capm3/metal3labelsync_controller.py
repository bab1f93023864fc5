"""Mirrors chosen labels of hosts to the nodes that run on them.

Watches: BareMetalHost (labels, consumer), Metal3Cluster (which prefixes), Cluster (pausing),
         Metal3Machine, Machine (its node).
Writes:  labels of nodes, only those that differ; on the Metal3Machine, which ones they are.
Looks again: after ``node_poll`` while there is something to mirror, as others may change nodes;
         that reads from the cluster's watch and asks no server.
"""

from dataclasses import dataclass

from metal3 import ctrl
from metal3.api.cluster_x_k8s_io import v1beta2 as clusterv1
from metal3.api.core import v1 as corev1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.client import ApiError, NotFoundError, Patch, PatchType
from metal3.runtime.handler import enqueue_requests_from_map_func
from metal3.runtime.patch import patching
from metal3.runtime.types import NamespacedName

from . import labelsync, labelsync_wakeups
from .environment import Environment
from .related import cluster_of, find, machine_of, metal3_cluster_of
from .workload import WorkloadUnreachableError


@dataclass(frozen=True, slots=True, kw_only=True)
class Metal3LabelSyncReconciler:
    """One host at a time; one that is nobody's, or paused, is left alone."""

    env: Environment

    async def reconcile(self, req: ctrl.Request) -> ctrl.Result:
        """Drive one host; unexpected errors go up, to be retried with backoff."""
        client = self.env.client
        try:
            host = await client.get(metal3api.BareMetalHost, req)
        except NotFoundError:
            return ctrl.Result()
        m3m = await self._machine_on(host)
        if m3m is None or m3m.metadata.deletion_timestamp or metal3api.is_paused(host):
            return ctrl.Result()
        cluster = await cluster_of(client, m3m)
        m3c = await metal3_cluster_of(client, cluster) if cluster is not None else None
        if cluster is None or m3c is None or clusterv1.is_paused(m3m, cluster):
            return ctrl.Result()
        if clusterv1.is_paused(m3c):
            return ctrl.Result()
        return await self._sync(
            host, m3m, m3c, NamespacedName(req.namespace, cluster.metadata.name)
        )

    async def _machine_on(self, host: metal3api.BareMetalHost) -> infrav1.Metal3Machine | None:
        ref = host.spec.consumer_ref
        group = (ref.api_version or "").partition("/")[0] if ref is not None else ""
        if ref is None or (ref.kind, group) != (infrav1.Metal3Machine.gvk.kind, infrav1.GROUP):
            return None
        namespace = ref.namespace or host.metadata.namespace
        m3m = await find(self.env.client, infrav1.Metal3Machine, namespace, ref.name)
        wanted = self.env.options.watch_filter
        if m3m is None or not wanted:
            return m3m
        return m3m if m3m.metadata.labels.get(clusterv1.WATCH_FILTER_LABEL) == wanted else None

    async def _sync(
        self,
        host: metal3api.BareMetalHost,
        m3m: infrav1.Metal3Machine,
        m3c: infrav1.Metal3Cluster,
        cluster: NamespacedName,
    ) -> ctrl.Result:
        prefixes, invalid = labelsync.prefixes_of(m3c.metadata.annotations)
        if invalid:
            text = f"no prefixes of labels, and not synced: {', '.join(invalid)[:512]}"
            self.env.recorder.warning(m3c, "InvalidLabelSyncPrefix", text)
        before = labelsync.synced_before(m3m.metadata.annotations)
        if not prefixes and not before:
            return ctrl.Result()
        node = await self._node_of(m3m, cluster)
        if node is not None:
            wanted = labelsync.labels_under(host.metadata.labels, prefixes)
            change = labelsync.change_of(node.metadata.labels, wanted, prefixes, before)
            await self._apply(m3m, node, change, cluster, before)
        return ctrl.Result(requeue_after=self.env.options.node_poll)

    async def _node_of(
        self, m3m: infrav1.Metal3Machine, cluster: NamespacedName
    ) -> corev1.Node | None:
        """None while there is no node, or nobody can tell."""
        machine = await machine_of(self.env.client, m3m)
        ref = machine.status.node_ref if machine is not None else None
        if ref is None:
            return None
        try:
            return await self.env.workload.node(cluster, ref.name)
        except (WorkloadUnreachableError, ApiError):
            return None

    async def _apply(
        self,
        m3m: infrav1.Metal3Machine,
        node: corev1.Node,
        change: labelsync.LabelChange,
        cluster: NamespacedName,
        before: frozenset[str],
    ) -> None:
        """What will be ours is remembered first: a stop in between leaves no unknown label."""
        await self._remember(m3m, before | change.synced)
        if change.patch:
            try:
                client = await self.env.workload.client(cluster)
                body = {"metadata": {"labels": change.patch}}
                await client.patch(node, Patch(PatchType.MERGE, body))
            except (WorkloadUnreachableError, NotFoundError):
                return
            text = f"{len(change.patch)} labels of node {node.metadata.name} follow the host"
            self.env.recorder.normal(m3m, "NodeLabelsSynced", text)
        await self._remember(m3m, change.synced)

    async def _remember(self, m3m: infrav1.Metal3Machine, keys: frozenset[str]) -> None:
        annotations = m3m.metadata.annotations
        if labelsync.synced_before(annotations) == keys:
            return
        async with patching(self.env.client, m3m):
            if keys:
                annotations[labelsync.SYNCED_LABELS_ANNOTATION] = ",".join(sorted(keys))
            else:
                annotations.pop(labelsync.SYNCED_LABELS_ANNOTATION, None)


def add_label_sync(mgr: ctrl.Manager, env: Environment, options: ctrl.ControllerOptions) -> None:
    """Add the controller."""
    client, mapped = mgr.client, enqueue_requests_from_map_func
    wakeups = labelsync_wakeups
    annotations = (wakeups.metadata_matters(),)
    of_cluster = wakeups.hosts_of_cluster(client)
    (
        ctrl.new_controller_managed_by(mgr)
        .named("metal3labelsync")
        .for_(metal3api.BareMetalHost, predicates=(wakeups.labels_matter(),))
        .watches(infrav1.Metal3Cluster, mapped(of_cluster), predicates=annotations)
        .watches(clusterv1.Cluster, mapped(of_cluster), predicates=annotations)
        .watches(
            infrav1.Metal3Machine, mapped(wakeups.host_of_metal3machine), predicates=annotations
        )
        .watches(
            clusterv1.Machine,
            mapped(wakeups.host_of_machine(client)),
            predicates=(wakeups.node_matters(),),
        )
        .with_options(options)
        .complete(Metal3LabelSyncReconciler(env=env))
    )
