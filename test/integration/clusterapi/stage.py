"""A management cluster on which all runs, a workload cluster, and a namespace for each test."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from metal3.api.cluster_x_k8s_io import v1beta2 as clusterv1
from metal3.api.core import v1 as corev1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.provisioner.fixture import FixtureOptions
from metal3.runtime.client import NotFoundError, Patch, PatchType, RestClient
from metal3.runtime.envtest import Environment
from metal3.runtime.rest import load_config
from metal3.runtime.types import NamespacedName

from .kinds import Machine, at, objects
from .machines import Kubelets, Rack
from .management import Management, open_management

T = TypeVar("T", bound=metav1.Object)
STEP = timedelta(milliseconds=200)
"""How long the fixture's machines take for each thing."""
PATIENCE = 120
"""Seconds that a step may take on a busy machine; most take one or two."""

CLUSTER = """
apiVersion: cluster.x-k8s.io/v1beta2
kind: Cluster
metadata: {name: c}
spec:
  infrastructureRef: {apiGroup: infrastructure.cluster.x-k8s.io, kind: Metal3Cluster, name: c}
---
apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
kind: Metal3Cluster
metadata: {name: c}
spec:
  controlPlaneEndpoint: {host: 192.0.2.1, port: 6443}
---
apiVersion: v1
kind: Secret
metadata: {name: bootstrap, labels: {clusterctl.cluster.x-k8s.io/move: ""}}
stringData: {value: "#cloud-config"}
"""
CONTROL_PLANE = """
apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
kind: Metal3Machine
metadata: {name: cp}
spec:
  hostSelector: {matchLabels: {role: control-plane}}
  image: {url: "http://images/cp.qcow2", checksum: abc}
---
apiVersion: cluster.x-k8s.io/v1beta2
kind: Machine
metadata: {name: cp, labels: {cluster.x-k8s.io/control-plane: ""}}
spec:
  clusterName: c
  version: v1.36.0
  bootstrap: {dataSecretName: bootstrap}
  infrastructureRef: {apiGroup: infrastructure.cluster.x-k8s.io, kind: Metal3Machine, name: cp}
"""
DEPLOYMENT = """
apiVersion: ipam.metal3.io/v1alpha1
kind: IPPool
metadata: {name: pool}
spec:
  clusterName: c
  namePrefix: ip
  pools: [{start: 192.0.2.10, end: 192.0.2.30}]
  prefix: 24
---
apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
kind: Metal3DataTemplate
metadata: {name: data}
spec:
  metaData:
    ipAddressesFromPool: [{key: address, name: pool}]
---
apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
kind: Metal3MachineTemplate
metadata: {name: md-1}
spec:
  nodeReuse: %(reuse)s
  template:
    spec:
      hostSelector: {matchLabels: {role: worker}}
      image: {url: "http://images/one.qcow2", checksum: abc}
      dataTemplate: {name: data}
---
apiVersion: cluster.x-k8s.io/v1beta2
kind: MachineDeployment
metadata: {name: md}
spec:
  clusterName: c
  replicas: %(replicas)s
  selector: {matchLabels: {pool: md}}
  rollout:
    strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: %(surge)s, maxUnavailable: %(unavailable)s}}
  template:
    metadata: {labels: {pool: md}}
    spec:
      clusterName: c
      version: v1.36.0
      bootstrap: {dataSecretName: bootstrap}
      infrastructureRef:
        apiGroup: infrastructure.cluster.x-k8s.io
        kind: Metal3MachineTemplate
        name: md-1
"""


@dataclass(kw_only=True)
class Stage:
    """Where all runs."""

    management: Management
    workload: Environment
    remote: RestClient
    backend: Rack
    kubelets: Kubelets
    _namespaces: int = 0

    @property
    def client(self) -> RestClient:
        """The administrator's, on the management cluster."""
        return self.management.client

    async def ground(self) -> "Ground":
        """A namespace that no other test uses."""
        self._namespaces += 1
        name = f"test-{self._namespaces}"
        await self.client.create(corev1.Namespace.named(name))
        return Ground(stage=self, namespace=name)


