"""Looks after a pool itself: labels, owner, protection, and the status people read.

Watches: IPPool, its status, too: the last to write it may not have been the one who knew most, and
         what was found right may have been an old view; the ledger wakes it when addresses or its
         Cluster change.
Writes:  metadata and status of the IPPool.
Looks again: when something the ledger expects has not been seen.

Claims are not served here, and what is written here decides nothing: after a move to another
cluster it is worked out again from the addresses.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from metal3 import ctrl
from metal3.api.cluster_x_k8s_io import v1beta2 as clusterv1
from metal3.api.ipam_metal3_io import v1alpha1 as ipamv1
from metal3.api.meta import v1 as metav1
from metal3.runtime.client import NotFoundError, Patch, PatchType
from metal3.runtime.patch import drop_finalizer
from metal3.runtime.types import NamespacedName

from . import metrics
from .environment import Environment
from .plan import PoolPlan
from .pool_state import PoolState
from .pool_status import (
    MAX_INDEXED,
    Counts,
    available_condition,
    counts_of,
    indexes_of,
    ranges_of,
    ready_condition,
)

SHORTEST: Final = timedelta(seconds=1)
PER_CLAIM: Final = timedelta(milliseconds=1)
"""A status with many claims is larger, so it is written less often."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IPPoolReconciler:
    """``written`` is when each status was written last, in the loop's time."""

    env: Environment
    written: dict[NamespacedName, float] = field(default_factory=dict[NamespacedName, float])

    async def reconcile(self, req: ctrl.Request) -> ctrl.Result:
        """Bring one pool up to date; errors of the API go up."""
        ledger = self.env.ledger
        state = ledger.pool(req)
        ledger.tidy(state)
        try:
            pool = await self.env.client.get(ipamv1.IPPool, req)
        except NotFoundError:
            metrics.forget_pool(req)
            self.written.pop(req, None)
            return ctrl.Result()
        is_known = state.facts is not None and state.plan is not None
        if not is_known or self._is_paused(pool) or not self.env.is_watched(pool):
            return ctrl.Result()  # the ledger wakes us
        if pool.metadata.deletion_timestamp:
            await self._delete(pool, state)
            return ctrl.Result()
        problem = await self._own(pool)
        return await self._report(pool, state, problem)

    def _is_paused(self, pool: ipamv1.IPPool) -> bool:
        name = pool.spec.cluster_name
        paused = name and self.env.ledger.cluster_paused(pool.metadata.namespace, name)
        return clusterv1.is_paused(pool) or bool(paused)

    async def _delete(self, pool: ipamv1.IPPool, state: PoolState) -> None:
        """Let it go once nothing holds an address; what is in quarantine ends at once."""
        if state.is_in_use:
            return
        await drop_finalizer(self.env.client, pool, ipamv1.POOL_FINALIZER)

    async def _own(self, pool: ipamv1.IPPool) -> str:
        """Finalizer, and what ties it to its cluster; the answer is what is wrong with that."""
        before = pool.metadata.to_dict()
        metav1.add_finalizer(pool, ipamv1.POOL_FINALIZER)
        problem = await self._tie_to_cluster(pool)
        if pool.metadata.to_dict() != before:
            stored = await self.env.client.update(pool)
            pool.metadata.resource_version = stored.metadata.resource_version
        return problem

    async def _tie_to_cluster(self, pool: ipamv1.IPPool) -> str:
        name, namespace = pool.spec.cluster_name, pool.metadata.namespace
        if not name:
            return ""
        pool.metadata.labels[clusterv1.CLUSTER_NAME_LABEL] = name
        pool.metadata.labels[clusterv1.PROVIDER_LABEL] = ipamv1.PROVIDER_LABEL_VALUE
        if self.env.ledger.cluster_paused(namespace, name) is None:
            return f"Cluster {name} does not exist"
        cluster = await self.env.client.get(clusterv1.Cluster, NamespacedName(namespace, name))
        metav1.set_owner_reference(pool, metav1.owner_reference(cluster))
        return ""

    async def _report(self, pool: ipamv1.IPPool, state: PoolState, problem: str) -> ctrl.Result:
        plan = state.plan
        if plan is None:  # gone while its metadata was written
            return ctrl.Result()
        counts = counts_of(state, plan)
        metrics.pool(
            state.key,
            total=counts.total,
            used=counts.used,
            free=counts.free,
            waiting=len(state.waiting),
        )
        early = self._too_early(pool, state)
        if early is not None:
            return ctrl.Result(requeue_after=early)
        change, told = self._difference(pool, state, plan, counts, problem)
        if change:
            self.written[state.key] = self.env.ledger.time()
            change["lastUpdated"] = metav1.format_time(self.env.now())
            meta = {"resourceVersion": pool.metadata.resource_version}
            body = {"metadata": meta, "status": change}
            await self.env.client.status.patch(pool, Patch(PatchType.MERGE, body))
        if told is not None:
            self.env.recorder.warning(pool, told.reason, told.message)
        return self._look_again(state)

    def _too_early(self, pool: ipamv1.IPPool, state: PoolState) -> timedelta | None:
        """How long to wait with the next write; a new spec is answered at once."""
        since = self.written.get(state.key)
        if since is None or pool.status.observed_generation != pool.metadata.generation:
            return None
        pause = SHORTEST + PER_CLAIM * min(len(state.records), MAX_INDEXED)
        left = pause - timedelta(seconds=self.env.ledger.time() - since)
        return left if left > timedelta() else None

    def _difference(
        self,
        pool: ipamv1.IPPool,
        state: PoolState,
        plan: PoolPlan,
        counts: Counts,
        problem: str,
    ) -> tuple[dict[str, Any], metav1.Condition | None]:
        """What to change in the status, and a condition to tell users of."""
        generation, conditions = pool.metadata.generation, pool.status.conditions
        indexes, truncated = indexes_of(state, plan)
        wanted: dict[str, Any] = {
            "observedGeneration": generation,
            "indexesTruncated": truncated or None,
            "ranges": ranges_of(state, plan),
            **counts.to_dict(),
        }
        was = pool.status.to_dict()
        change = {key: value for key, value in wanted.items() if was.get(key) != value}
        if entries := _map_difference(pool.status.indexes, indexes):
            change["indexes"] = entries
        available = available_condition(counts, plan.warning_percent, generation)
        before = metav1.find_condition(conditions, available.type)
        is_news = before is None or before.reason != available.reason
        ready = ready_condition(plan, problem, generation)
        now = self.env.now()
        changed = metav1.set_condition(conditions, ready, now=now)
        changed = metav1.set_condition(conditions, available, now=now) or changed
        if changed:
            change["conditions"] = [condition.to_dict() for condition in conditions]
        warns = is_news and available.reason != "Available"
        return change, available if warns else None

    def _look_again(self, state: PoolState) -> ctrl.Result:
        due = state.next_due
        if due is None:
            return ctrl.Result()
        left = max(due - self.env.ledger.time(), SHORTEST.total_seconds())
        return ctrl.Result(requeue_after=timedelta(seconds=left))


def _map_difference(old: dict[str, str], new: dict[str, str]) -> dict[str, str | None]:
    changed: dict[str, str | None] = {k: v for k, v in new.items() if old.get(k) != v}
    return changed | {name: None for name in old if name not in new}
