"""Letting a machine go: first its host is deprovisioned, then its data and addresses are freed.

So an address is never given to another machine while the old system still runs with it. Nothing of
this needs the Cluster's infrastructure to be ready, or even to be there.
"""

from dataclasses import dataclass

from metal3 import ctrl
from metal3.api.cluster_x_k8s_io import v1beta2 as clusterv1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.client import NotFoundError
from metal3.runtime.patch import patching

from . import bmcsecret, conditions, hostspec, metrics
from .conditions import Reason, Type
from .environment import Environment
from .machinedata import MachineData
from .related import (
    annotated_host,
    find,
    host_of,
    is_consumer,
    machine_of,
    reuse_name,
    wants_node_reuse,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineDeletion:
    """Every pass goes as far as it can."""

    env: Environment

    async def drive(
        self, m3m: infrav1.Metal3Machine, cluster: clusterv1.Cluster | None
    ) -> ctrl.Result:
        """One pass; the last one removes the finalizer."""
        if not metav1.has_finalizer(m3m, infrav1.MACHINE_FINALIZER):
            return ctrl.Result()
        host = await self._host(m3m)
        if host is not None and not await self._release(m3m, host, cluster):
            return ctrl.Result(requeue_after=self.env.options.resync)
        await MachineData(env=self.env).give_back(m3m)
        metav1.remove_finalizer(m3m, infrav1.MACHINE_FINALIZER)
        return ctrl.Result()

    async def _host(self, m3m: infrav1.Metal3Machine) -> metal3api.BareMetalHost | None:
        """Also one whose claim the cache has not seen yet: the wish was written before it."""
        host = await host_of(self.env.client, m3m)
        if host is not None:
            return host
        name = annotated_host(m3m)
        found = await find(self.env.live, metal3api.BareMetalHost, m3m.metadata.namespace, name)
        return found if found is not None and is_consumer(found, m3m) else None

    async def _release(
        self,
        m3m: infrav1.Metal3Machine,
        host: metal3api.BareMetalHost,
        cluster: clusterv1.Cluster | None,
    ) -> bool:
        """True when the host is given back; False while it has to be waited for."""
        step = hostspec.release_step(host)
        if step is hostspec.Release.NOW:
            await bmcsecret.label(self.env.client, host, None)
        reserve_as = await self._reservation(m3m, cluster)
        try:
            async with patching(self.env.client, host, optimistic_lock=True):
                hostspec.unpause(host)
                hostspec.undeploy(host, m3m, keep_power=self._keeps_power(m3m))
                if step is hostspec.Release.NOW:
                    hostspec.let_go(host, reserve_as=reserve_as, cluster=cluster)
        except NotFoundError:
            return True
        if step is hostspec.Release.NOW:
            self._released(m3m, host, reserved=bool(reserve_as))
            return True
        text = f"waiting for host {host.metadata.name} ({host.status.provisioning.state})"
        if host.status.error_message:
            text += f": {host.status.error_type}: {host.status.error_message}"
        now = self.env.now()
        conditions.mark_false(m3m, Type.ASSOCIATE_META_DATA, Reason.DELETING, text, now=now)
        return False

    def _keeps_power(self, m3m: infrav1.Metal3Machine) -> bool:
        cleans = m3m.spec.automated_cleaning_mode != metal3api.AutomatedCleaningMode.DISABLED
        return self.env.options.fast_track and cleans

    async def _reservation(
        self, m3m: infrav1.Metal3Machine, cluster: clusterv1.Cluster | None
    ) -> str:
        """What the host is reserved under for the next machine, if at all."""
        if cluster is None or cluster.metadata.deletion_timestamp:
            return ""
        if not await wants_node_reuse(self.env.client, m3m):
            return ""
        return await reuse_name(self.env.client, await machine_of(self.env.client, m3m))

    def _released(
        self, m3m: infrav1.Metal3Machine, host: metal3api.BareMetalHost, *, reserved: bool
    ) -> None:
        metrics.RELEASES.labels(reserved=str(reserved).lower()).inc()
        word = "HostReserved" if reserved else "HostReleased"
        text = f"gave BareMetalHost {host.metadata.name} back"
        self.env.recorder.normal(m3m, word, text, related=host)
