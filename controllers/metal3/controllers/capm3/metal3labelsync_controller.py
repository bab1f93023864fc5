"""Copies labels of a BareMetalHost to the node that runs on it.

Watches: BareMetalHost (its labels), Machine (its node), Metal3Cluster (the annotation).
Writes:  labels of the node, only where they differ.
Looks again: after ``resync``, as labels of the node may be changed by others.

Which labels is said by an annotation of the Metal3Cluster: a list of prefixes. Labels of these
prefixes that the host has not are taken off the node.
"""

import re
from dataclasses import dataclass
from typing import Final

from metal3 import ctrl
from metal3.api.cluster_x_k8s_io import v1beta2 as clusterv1
from metal3.api.core import v1 as corev1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.client import ApiError, NotFoundError
from metal3.runtime.patch import patching
from metal3.runtime.types import NamespacedName

from .environment import Environment
from .related import cluster_of, find, machine_of, metal3_cluster_of
from .wakeups import consumer_name
from .workload import WorkloadUnreachableError

_DOMAIN: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Metal3LabelSyncReconciler:
    """One way only: from the host to its node."""

    env: Environment

    async def reconcile(self, req: ctrl.Request) -> ctrl.Result:
        """``req`` is the key of a BareMetalHost."""
        client = self.env.client
        host = await find(client, metal3api.BareMetalHost, *req)
        name = consumer_name(host) if host is not None else None
        m3m = await find(client, infrav1.Metal3Machine, req.namespace, name)
        if host is None or m3m is None or metal3api.is_paused(host):
            return ctrl.Result()
        machine, cluster = await machine_of(client, m3m), await cluster_of(client, m3m)
        if machine is None or cluster is None or clusterv1.is_paused(m3m, cluster):
            return ctrl.Result()
        m3c = await metal3_cluster_of(client, cluster)
        prefixes = prefixes_of(m3c) if m3c is not None else set[str]()
        if not prefixes or machine.status.node_ref is None:
            return ctrl.Result()
        node = NamespacedName("", machine.status.node_ref.name)
        key = NamespacedName(cluster.metadata.namespace, cluster.metadata.name)
        await self._sync(host, key, node, prefixes)
        return ctrl.Result(requeue_after=self.env.options.resync)

    async def _sync(
        self,
        host: metal3api.BareMetalHost,
        cluster: NamespacedName,
        name: NamespacedName,
        prefixes: set[str],
    ) -> None:
        try:
            remote = await self.env.workload.client(cluster)
            node = await remote.get(corev1.Node, name)
        except NotFoundError:
            return
        except WorkloadUnreachableError as error:
            raise ApiError(str(error)) from error
        async with patching(remote, node):
            kept = {k: v for k, v in node.metadata.labels.items() if prefix_of(k) not in prefixes}
            ours = {k: v for k, v in host.metadata.labels.items() if prefix_of(k) in prefixes}
            node.metadata.labels = kept | ours


def prefixes_of(m3c: infrav1.Metal3Cluster) -> set[str]:
    """Of the annotation; words that can be no prefix of a label are left out."""
    text = m3c.metadata.annotations.get(infrav1.LABEL_SYNC_ANNOTATION, "")
    return {word for part in text.split(",") if _DOMAIN.fullmatch(word := part.strip())}


def prefix_of(label: str) -> str:
    """What is before the slash; empty if there is none."""
    return label.rpartition("/")[0]
