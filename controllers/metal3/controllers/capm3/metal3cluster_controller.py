"""Reports the infrastructure of a cluster ready once its endpoint is known.

Watches: Metal3Cluster, its Cluster, and Machines while it is being deleted.
Writes:  Metal3Cluster. The endpoint itself is the user's: nothing is made for it.
Looks again: never; everything it reads wakes it.
"""

from dataclasses import dataclass

from metal3 import ctrl
from metal3.api.cluster_x_k8s_io import v1beta2 as clusterv1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.meta import v1 as metav1
from metal3.runtime.client import NotFoundError
from metal3.runtime.patch import ensure_finalizer, patching

from . import conditions
from .conditions import Reason, Type
from .environment import Environment
from .related import cluster_of, owner_name

MANAGED_BY = "cluster.x-k8s.io/managed-by"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metal3ClusterReconciler:
    """Writes only what changed."""

    env: Environment

    async def reconcile(self, req: ctrl.Request) -> ctrl.Result:
        """Drive one cluster; unexpected errors go up, to be retried with backoff."""
        client = self.env.client
        try:
            m3c = await client.get(infrav1.Metal3Cluster, req)
        except NotFoundError:
            return ctrl.Result()
        if MANAGED_BY in m3c.metadata.annotations:
            return ctrl.Result()
        cluster = await cluster_of(client, m3c)
        if clusterv1.is_paused(m3c, cluster):
            async with patching(client, m3c):
                why = "the Cluster or this object is paused"
                conditions.mark_paused(m3c, paused=True, why=why, now=self.env.now())
            return ctrl.Result()
        if not m3c.metadata.deletion_timestamp and owner_name(m3c, clusterv1.Cluster):
            await ensure_finalizer(client, m3c, infrav1.CLUSTER_FINALIZER)
        async with patching(client, m3c):
            await self._drive(m3c)
        return ctrl.Result()

    async def _drive(self, m3c: infrav1.Metal3Cluster) -> None:
        now = self.env.now()
        if m3c.metadata.deletion_timestamp:
            await self._delete(m3c)
            return
        if not owner_name(m3c, clusterv1.Cluster):
            return  # Cluster API will set it
        conditions.mark_paused(m3c, paused=False, why="", now=now)
        if [d.to_dict() for d in m3c.status.failure_domains] != [
            d.to_dict() for d in m3c.spec.failure_domains
        ]:
            m3c.status.failure_domains = [d.deep_copy() for d in m3c.spec.failure_domains]
        problem = _problem(m3c.spec.control_plane_endpoint)
        if problem:
            conditions.set_failure(m3c, Reason.INVALID_CONFIGURATION, problem)
            conditions.mark_false(
                m3c,
                Type.BAREMETAL_INFRASTRUCTURE_READY,
                Reason.INVALID_CONFIGURATION,
                problem,
                now=now,
                severity="Error",
            )
        else:
            self._ready(m3c)
        conditions.summarize(m3c, now=now)

    def _ready(self, m3c: infrav1.Metal3Cluster) -> None:
        now = self.env.now()
        conditions.clear_failure(m3c)
        conditions.mark_true(m3c, Type.BAREMETAL_INFRASTRUCTURE_READY, Reason.READY, now=now)
        started = m3c.status.initialization
        if started is None or not started.provisioned:
            m3c.status.initialization = infrav1.Initialization(provisioned=True)
            m3c.status.last_updated = metav1.format_time(now)

    async def _delete(self, m3c: infrav1.Metal3Cluster) -> None:
        """Machines find their settings here, so they go first."""
        name = m3c.metadata.labels.get(clusterv1.CLUSTER_NAME_LABEL) or owner_name(
            m3c, clusterv1.Cluster
        )
        left = await self.env.client.list(
            clusterv1.Machine,
            namespace=m3c.metadata.namespace,
            labels={clusterv1.CLUSTER_NAME_LABEL: name or m3c.metadata.name},
        )
        now = self.env.now()
        if left.items:
            text = f"waiting for {len(left.items)} Machines to go"
            conditions.mark_false(
                m3c, Type.BAREMETAL_INFRASTRUCTURE_READY, Reason.DELETING, text, now=now
            )
            conditions.summarize(m3c, now=now)
            return
        metav1.remove_finalizer(m3c, infrav1.CLUSTER_FINALIZER)


def _problem(endpoint: infrav1.APIEndpoint | None) -> str:
    if endpoint is None or not endpoint.host:
        return "spec.controlPlaneEndpoint.host is not set"
    if not endpoint.port:
        return "spec.controlPlaneEndpoint.port is not set"
    return ""
