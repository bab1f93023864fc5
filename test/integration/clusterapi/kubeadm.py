"""Stands in for the kubeadm providers, whose real ones would need the workload cluster's etcd."""

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Any

from metal3.api.cluster_x_k8s_io import v1beta2 as clusterv1
from metal3.api.core import v1 as corev1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.meta import v1 as metav1
from metal3.runtime.client import (
    AlreadyExistsError,
    ApiError,
    Client,
    NotFoundError,
    Patch,
    PatchType,
)
from metal3.runtime.types import NamespacedName, key_of

from .kinds import KubeadmConfig, KubeadmControlPlane, Machine, at

LOOK = 0.3


@dataclass(frozen=True, kw_only=True)
class Kubeadm:
    """Gives each config its data, and each control plane one machine that runs at once."""

    client: Client
    kubeconfig: str

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            with contextlib.suppress(ApiError):
                for config in (await self.client.list(KubeadmConfig)).items:
                    await self._bootstrap(config)
                for plane in (await self.client.list(KubeadmControlPlane)).items:
                    await self._control(plane)
            await asyncio.sleep(LOOK)

    async def _bootstrap(self, config: metav1.Object) -> None:
        meta = config.metadata
        if at(config, "status.dataSecretName") or meta.deletion_timestamp:
            return
        with contextlib.suppress(AlreadyExistsError):
            secret = corev1.new_secret(meta.name, meta.namespace, {"value": "#cloud-config"})
            await self.client.create(secret)
        status = {"dataSecretName": meta.name, "initialization": {"dataSecretCreated": True}}
        await self._say(config, status)

    async def _control(self, plane: metav1.Object) -> None:
        meta = plane.metadata
        if meta.deletion_timestamp or not meta.labels.get(clusterv1.CLUSTER_NAME_LABEL):
            return
        key = key_of(plane)
        try:
            machine = await self.client.get(Machine, key)
        except NotFoundError:
            await self._make_machine(plane)
            return
        status: dict[str, Any] = {
            "initialization": {"controlPlaneInitialized": True},
            "replicas": 1,
            "version": at(plane, "spec.version"),
            "selector": clusterv1.CONTROL_PLANE_LABEL,
            "observedGeneration": meta.generation,
        }
        if at(machine, "status.nodeRef"):
            status |= {"readyReplicas": 1, "upToDateReplicas": 1, "availableReplicas": 1}
        await self._say(plane, status)

    async def _make_machine(self, plane: metav1.Object) -> None:
        """As the contract asks: what it needs first, all of one name."""
        meta, name = plane.metadata, plane.metadata.name
        cluster = meta.labels[clusterv1.CLUSTER_NAME_LABEL]
        secret = corev1.new_secret(
            f"{cluster}-kubeconfig", meta.namespace, {"value": self.kubeconfig}
        )
        reference = at(plane, "spec.machineTemplate.spec.infrastructureRef")
        key = NamespacedName(meta.namespace, reference["name"])
        template = await self.client.get(infrav1.Metal3MachineTemplate, key)
        m3m = infrav1.Metal3Machine.named(name, meta.namespace)
        m3m.spec = infrav1.Metal3MachineSpec.from_dict(template.spec.template.spec.to_dict())
        m3m.metadata.annotations = {clusterv1.CLONED_FROM_NAME_ANNOTATION: reference["name"]}
        config = KubeadmConfig.named(name, meta.namespace)
        for obj in (secret, m3m, config):
            obj.metadata.labels = {clusterv1.CLUSTER_NAME_LABEL: cluster}
            with contextlib.suppress(AlreadyExistsError):
                await self.client.create(obj)
        await self.client.create(_machine(plane, cluster))

    async def _say(self, obj: metav1.Object, status: dict[str, Any]) -> None:
        now = at(obj, "status") or {}
        if {**now, **status} != now:
            await self.client.status.patch(obj, Patch(PatchType.MERGE, {"status": status}))


def _machine(plane: metav1.Object, cluster: str) -> metav1.Object:
    name = plane.metadata.name
    bootstrap = {"apiGroup": KubeadmConfig.gvk.group, "kind": "KubeadmConfig", "name": name}
    infrastructure = {"apiGroup": infrav1.GROUP, "kind": "Metal3Machine", "name": name}
    machine = Machine.from_dict(
        {
            "metadata": {"name": name, "namespace": plane.metadata.namespace},
            "spec": {
                "clusterName": cluster,
                "version": at(plane, "spec.version"),
                "bootstrap": {"configRef": bootstrap},
                "infrastructureRef": infrastructure,
            },
        }
    )
    machine.metadata.labels = {
        clusterv1.CLUSTER_NAME_LABEL: cluster,
        clusterv1.CONTROL_PLANE_LABEL: "",
    }
    machine.metadata.owner_references = [metav1.owner_reference(plane, controller=True)]
    return machine
