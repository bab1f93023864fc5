"""The last step of a machine: its provider ID, and the node that carries it."""

from dataclasses import dataclass

from metal3.api.core import v1 as corev1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.client import ApiError, Patch, PatchType

from .environment import Environment
from .providerid import (
    HOST_INDEX,
    HOSTNAME_INDEX,
    ID_INDEX,
    UUID_INDEX,
    legacy_id,
    node_by_name,
    node_with_id,
    node_with_uuid,
    provider_id,
)
from .related import Scope
from .workload import WorkloadUnreachableError


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineNode:
    """Finds the node of a machine, or gives one its provider ID."""

    env: Environment

    async def settle(self, scope: Scope, host: metal3api.BareMetalHost) -> str:
        """Set ``spec.providerID``; otherwise say what is waited for.

        Raises NodeConflictError.
        """
        m3m = scope.m3m
        wanted = m3m.spec.provider_id or provider_id(m3m, host)
        has_own_bootstrap = scope.machine.spec.bootstrap.config_ref is None
        try:
            nodes = await self._candidates(scope, host, wanted)
        except (WorkloadUnreachableError, ApiError) as error:
            if has_own_bootstrap and not scope.m3c.spec.cloud_provider_enabled:
                return _identify(m3m, wanted)
            return f"waiting for the workload cluster: {error}"
        found = node_with_id(nodes, wanted, host)
        if found is not None:
            return _identify(m3m, found.spec.provider_id)
        if scope.m3c.spec.cloud_provider_enabled:
            return f"waiting for the cloud provider to set {wanted} on a node"
        node = node_with_uuid(nodes, host)
        if node is None and not has_own_bootstrap:
            return f"waiting for a node of provider ID {wanted}, or labelled with the host's uid"
        node = node or node_by_name(nodes, m3m)
        if node is not None:
            await self._name(scope, node, wanted)
        return _identify(m3m, wanted)

    async def _candidates(
        self, scope: Scope, host: metal3api.BareMetalHost, wanted: str
    ) -> list[corev1.Node]:
        """Nodes that anything connects with the machine; all others are not even looked at."""
        addresses = scope.m3m.status.addresses
        asked = [
            (ID_INDEX, wanted),
            (ID_INDEX, legacy_id(host)),
            (HOST_INDEX, f"{scope.m3m.metadata.namespace}/{host.metadata.name}"),
            (UUID_INDEX, host.metadata.uid),
            *(
                (HOSTNAME_INDEX, address.address)
                for address in addresses
                if address.type == infrav1.AddressType.HOSTNAME
            ),
        ]
        found: dict[str, corev1.Node] = {}
        for index, value in asked:
            for node in await self.env.workload.nodes(scope.cluster_key, {index: value}):
                found[node.metadata.name] = node
        return list(found.values())

    async def _name(self, scope: Scope, node: corev1.Node, wanted: str) -> None:
        if node.spec.provider_id:
            return
        client = await self.env.workload.client(scope.cluster_key)
        body = {"spec": {"providerID": wanted}}
        await client.patch(node, Patch(PatchType.MERGE, body))


def _identify(m3m: infrav1.Metal3Machine, identity: str) -> str:
    m3m.spec.provider_id = identity
    return ""
