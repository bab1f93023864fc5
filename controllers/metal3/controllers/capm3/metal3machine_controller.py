"""Takes a Metal3Machine from a wish to a node, and back.

Watches: Metal3Machine, Machine, Cluster, Metal3Cluster, Metal3DataClaim, Metal3Data, BareMetalHost
         (its own, and any that becomes free while it waits), nodes of the workload cluster.
Writes:  Metal3Machine, the BareMetalHost it claims, its Metal3DataClaim, providerID of its node.
Looks again: after ``resync`` while it waits for a host, after ``node_poll`` for a node.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from metal3 import ctrl
from metal3.api.cluster_x_k8s_io import v1beta2 as clusterv1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.client import NotFoundError
from metal3.runtime.metrics import Tally
from metal3.runtime.patch import PatchHelper, patching

from . import conditions, hostspec, metrics
from .association import Association, ClaimsLostError
from .conditions import Reason, Type
from .environment import Environment
from .hosts import Hosts
from .machinedata import MachineData
from .machinedeletion import MachineDeletion
from .machinenode import MachineNode
from .ownwrites import OwnWrites
from .providerid import NodeConflictError
from .related import Scope, cluster_of, host_of, machine_of, metal3_cluster_of

SOON: Final = timedelta(milliseconds=200)
State = metal3api.ProvisioningState
ON_ITS_WAY: Final = (State.READY, State.AVAILABLE, State.PROVISIONING)
Helper = PatchHelper[infrav1.Metal3Machine]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metal3MachineReconciler:
    """Each call goes as far as it can; what it waits for wakes it."""

    env: Environment
    hosts: Hosts
    own_writes: OwnWrites
    machines: Tally = field(default_factory=lambda: Tally(metrics.MACHINES))

    async def reconcile(self, req: ctrl.Request) -> ctrl.Result:
        """Drive one machine; unexpected errors go up, to be retried with backoff."""
        try:
            m3m = await self.env.client.get(infrav1.Metal3Machine, req)
        except NotFoundError:
            self.machines.forget(req)
            self.own_writes.forget(req)
            await MachineData(env=self.env).release_orphan(req)
            return ctrl.Result()
        return await self.own_writes.drive(m3m, self._patched)

    async def _patched(self, m3m: infrav1.Metal3Machine) -> ctrl.Result:
        async with patching(self.env.client, m3m, optimistic_lock=True) as helper:
            if not m3m.metadata.deletion_timestamp:
                # Sent with the first write, which comes before that of anything to be cleaned up.
                metav1.add_finalizer(m3m, infrav1.MACHINE_FINALIZER)
            try:
                return await self._drive(m3m, helper)
            finally:
                self._finish(m3m)

    def _finish(self, m3m: infrav1.Metal3Machine) -> None:
        if metav1.has_finalizer(m3m, infrav1.MACHINE_FINALIZER):
            conditions.summarize(m3m, now=self.env.now())
            self.machines.see(ctrl.key_of(m3m), conditions.waits_for(m3m))
        else:
            self.machines.forget(ctrl.key_of(m3m))

    async def _drive(self, m3m: infrav1.Metal3Machine, helper: Helper) -> ctrl.Result:
        client = self.env.client
        cluster = await cluster_of(client, m3m)
        if clusterv1.is_paused(m3m, cluster):
            return await self._paused(m3m, cluster)
        conditions.mark_paused(m3m, paused=False, why="", now=self.env.now())
        if m3m.metadata.deletion_timestamp:
            return await MachineDeletion(env=self.env).drive(m3m, cluster)
        machine = await machine_of(client, m3m)
        if machine is None:
            return self._wait(m3m, Reason.WAITING_FOR_OWNER, "Cluster API has set no owner yet")
        if cluster is None or not cluster.status.initialization.infrastructure_provisioned:
            text = "the infrastructure of the Cluster is not ready"
            return self._wait(m3m, Reason.WAITING_FOR_CLUSTER_INFRASTRUCTURE, text)
        m3c = await metal3_cluster_of(client, cluster)
        if m3c is None:
            return self._wait(m3m, Reason.WAITING_FOR_CLUSTER, "there is no Metal3Cluster")
        if machine.spec.failure_domain:
            m3m.spec.failure_domain = machine.spec.failure_domain
        scope = Scope(m3m=m3m, machine=machine, cluster=cluster, m3c=m3c)
        return await self._provision(scope, helper)

    async def _paused(
        self, m3m: infrav1.Metal3Machine, cluster: clusterv1.Cluster | None
    ) -> ctrl.Result:
        by_cluster = cluster is not None and bool(cluster.spec.paused)
        why = "the Cluster is paused" if by_cluster else "the paused annotation is set"
        conditions.mark_paused(m3m, paused=True, why=why, now=self.env.now())
        host = await host_of(self.env.client, m3m) if by_cluster else None
        if host is not None:
            async with patching(self.env.client, host, optimistic_lock=True):
                hostspec.pause(host)
        return ctrl.Result()

    def _wait(self, m3m: infrav1.Metal3Machine, reason: Reason, text: str) -> ctrl.Result:
        conditions.mark_false(m3m, Type.ASSOCIATE_HOST, reason, text, now=self.env.now())
        return ctrl.Result()

    async def _provision(self, scope: Scope, helper: Helper) -> ctrl.Result:
        m3m, bootstrap = scope.m3m, scope.machine.spec.bootstrap
        if bootstrap.data_secret_name is None:
            text = "the Machine has no bootstrap data yet"
            return self._wait(m3m, Reason.WAITING_FOR_BOOTSTRAP_DATA, text)
        data = MachineData(env=self.env)
        if m3m.spec.data_template is None:  # so that the claim can ask for the image at once
            await data.is_ready(m3m, bootstrap.data_secret_name)
        try:
            host = await Association(env=self.env, hosts=self.hosts).host(scope, helper)
        except ClaimsLostError:  # no failure: there may be others as soon as the cache shows them
            return ctrl.Result(requeue_after=SOON)
        if host is None:
            return ctrl.Result(requeue_after=self.env.options.resync)
        if not await data.is_ready(m3m, bootstrap.data_secret_name):
            return ctrl.Result(requeue_after=self.env.options.resync)
        async with patching(self.env.client, host, optimistic_lock=True):
            hostspec.unpause(host)
            hostspec.claim(host, m3m)
            if not _is_settled(m3m):
                hostspec.deploy(host, m3m)
        self.hosts.own_writes.note(host)
        self._report(m3m, host)
        return await self._node(scope, host, helper)

    def _report(self, m3m: infrav1.Metal3Machine, host: metal3api.BareMetalHost) -> None:
        conditions.clear_failure(m3m)
        addresses = hostspec.addresses_of(host)
        if addresses and [a.to_dict() for a in addresses] != [
            a.to_dict() for a in m3m.status.addresses
        ]:
            m3m.status.addresses = addresses
            m3m.status.last_updated = metav1.format_time(self.env.now())

    async def _node(
        self, scope: Scope, host: metal3api.BareMetalHost, helper: Helper
    ) -> ctrl.Result:
        m3m, now = scope.m3m, self.env.now()
        if _is_settled(m3m) and scope.machine.status.node_ref is not None:
            conditions.mark_true(
                m3m, Type.ASSOCIATE_META_DATA, Reason.META_DATA_ASSOCIATED, now=now
            )
            return ctrl.Result()
        if host.status.provisioning.state != State.PROVISIONED:
            self._host_is_busy(m3m, host)
            return ctrl.Result(requeue_after=self.env.options.resync)
        try:
            waiting = await MachineNode(env=self.env).settle(scope, host)
        except NodeConflictError as error:
            waiting = str(error)
        if waiting:
            conditions.mark_false(
                m3m, Type.ASSOCIATE_META_DATA, Reason.WAITING_FOR_NODE, waiting, now=now
            )
            return ctrl.Result(requeue_after=self.env.options.node_poll)
        await helper.patch(
            status=False
        )  # Cluster API reads the ID as soon as it sees ``provisioned``
        m3m.status.initialization = infrav1.Initialization(provisioned=True)
        conditions.mark_true(m3m, Type.ASSOCIATE_META_DATA, Reason.META_DATA_ASSOCIATED, now=now)
        if scope.machine.status.node_ref is not None:
            return ctrl.Result()
        # With bootstrap data of the user's own the node may join later, and is given its ID then.
        return ctrl.Result(requeue_after=self.env.options.node_poll)

    def _host_is_busy(self, m3m: infrav1.Metal3Machine, host: metal3api.BareMetalHost) -> None:
        status = host.status
        if status.error_message:
            reason, severity = Reason.HOST_FAILED, "Warning"
            text = f"host {host.metadata.name}: {status.error_type}: {status.error_message}"
        else:
            reason, severity = Reason.HOST_NOT_PROVISIONED, "Info"
            text = _what_is_waited_for(host)
        conditions.mark_false(
            m3m, Type.ASSOCIATE_META_DATA, reason, text, now=self.env.now(), severity=severity
        )


def _what_is_waited_for(host: metal3api.BareMetalHost) -> str:
    """The same words from image to end: a machine is not written again for each state between."""
    state = host.status.provisioning.state
    if state in ON_ITS_WAY:
        return f"waiting for host {host.metadata.name} to be provisioned"
    return f"host {host.metadata.name} is {state or 'not registered'}"


def _is_settled(m3m: infrav1.Metal3Machine) -> bool:
    started = m3m.status.initialization
    return bool(m3m.spec.provider_id) and started is not None and bool(started.provisioned)
