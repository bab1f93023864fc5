"""Wakes the machine of a node of a workload cluster that joined, left, or is known otherwise now.

Watches: nodes of workload clusters, through their shared connections.
Writes:  nothing.
Looks again: never.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from metal3 import ctrl
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.client import Reader
from metal3.runtime.source import Channel
from metal3.runtime.types import NamespacedName, key_of

from .providerid import NodeIdentity, parts_of
from .wakeups import machine_of_host

UID_INDEX = "metadata.uid"
"""Index on BareMetalHost."""
HOSTNAME_INDEX = "capm3.metal3.io/hostname"
"""Index on Metal3Machine: its host names."""


def uid_of(host: metal3api.BareMetalHost) -> list[str]:
    """For UID_INDEX."""
    return [host.metadata.uid]


def hostnames(m3m: infrav1.Metal3Machine) -> list[str]:
    """For HOSTNAME_INDEX."""
    kind = infrav1.AddressType.HOSTNAME
    return [a.address for a in m3m.status.addresses if a.type == kind]


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeNews:
    """Many nodes at once make one look; each machine is found by an index."""

    client: Reader
    machines: Channel
    bell: Channel = field(default_factory=Channel)
    _pending: dict[NamespacedName, set[NodeIdentity]] = field(
        default_factory=dict[NamespacedName, set[NodeIdentity]], init=False
    )

    def tell(self, cluster: NamespacedName, identity: NodeIdentity) -> None:
        """Something about a node of a cluster changed."""
        self._pending.setdefault(cluster, set()).add(identity)
        self.bell.wake(cluster)

    async def reconcile(self, req: ctrl.Request) -> ctrl.Result:
        """``req`` is the key of a Cluster."""
        cluster = NamespacedName(*req)
        identities = self._pending.pop(cluster, set())
        try:
            for identity in identities:
                for key in await self._machines(cluster.namespace, identity):
                    self.machines.wake(key)
        except BaseException:
            self._pending.setdefault(cluster, set()).update(identities)
            raise
        return ctrl.Result()

    async def _machines(self, namespace: str, identity: NodeIdentity) -> Iterable[NamespacedName]:
        found: set[NamespacedName] = set()
        parts = parts_of(identity.provider_id)
        if parts is not None:
            found.add(NamespacedName(parts[0], parts[2]))
        if identity.uuid:
            hosts = await self.client.list(
                metal3api.BareMetalHost, fields={UID_INDEX: identity.uuid}
            )
            found.update(key for host in hosts.items for key in machine_of_host(host))
        if identity.hostname:
            named = await self.client.list(
                infrav1.Metal3Machine,
                namespace=namespace,
                fields={HOSTNAME_INDEX: identity.hostname},
            )
            found.update(key_of(m3m) for m3m in named.items)
        return found