@dataclass(kw_only=True)
class Ground:
    """One namespace of the stage; most tests have one Cluster ``c`` in it."""

    stage: Stage
    namespace: str
    management: Management | None = None
    """Another management cluster, after a move."""

    @property
    def client(self) -> RestClient:
        """The administrator's, on the management cluster."""
        return (self.management or self.stage.management).client

    def key(self, name: str) -> NamespacedName:
        """In this namespace."""
        return NamespacedName(self.namespace, name)

    async def create(self, text: str) -> None:
        """Objects written as YAML."""
        for obj in objects(text, self.namespace):
            await self.client.create(obj)

    async def get(self, kind: type[T], name: str) -> T:
        """One object."""
        return await self.client.get(kind, self.key(name))

    async def every(self, kind: type[T]) -> list[T]:
        """All of a kind."""
        return (await self.client.list(kind, namespace=self.namespace)).items

    async def patch(self, kind: type[T], name: str, body: dict[str, Any]) -> None:
        """Merge something into an object."""
        obj = await self.get(kind, name)
        await self.client.patch(obj, Patch(PatchType.MERGE, body))

    async def host(self, name: str, role: str = "worker") -> None:
        """A machine, switched off, and the host that stands for it."""
        number = len(self.stage.backend.hardware) + 1
        login = {"username": "admin", "password": "pw"}
        await self.client.create(corev1.new_secret(f"{name}-bmc", self.namespace, login))
        spec = {
            "online": False,
            "bootMACAddress": f"52:54:00:00:{number // 256:02x}:{number % 256:02x}",
            "bmc": {
                "address": f"redfish-virtualmedia://{self.namespace}-{name}/redfish/v1/Systems/1",
                "credentialsName": f"{name}-bmc",
            },
        }
        meta = {"name": name, "namespace": self.namespace, "labels": {"role": role}}
        await self.client.create(
            metal3api.BareMetalHost.from_dict({"metadata": meta, "spec": spec})
        )

    async def cluster(self) -> None:
        """A Cluster with one machine for its control plane, which Cluster API takes for initialized."""
        await self.create(CLUSTER)
        kubeconfig = await asyncio.to_thread(self.stage.workload.kubeconfig.read_text)
        secret = corev1.new_secret("c-kubeconfig", self.namespace, {"value": kubeconfig})
        secret.metadata.labels = {clusterv1.CLUSTER_NAME_LABEL: "c"}
        await self.client.create(secret)
        await self.host("cp", role="control-plane")
        await self.create(CONTROL_PLANE)
        await self.until(self._is_initialized)

    async def _is_initialized(self) -> bool:
        cluster = await self.get(clusterv1.Cluster, "c")
        return metav1.is_condition_true(cluster.status.conditions, "ControlPlaneInitialized")

    async def deployment(
        self, replicas: int, *, reuse: bool = False, surge: int = 1, unavailable: int = 0
    ) -> None:
        """A MachineDeployment ``md``."""
        values = {
            "replicas": replicas,
            "reuse": str(reuse).lower(),
            "surge": surge,
            "unavailable": unavailable,
        }
        await self.create(DEPLOYMENT % values)

    async def machines(self) -> list[metav1.Unstructured]:
        """Those of the MachineDeployment."""
        found = await self.every(Machine)
        return [machine for machine in found if machine.metadata.labels.get("pool") == "md"]

    async def running(self, count: int) -> dict[str, str]:
        """Wait until so many machines run, and none else is there; their hosts, by machine."""

        async def look() -> list[metav1.Unstructured]:
            found = await self.machines()
            up = [machine for machine in found if at(machine, "status.phase") == "Running"]
            return found if len(up) == count == len(found) else []

        if count == 0:
            await self.until(self._none)
            return {}
        found = await self.until(look)
        return {m.metadata.name: await self.host_of(m.metadata.name) for m in found}

    async def _none(self) -> bool:
        return not await self.machines()

    async def host_of(self, machine: str) -> str:
        """The host that the Metal3Machine names."""
        m3m = await self.get(infrav1.Metal3Machine, machine)
        return m3m.metadata.annotations.get(infrav1.HOST_ANNOTATION, "").rpartition("/")[2]

    async def in_state(self, name: str, state: str) -> Any:
        """The host, once it is in the state."""

        async def look() -> metal3api.BareMetalHost | None:
            host = await self.get(metal3api.BareMetalHost, name)
            return host if host.status.provisioning.state == state else None

        return await self.until(look)

    async def until(self, look: Callable[[], Awaitable[T | Any]], limit: float = PATIENCE) -> Any:
        """Ask again until the answer is something."""
        try:
            async with asyncio.timeout(limit):
                while True:
                    try:
                        found = await look()
                    except NotFoundError:
                        found = None
                    if found:
                        return found
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"not within {limit} s\n{await self.scene()}") from None

    async def gone(self, kind: type[T], name: str) -> None:
        """Until the object is no more."""

        async def look() -> bool:
            try:
                await self.get(kind, name)
            except NotFoundError:
                return True
            return False

        await self.until(look)

    async def scene(self) -> str:
        """What is there, for the message of a failed test."""
        kinds = (Machine, infrav1.Metal3Machine, metal3api.BareMetalHost)
        found = [obj for kind in kinds for obj in await self.every(kind)]
        return "\n".join(f"{obj.gvk.kind} {obj.metadata.name}: {_state(obj)}" for obj in found)


def _state(obj: Any) -> str:
    body = obj.to_dict()
    status = body.get("status", {})
    conditions = [
        f"{one['type']}={one['status']} ({one.get('reason')}: {one.get('message')})"
        for one in status.get("conditions", [])
        if one["status"] != "True"
    ]
    state = status.get("phase") or status.get("provisioning", {}).get("state")
    return f"{state} {obj.metadata.deletion_timestamp or ''} {'; '.join(conditions)}"


@asynccontextmanager
async def open_stage(start: Any, folder: Path) -> AsyncIterator[Stage]:
    """Start all, and end it."""
    async with AsyncExitStack() as stack:
        backend = Rack(options=FixtureOptions(step_time=STEP))
        workload: Environment = await stack.enter_async_context(start(api="kube"))
        config = await asyncio.to_thread(load_config, str(workload.kubeconfig))
        remote = await stack.enter_async_context(RestClient(config))
        management = await stack.enter_async_context(open_management(start, folder, backend))
        kubelets = Kubelets(backend=backend, management=management.client, workload=remote)
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        nodes = tasks.create_task(kubelets.run())
        stack.callback(nodes.cancel)
        yield Stage(
            management=management,
            workload=workload,
            remote=remote,
            backend=backend,
            kubelets=kubelets,
        )
