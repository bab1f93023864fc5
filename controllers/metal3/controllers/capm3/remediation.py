"""A Metal3Remediation with what it is about, and how long each try of it may take."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from metal3.api.cluster_x_k8s_io import v1beta2 as clusterv1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.types import NamespacedName

from .environment import Environment
from .related import find, host_of, owner_name

REMEDIATED_MACHINE_INDEX: Final = "capm3.metal3.io/remediated-machine"
"""Index on Metal3Remediation: name of the Machine that owns it."""
DEFAULT_STRATEGY: Final = infrav1.RemediationStrategy(type=infrav1.RemediationType.REBOOT)


@dataclass(frozen=True, slots=True, kw_only=True)
class RemediationScope:
    """What is missing is None; a machine may have no host, and no node, yet or any more."""

    m3r: infrav1.Metal3Remediation
    machine: clusterv1.Machine | None
    host: metal3api.BareMetalHost | None
    cluster: clusterv1.Cluster | None

    @property
    def cluster_key(self) -> NamespacedName:
        """Of the workload cluster."""
        name = self.machine.spec.cluster_name if self.machine is not None else ""
        return NamespacedName(self.m3r.metadata.namespace, name)

    @property
    def node_name(self) -> str:
        """Of the machine's node; empty while it has never joined."""
        ref = self.machine.status.node_ref if self.machine is not None else None
        return ref.name if ref is not None else ""

    @property
    def machine_stays(self) -> bool:
        """Whether there is still a machine to bring back."""
        return self.machine is not None and not self.machine.metadata.deletion_timestamp

    @property
    def is_control_plane(self) -> bool:
        """Whether the workload API itself may run on this machine."""
        machine = self.machine
        return machine is not None and clusterv1.CONTROL_PLANE_LABEL in machine.metadata.labels


async def load_scope(env: Environment, m3r: infrav1.Metal3Remediation) -> RemediationScope:
    """From the remediation to its Machine, and on to host and Cluster."""
    namespace, client = m3r.metadata.namespace, env.client
    name = owner_name(m3r, clusterv1.Machine)
    machine = await find(client, clusterv1.Machine, namespace, name)
    if machine is None:
        # Ending a remediation loses what was saved of the node: not because a cache is late.
        machine = await find(env.live, clusterv1.Machine, namespace, name)
    if machine is None:
        return RemediationScope(m3r=m3r, machine=None, host=None, cluster=None)
    cluster = await find(client, clusterv1.Cluster, namespace, machine.spec.cluster_name)
    host = await _host_of(env, machine)
    return RemediationScope(m3r=m3r, machine=machine, host=host, cluster=cluster)


async def _host_of(env: Environment, machine: clusterv1.Machine) -> metal3api.BareMetalHost | None:
    ref = machine.spec.infrastructure_ref
    if ref.kind != infrav1.Metal3Machine.gvk.kind:
        return None
    m3m = await find(env.client, infrav1.Metal3Machine, machine.metadata.namespace, ref.name)
    return await host_of(env.client, m3m) if m3m is not None else None


def strategy_of(m3r: infrav1.Metal3Remediation) -> infrav1.RemediationStrategy:
    """What the remediation says, or the defaults."""
    return m3r.spec.strategy or DEFAULT_STRATEGY


def timeout_of(m3r: infrav1.Metal3Remediation) -> timedelta:
    """How long a try may take, and how long the end of a deleted remediation may."""
    return timedelta(seconds=max(strategy_of(m3r).timeout_seconds, 1))


def began(m3r: infrav1.Metal3Remediation, now: datetime) -> datetime:
    """When the present try began; one whose record is unreadable begins now."""
    try:
        return metav1.parse_time(m3r.status.last_remediated or "")
    except ValueError:
        return now


def time_left(m3r: infrav1.Metal3Remediation, now: datetime) -> timedelta:
    """Of the present try; zero when its time is up."""
    return max(began(m3r, now) + timeout_of(m3r) - now, timedelta())


def remediated_machine(m3r: infrav1.Metal3Remediation) -> list[str]:
    """For REMEDIATED_MACHINE_INDEX."""
    name = owner_name(m3r, clusterv1.Machine)
    return [name] if name else []
