"""What the fixture's machines run: a kubelet each, that makes a node of its workload cluster."""

import asyncio
import contextlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import yaml

from metal3.api.core import v1 as corev1
from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.provisioner import Wake
from metal3.provisioner.fixture import FixtureBackend
from metal3.runtime.client import ApiError, Client, NotFoundError
from metal3.runtime.types import NamespacedName, key_of

LOOK = 0.2
UUID_LABEL = "metal3.io/uuid"


def node_name(host: NamespacedName) -> str:
    """All clusters of a test share one workload API, so names carry the namespace."""
    return f"{host.namespace}-{host.name}"


@dataclass(kw_only=True)
class Rack(FixtureBackend):
    """Machines that two management clusters know, one after the other: both hear of each step."""

    _wakes: list[Wake] = field(default_factory=list)

    async def run(self, wake: Wake) -> None:
        """The first caller's loop serves all; it has to outlive the others."""
        self._wakes.append(wake)
        try:
            if len(self._wakes) > 1:
                await asyncio.Event().wait()
            await FixtureBackend.run(self, self._wake_all)
        finally:
            self._wakes.remove(wake)

    def _wake_all(self, key: NamespacedName) -> None:
        for wake in self._wakes:
            wake(key)


@dataclass(kw_only=True)
class Kubelets:
    """One for each machine that runs a system from its disk. It registers once, when it boots.

    Machines in ``broken`` run, but their kubelet does not: it is said to be dead. A boot heals it,
    unless the machine is in ``lost``, too.
    """

    backend: Rack
    management: Client
    workload: Client
    broken: set[NamespacedName] = field(default_factory=set)
    lost: set[NamespacedName] = field(default_factory=set)
    _running: set[NamespacedName] = field(default_factory=set)
    _said: dict[NamespacedName, str] = field(default_factory=dict)

    async def run(self) -> None:
        """Until cancelled; the API servers may be away for a while."""
        while True:
            with contextlib.suppress(ApiError):
                await self._look()
            await asyncio.sleep(LOOK)

    async def _look(self) -> None:
        machines = self.backend.hardware.items()
        up = {key for key, machine in machines if machine.disk and machine.powered_on}
        for key in self._running - up:
            self._running.discard(key)
            await self._report(key, "Unknown")
        for key in up - self._running:
            self.broken.discard(key)
            if key in self.lost or await self._register(key):
                self._running.add(key)
        for key in up:
            await self._report(key, "Unknown" if key in self.broken | self.lost else "True")

    async def _register(self, key: NamespacedName) -> bool:
        """False while there is still the node of what ran here before; Cluster API deletes it."""
        host = await self.management.get(metal3api.BareMetalHost, key)
        node = corev1.Node.named(node_name(key))
        node.metadata.labels = {UUID_LABEL: host.metadata.uid, "kubernetes.io/hostname": key.name}
        node.spec.provider_id = await self._provider_id(host)
        self._said.pop(key, None)
        try:
            known = await self.workload.get(corev1.Node, key_of(node))
        except NotFoundError:
            await self.workload.create(node)
            return True
        return node.spec.provider_id in {"", known.spec.provider_id}

    async def _provider_id(self, host: metal3api.BareMetalHost) -> str:
        """As ``--provider-id=metal3://{{ ds.meta_data.providerid }}`` does it."""
        ref = host.spec.meta_data
        if ref is None:
            return ""
        key = NamespacedName(ref.namespace or host.metadata.namespace, ref.name or "")
        secret = corev1.secret_data(await self.management.get(corev1.Secret, key))
        found: dict[str, Any] = yaml.safe_load(secret["metaData"]) or {}
        return f"metal3://{found['providerid']}" if "providerid" in found else ""

    async def _report(self, key: NamespacedName, ready: str) -> None:
        if self._said.get(key) == ready:
            return
        with contextlib.suppress(NotFoundError):  # deleted by Cluster API
            name = NamespacedName("", node_name(key))
            node = await self.workload.get(corev1.Node, name)
            node.status.conditions = _conditions(ready)
            await self.workload.status.update(node)
        self._said[key] = ready


def _conditions(ready: str) -> list[corev1.NodeCondition]:
    """Cluster API takes a node for healthy when it has said all four."""
    now = metav1.format_time(datetime.now(UTC))
    others = "False" if ready == "True" else "Unknown"
    said = {"Ready": ready} | dict.fromkeys(
        ("MemoryPressure", "DiskPressure", "PIDPressure"), others
    )
    return [
        corev1.NodeCondition(type=kind, status=status, last_transition_time=now)
        for kind, status in said.items()
    ]
