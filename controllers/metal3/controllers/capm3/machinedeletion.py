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
from metal3.runtime.patch import patching

from . import conditions, hostspec
from .conditions import Reason, Type, was_associated
from .environment import Environment
from .hostfacts import facts_of
from .machinedata import MachineData
from .related import (
    annotated_host,
    find,
    hosts_of,
    is_consumer,
    is_current,
    machine_of,
    reuse_name,
    wants_node_reuse,
)
from .release import Release


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
        hosts = await self._hosts(m3m)
        if hosts and not await is_current(self.env.live, m3m):
            return ctrl.Result()  # another manager was quicker, and they are the next machine's
        waits = [host for host in hosts if not await self._release(m3m, host, cluster)]
        if waits:
            self._explain(m3m, waits[0])
            return ctrl.Result(requeue_after=self.env.options.resync)
        await MachineData(env=self.env).give_back(m3m)
        metav1.remove_finalizer(m3m, infrav1.MACHINE_FINALIZER)
        return ctrl.Result()

    async def _hosts(self, m3m: infrav1.Metal3Machine) -> list[metal3api.BareMetalHost]:
        """Also one whose claim the cache has not seen yet: the wish was written before it."""
        hosts = await hosts_of(self.env.client, m3m)
        name = annotated_host(m3m)
        if name in {"", *(host.metadata.name for host in hosts)}:
            return hosts
        wished = await find(self.env.live, metal3api.BareMetalHost, m3m.metadata.namespace, name)
        if wished is None:
            return hosts
        if not is_consumer(wished, m3m):
            if not await self._may_still_become_ours(m3m, wished):
                return hosts
            async with patching(self.env.client, wished, optimistic_lock=True):
                hostspec.claim(wished, m3m)
        return [*hosts, wished]

    async def _may_still_become_ours(
        self, m3m: infrav1.Metal3Machine, host: metal3api.BareMetalHost
    ) -> bool:
        """Whether a claim of a process that is dead may be on its way: one of ours stops it.

        It was decided on while the host could be had; if it cannot be any more, it has changed.
        """
        facts = facts_of(host)
        if was_associated(m3m) or facts.is_in_use or facts.fault is not None:
            return False
        machine = await machine_of(self.env.client, m3m)
        return facts.reserved_as in {"", await reuse_name(self.env.client, machine)}

    async def _release(
        self,
        m3m: infrav1.Metal3Machine,
        host: metal3api.BareMetalHost,
        cluster: clusterv1.Cluster | None,
    ) -> bool:
        """True when the host is given back; False while it has to be waited for."""
        release = Release(
            env=self.env,
            keep_power=self._keeps_power(m3m),
            reserve_as=await self._reservation(m3m, cluster),
            cluster=cluster,
        )
        return await release.step(m3m, host)

    def _explain(self, m3m: infrav1.Metal3Machine, host: metal3api.BareMetalHost) -> None:
        text = f"waiting for host {host.metadata.name} ({host.status.provisioning.state})"
        if host.status.error_message:
            text += f": {host.status.error_type}: {host.status.error_message}"
        now = self.env.now()
        conditions.mark_false(m3m, Type.ASSOCIATE_META_DATA, Reason.DELETING, text, now=now)

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
