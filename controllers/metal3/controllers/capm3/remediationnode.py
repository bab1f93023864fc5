"""What a remediation does to the node of its machine, so that its pods may start elsewhere.

With a server that knows it, the node is tainted out-of-service; otherwise it is deleted, and its
labels and annotations are put back when the kubelet registers it again.
"""

import json
from dataclasses import dataclass
from typing import Any, Final, cast

from metal3.api.cluster_x_k8s_io import v1beta2 as clusterv1
from metal3.api.core import v1 as corev1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.meta import v1 as metav1
from metal3.runtime.client import ApiError, Client, ForbiddenError, NotFoundError, RestClient
from metal3.runtime.patch import patching
from metal3.runtime.types import NamespacedName

from .environment import Environment
from .workload import WorkloadUnreachableError

TAINT_KEY: Final = "node.kubernetes.io/out-of-service"
TAINT_VALUE: Final = "nodeshutdown"
FIRST_MINOR_WITH_TAINT: Final = 28
Pod = metav1.Unstructured.of(metav1.GroupVersionKind("", "v1", "Pod"), "pods")
VolumeAttachment = metav1.Unstructured.of(
    metav1.GroupVersionKind("storage.k8s.io", "v1", "VolumeAttachment"),
    "volumeattachments",
    namespaced=False,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RemediationNode:
    """A cluster that cannot be asked, or that forbids it, does not stop a remediation."""

    env: Environment

    async def evacuate(self, m3r: infrav1.Metal3Remediation, machine: clusterv1.Machine) -> bool:
        """True when nothing of the node has to be waited for any more."""
        found = await self._find(machine)
        if found is None:
            return True
        client, node = found
        try:
            if await _knows_taint(client):
                return await self._taint(client, node)
            return await self._delete(client, node, m3r)
        except ForbiddenError:
            return True

    async def restore(self, m3r: infrav1.Metal3Remediation, machine: clusterv1.Machine) -> bool:
        """True when the node is as it was, or cannot be helped; False until it is back."""
        found = await self._find(machine)
        if found is None:
            return _backup(m3r) is None
        client, node = found
        try:
            async with patching(client, node):
                node.spec.taints = [t for t in node.spec.taints if t.key != TAINT_KEY]
                labels, annotations = _backup(m3r) or ({}, {})
                node.metadata.labels = labels | node.metadata.labels
                node.metadata.annotations = annotations | node.metadata.annotations
        except ForbiddenError:
            return True
        for key in (infrav1.NODE_LABELS_BACKUP, infrav1.NODE_ANNOTATIONS_BACKUP):
            m3r.metadata.annotations.pop(key, None)
        return True

    async def _find(self, machine: clusterv1.Machine) -> tuple[Client, corev1.Node] | None:
        ref = machine.status.node_ref
        if ref is None or not ref.name:
            return None
        cluster = NamespacedName(machine.metadata.namespace, machine.spec.cluster_name)
        try:
            client = await self.env.workload.client(cluster)
            return client, await client.get(corev1.Node, NamespacedName("", ref.name))
        except (WorkloadUnreachableError, NotFoundError, ForbiddenError):
            return None
        except ApiError:
            return None  # down, as the only control plane node of a cluster may be

    async def _taint(self, client: Client, node: corev1.Node) -> bool:
        if not any(t.key == TAINT_KEY for t in node.spec.taints):
            async with patching(client, node, optimistic_lock=True):
                taint = corev1.Taint(key=TAINT_KEY, value=TAINT_VALUE, effect="NoExecute")
                node.spec.taints = [*node.spec.taints, taint]
            return False
        name = node.metadata.name
        pods = await client.list(Pod, fields={"spec.nodeName": name})
        if any(pod.metadata.deletion_timestamp for pod in pods.items):
            return False
        volumes = await client.list(VolumeAttachment)
        return not any(_node_of(volume) == name for volume in volumes.items)

    async def _delete(
        self, client: Client, node: corev1.Node, m3r: infrav1.Metal3Remediation
    ) -> bool:
        notes = m3r.metadata.annotations
        if _backup(m3r) is None:
            notes[infrav1.NODE_LABELS_BACKUP] = json.dumps(node.metadata.labels, sort_keys=True)
            notes[infrav1.NODE_ANNOTATIONS_BACKUP] = json.dumps(
                node.metadata.annotations, sort_keys=True
            )
            return False  # stored before the node goes
        await client.delete(node)
        return True


def _node_of(volume: metav1.Unstructured) -> str:
    spec = volume.to_dict().get("spec")
    return str(spec.get("nodeName") or "") if isinstance(spec, dict) else ""


async def _knows_taint(client: Client) -> bool:
    """What the workload cluster itself says; not what the management cluster would know."""
    if not isinstance(client, RestClient):
        return True
    version = await client.server_version()
    minor = "".join(c for c in version.minor if c.isdigit())
    return (version.major, int(minor or 0)) >= ("1", FIRST_MINOR_WITH_TAINT)


def _backup(m3r: infrav1.Metal3Remediation) -> tuple[dict[str, str], dict[str, str]] | None:
    notes = m3r.metadata.annotations
    if infrav1.NODE_LABELS_BACKUP not in notes:
        return None
    return (
        _map(notes[infrav1.NODE_LABELS_BACKUP]),
        _map(notes.get(infrav1.NODE_ANNOTATIONS_BACKUP, "{}")),
    )


def _map(text: str) -> dict[str, str]:
    try:
        value: Any = json.loads(text)
    except ValueError:
        return {}
    return cast("dict[str, str]", value) if isinstance(value, dict) else {}
