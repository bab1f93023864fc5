"""A provider under test: an API, machines and workload clusters in memory, in virtual time."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from metal3 import ctrl
from metal3.api.cluster_x_k8s_io import v1beta2 as clusterv1
from metal3.api.core import v1 as corev1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers import baremetal, capm3
from metal3.controllers.capm3.providerid import NODE_INDEXES
from metal3.controllers.capm3.workload import WorkloadUnreachableError
from metal3.provisioner.fixture import FixtureBackend, FixtureOptions
from metal3.runtime.cache import CacheOptions
from metal3.runtime.client import ApiError, Client, NotFoundError
from metal3.runtime.client.fake import FakeClient
from metal3.runtime.types import NamespacedName

NS = "metal3"
NO_STATUS = (
    metal3api.HardwareData,
    metal3api.FirmwareSchema,
    corev1.Secret,
    infrav1.Metal3MachineTemplate,
)


@dataclass
class FakeWorkload:
    """A workload cluster whose nodes are in a client of their own; or that cannot be reached."""

    remote: FakeClient = field(default_factory=FakeClient)
    reachable: bool = True

    async def nodes(self, cluster: NamespacedName, fields: Mapping[str, str]) -> list[corev1.Node]:
        """Nodes by their indexes."""
        found = (await (await self.client(cluster)).list(corev1.Node)).items
        wanted = fields.items()
        return [n for n in found if all(value in NODE_INDEXES[k](n) for k, value in wanted)]

    async def node(self, cluster: NamespacedName, name: str) -> corev1.Node | None:
        """One node."""
        try:
            return await (await self.client(cluster)).get(corev1.Node, NamespacedName("", name))
        except NotFoundError:
            return None

    async def client(self, cluster: NamespacedName) -> Client:
        """The client of the nodes."""
        if not self.reachable:
            raise WorkloadUnreachableError(f"{cluster.name} is down")
        return self.remote


@dataclass
class World:
    """Everything that runs, and short ways to look at it."""

    client: FakeClient
    backend: FixtureBackend
    workload: FakeWorkload

    async def get(self, kind: type[Any], name: str) -> Any:
        """One object in the namespace of all tests."""
        return await self.client.get(kind, NamespacedName(NS, name))

    async def list(self, kind: type[Any]) -> list[Any]:
        """All objects of a kind."""
        return (await self.client.list(kind, namespace=NS)).items

    async def until(self, look: Callable[[], Any], *, limit: float = 120) -> Any:
        """Until the awaitable of ``look`` gives something true; missing objects are waited for."""
        async with asyncio.timeout(limit):
            while True:
                try:
                    found = await look()
                except NotFoundError:
                    found = None
                if found:
                    return found
                await asyncio.sleep(0.05)

    async def machine(
        self, name: str, done: Callable[[infrav1.Metal3Machine], Any], *, limit: float = 120
    ) -> infrav1.Metal3Machine:
        """Until the Metal3Machine is as wanted."""

        async def look() -> infrav1.Metal3Machine | None:
            m3m = await self.get(infrav1.Metal3Machine, name)
            return m3m if done(m3m) else None

        found: infrav1.Metal3Machine = await self.until(look, limit=limit)
        return found

    async def gone(self, kind: type[Any], name: str, *, limit: float = 120) -> None:
        """Until the object is no more."""

        async def look() -> bool:
            try:
                await self.get(kind, name)
            except NotFoundError:
                return True
            return False

        await self.until(look, limit=limit)

    async def edit(self, kind: type[Any], name: str, change: Callable[[Any], Any]) -> None:
        """What a user, or Cluster API, does; as often as it takes."""
        while True:
            obj = await self.get(kind, name)
            change(obj)
            try:
                await self.client.update(obj)
            except ApiError:
                await asyncio.sleep(0.01)
                continue
            return

    async def delete(self, kind: type[Any], name: str) -> None:
        """Ask for deletion."""
        await self.client.delete(await self.get(kind, name))


def new_cluster(name: str = "c", **spec: Any) -> list[metav1.Object]:
    """A Cluster that is ready, and its Metal3Cluster as Cluster API leaves it."""
    cluster = clusterv1.Cluster.from_dict(
        {
            "metadata": {"name": name, "namespace": NS, "uid": f"uid-{name}"},
            "spec": {
                "infrastructureRef": {
                    "apiGroup": infrav1.GROUP,
                    "kind": "Metal3Cluster",
                    "name": name,
                }
            },
            "status": {"initialization": {"infrastructureProvisioned": True}},
        }
    )
    fields = {"controlPlaneEndpoint": {"host": "192.0.2.1", "port": 6443}} | spec
    m3c = infrav1.Metal3Cluster.from_dict(
        {"metadata": {"name": name, "namespace": NS}, "spec": fields}
    )
    m3c.metadata.labels = {clusterv1.CLUSTER_NAME_LABEL: name}
    m3c.metadata.owner_references = [metav1.owner_reference(cluster)]
    return [cluster, m3c]


def new_machine(
    name: str = "m-0", cluster: str = "c", *, bootstrap: bool = True, **spec: Any
) -> list[metav1.Object]:
    """A Machine with bootstrap data, and its Metal3Machine as Cluster API leaves it."""
    machine = clusterv1.Machine.from_dict(
        {
            "metadata": {
                "name": name,
                "namespace": NS,
                "uid": f"uid-{name}",
                "labels": {clusterv1.CLUSTER_NAME_LABEL: cluster},
            },
            "spec": {
                "clusterName": cluster,
                "bootstrap": {"dataSecretName": f"{name}-bootstrap"} if bootstrap else {},
                "infrastructureRef": {
                    "apiGroup": infrav1.GROUP,
                    "kind": "Metal3Machine",
                    "name": name,
                },
            },
        }
    )
    fields = {
        "image": {"url": "http://images/a.qcow2", "checksum": "http://images/a.sha256"}
    } | spec
    m3m = infrav1.Metal3Machine.from_dict(
        {"metadata": {"name": name, "namespace": NS}, "spec": fields}
    )
    m3m.metadata.labels = {clusterv1.CLUSTER_NAME_LABEL: cluster}
    m3m.metadata.owner_references = [metav1.owner_reference(machine, controller=True)]
    user_data = corev1.new_secret(f"{name}-bootstrap", NS, {"value": "#cloud-config"})
    return [machine, m3m, user_data]


@asynccontextmanager
async def running(
    *objects: metav1.Object,
    options: capm3.Capm3Options | None = None,
    workload: FakeWorkload | None = None,
    managers: int = 1,
) -> AsyncIterator[World]:
    """Bare-metal operator and provider; with several managers, as many providers."""
    client = FakeClient(*objects, without_status=NO_STATUS)
    backend = FixtureBackend(options=FixtureOptions())
    world = World(client, backend, workload or FakeWorkload())
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        for number in range(managers):
            mgr = ctrl.Manager(
                client,
                ctrl.ManagerOptions(
                    cache=CacheOptions(by_object=baremetal.cache_by_object()),
                    metrics=ctrl.MetricsOptions(addr="0"),
                ),
            )
            if number == 0:
                baremetal.build(mgr, baremetal.BaremetalOptions(), backend, unique_names=False)
            capm3.build(mgr, options or capm3.Capm3Options(), world.workload, unique_names=False)
            tasks.create_task(mgr.start(stop))
        try:
            yield world
        finally:
            stop.set()


@pytest.fixture
def world():
    """Starts everything with these objects."""
    return running


@pytest.fixture
def make_cluster():
    """Makes Clusters with their Metal3Clusters."""
    return new_cluster


@pytest.fixture
def make_machine():
    """Makes Machines with their Metal3Machines and user data."""
    return new_machine


@pytest.fixture
def make_workload():
    """Makes workload clusters."""
    return FakeWorkload
