"""Fencing: telling a workload cluster that a node's pods may run elsewhere, and taking it back.

Clusters that know the out-of-service taint get it (Kubernetes documentation, "Node Shutdowns");
elsewhere the Node is deleted, and what people wrote on it is given to the one that comes back.
"""

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from metal3.api.core import v1 as corev1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.meta import v1 as metav1
from metal3.runtime.client import (
    ApiError,
    Client,
    ConflictError,
    ForbiddenError,
    NotFoundError,
    Patch,
    PatchType,
    Preconditions,
)
from metal3.runtime.types import NamespacedName

from .environment import Environment
from .remediation import RemediationScope
from .remediation_workload import is_in_use, supports_out_of_service
from .workload import WorkloadUnreachableError

OUT_OF_SERVICE: Final = "node.kubernetes.io/out-of-service"
SETTLE: Final = timedelta(seconds=5)
"""Pods are evicted a moment after the taint is there; none leaving before that means nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeFence:
    """Every call does one step and may be repeated; all raise WorkloadUnreachableError."""

    env: Environment

    async def fence(self, scope: RemediationScope) -> bool:
        """True once pods and volumes of the node are free, or there is no node to be fenced.

        The host must be off. What is saved of a node is in ``scope.m3r`` before it is deleted.
        """
        if not scope.node_name:
            return True
        try:
            return await self._fence(scope)
        except (ForbiddenError, NotFoundError):
            return True  # no rights there, or the node left meanwhile: nothing we can do for it
        except ConflictError:
            return False
        except ApiError as error:
            raise WorkloadUnreachableError(f"node {scope.node_name}: {error}") from error

    async def restore(self, scope: RemediationScope) -> bool:
        """True once the node is as it was; False while a deleted one has not come back."""
        if not scope.node_name:
            return True
        try:
            return await self._restore(scope)
        except ForbiddenError:
            return True
        except (ConflictError, NotFoundError):
            return False
        except ApiError as error:
            raise WorkloadUnreachableError(f"node {scope.node_name}: {error}") from error

    async def is_ready(self, scope: RemediationScope) -> bool:
        """Whether the kubelet reports; False, too, when nobody can tell."""
        try:
            client = await self.env.workload.client(scope.cluster_key)
            node = await _node(client, scope.node_name)
        except (WorkloadUnreachableError, ApiError):
            return False
        conditions = node.status.conditions if node is not None else []
        return any((c.type, c.status) == ("Ready", "True") for c in conditions)

    async def _fence(self, scope: RemediationScope) -> bool:
        client = await self.env.workload.client(scope.cluster_key)
        node = await _node(client, scope.node_name)
        if node is None:
            return True
        taint = _taint_of(node)
        if taint is not None:
            return self._has_settled(taint) and not await is_in_use(client, node)
        if _has_backup(scope.m3r):
            await client.delete(node, preconditions=Preconditions(uid=node.metadata.uid))
            return True
        if await supports_out_of_service(client):
            await self._taint(client, node)
        else:
            _back_up(scope.m3r, node)
        return False

    def _has_settled(self, taint: corev1.Taint) -> bool:
        if not taint.time_added:
            return True
        try:
            return self.env.now() - metav1.parse_time(taint.time_added) >= SETTLE
        except ValueError:
            return True

    async def _taint(self, client: Client, node: corev1.Node) -> None:
        taint = corev1.Taint(
            key=OUT_OF_SERVICE,
            value="nodeshutdown",
            effect="NoExecute",
            time_added=metav1.format_time(self.env.now()),
        )
        await _set_taints(client, node, [*node.spec.taints, taint])

    async def _restore(self, scope: RemediationScope) -> bool:
        client = await self.env.workload.client(scope.cluster_key)
        node = await _node(client, scope.node_name)
        if node is None:
            return not _has_backup(scope.m3r)
        if _taint_of(node) is not None:
            await _set_taints(client, node, [t for t in node.spec.taints if not _is_ours(t)])
        if _has_backup(scope.m3r):
            await _give_back(client, node, scope.m3r)
            _drop_backup(scope.m3r)
        return True


async def _node(client: Client, name: str) -> corev1.Node | None:
    try:
        return await client.get(corev1.Node, NamespacedName("", name))
    except NotFoundError:
        return None


def _is_ours(taint: corev1.Taint) -> bool:
    return taint.key == OUT_OF_SERVICE


def _taint_of(node: corev1.Node) -> corev1.Taint | None:
    return next((taint for taint in node.spec.taints if _is_ours(taint)), None)


async def _set_taints(client: Client, node: corev1.Node, taints: list[corev1.Taint]) -> None:
    """A patch replaces the whole list: only the revision it was read from may be replaced."""
    body = {
        "metadata": {"resourceVersion": node.metadata.resource_version},
        "spec": {"taints": [taint.to_dict() for taint in taints] or None},
    }
    await client.patch(node, Patch(PatchType.MERGE, body))


def _has_backup(m3r: infrav1.Metal3Remediation) -> bool:
    return infrav1.NODE_LABELS_BACKUP in m3r.metadata.annotations


def _back_up(m3r: infrav1.Metal3Remediation, node: corev1.Node) -> None:
    saved = m3r.metadata.annotations
    saved[infrav1.NODE_ANNOTATIONS_BACKUP] = json.dumps(node.metadata.annotations)
    saved[infrav1.NODE_LABELS_BACKUP] = json.dumps(node.metadata.labels)


def _drop_backup(m3r: infrav1.Metal3Remediation) -> None:
    m3r.metadata.annotations.pop(infrav1.NODE_ANNOTATIONS_BACKUP, None)
    m3r.metadata.annotations.pop(infrav1.NODE_LABELS_BACKUP, None)


def _saved(m3r: infrav1.Metal3Remediation, key: str) -> dict[str, str]:
    """People can edit annotations: what is no map of strings is taken for none."""
    try:
        found: Any = json.loads(m3r.metadata.annotations.get(key, "{}"))
    except ValueError:
        return {}
    if not isinstance(found, dict):
        return {}
    pairs: dict[Any, Any] = found
    return {k: v for k, v in pairs.items() if isinstance(k, str) and isinstance(v, str)}


async def _give_back(client: Client, node: corev1.Node, m3r: infrav1.Metal3Remediation) -> None:
    """What the new node says of itself wins."""
    meta = node.metadata
    labels = _saved(m3r, infrav1.NODE_LABELS_BACKUP)
    annotations = _saved(m3r, infrav1.NODE_ANNOTATIONS_BACKUP)
    body = {
        "metadata": {
            "labels": {k: v for k, v in labels.items() if k not in meta.labels},
            "annotations": {k: v for k, v in annotations.items() if k not in meta.annotations},
        }
    }
    await client.patch(node, Patch(PatchType.MERGE, body))
