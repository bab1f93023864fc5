"""The operator on a manager, with an API in memory and virtual time."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from metal3 import ctrl
from metal3.api.cluster_x_k8s_io import v1beta2 as clusterv1
from metal3.api.ipam_cluster_x_k8s_io import v1beta2 as capiipamv1
from metal3.api.ipam_metal3_io import v1alpha1 as ipamv1
from metal3.api.meta import v1 as metav1
from metal3.controllers.ipam import IPAMOptions, build
from metal3.runtime.client import NotFoundError
from metal3.runtime.client.fake import FakeClient
from metal3.runtime.types import NamespacedName

NAMESPACE = "metal3"
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
NO_STATUS = (ipamv1.IPAddress, capiipamv1.IPAddress)

Range = dict[str, Any]


def clock() -> datetime:
    """The loop's time, as a time of day."""
    return EPOCH + timedelta(seconds=asyncio.get_running_loop().time())


def key(name: str) -> NamespacedName:
    """An object in the namespace of all tests."""
    return NamespacedName(NAMESPACE, name)


def new_pool(name: str = "pool", *ranges: Range, **spec: Any) -> ipamv1.IPPool:
    """A pool of three addresses unless told otherwise."""
    pools = list(ranges) or [{"start": "192.0.2.10", "end": "192.0.2.12"}]
    return ipamv1.IPPool.from_dict(
        {
            "metadata": {"name": name, "namespace": NAMESPACE, "uid": f"uid-{name}"},
            "spec": {"namePrefix": name, "prefix": 24, "pools": pools} | spec,
        }
    )


def new_claim(
    name: str = "claim", pool: str = "pool", *, address: str = "", **meta: Any
) -> ipamv1.IPClaim:
    """A claim of ours."""
    annotations = {"ipAddress": address} if address else {}
    return ipamv1.IPClaim.from_dict(
        {
            "metadata": {"name": name, "namespace": NAMESPACE, "annotations": annotations} | meta,
            "spec": {"pool": {"name": pool}},
        }
    )


def new_capi_claim(
    name: str = "claim",
    pool: str = "pool",
    *,
    address: str = "",
    kind: str = "IPPool",
    cluster: str = "",
) -> capiipamv1.IPAddressClaim:
    """A claim of Cluster API."""
    annotations = {"ipAddress": address} if address else {}
    reference = {"name": pool, "kind": kind, "apiGroup": "ipam.metal3.io"}
    spec = {"poolRef": reference} | ({"clusterName": cluster} if cluster else {})
    return capiipamv1.IPAddressClaim.from_dict(
        {
            "metadata": {"name": name, "namespace": NAMESPACE, "annotations": annotations},
            "spec": spec,
        }
    )


def new_cluster(name: str = "cluster", *, paused: bool = False) -> clusterv1.Cluster:
    """A cluster."""
    cluster = clusterv1.Cluster.named(name, NAMESPACE)
    cluster.metadata.uid = f"uid-{name}"
    cluster.spec.paused = paused
    return cluster


@dataclass
class Ipam:
    """A cluster with an operator, which may be killed and started again."""

    client: FakeClient
    stops: list[asyncio.Event] = field(default_factory=list)

    async def pool(self, name: str = "pool") -> ipamv1.IPPool:
        """A pool as the API has it."""
        return await self.client.get(ipamv1.IPPool, key(name))

    async def claim(self, name: str = "claim") -> ipamv1.IPClaim:
        """A claim as the API has it."""
        return await self.client.get(ipamv1.IPClaim, key(name))

    async def capi_claim(self, name: str = "claim") -> capiipamv1.IPAddressClaim:
        """A Cluster API claim as the API has it."""
        return await self.client.get(capiipamv1.IPAddressClaim, key(name))

    async def addresses(self) -> dict[str, ipamv1.IPAddress]:
        """Our addresses by the names of their claims."""
        found = (await self.client.list(ipamv1.IPAddress)).items
        return {f"{obj.spec.claim.kind}/{obj.spec.claim.name}": obj for obj in found}

    async def held(self) -> dict[str, str]:
        """The text of each address by the name of its claim."""
        return {
            name.partition("/")[2]: a.spec.address for name, a in (await self.addresses()).items()
        }

    async def edit(
        self, kind: type[metav1.Object], name: str, change: Callable[[Any], Any]
    ) -> None:
        """What a user does with kubectl."""
        obj = await self.client.get(kind, key(name))
        change(obj)
        await self.client.update(obj)

    async def delete(self, kind: type[metav1.Object], name: str) -> None:
        """What a user does with kubectl."""
        await self.client.delete(await self.client.get(kind, key(name)))

    async def exists(self, kind: type[metav1.Object], name: str) -> bool:
        """Whether an object is there."""
        try:
            await self.client.get(kind, key(name))
        except NotFoundError:
            return False
        return True

    async def reason(self, name: str = "claim") -> str:
        """Reason of an IPClaim's Ready condition."""
        ready = metav1.find_condition((await self.claim(name)).status.conditions, "Ready")
        return ready.reason if ready else ""

    async def events(self) -> list[str]:
        """Reasons of all Events that were written."""
        written = [a.body for a in self.client.actions if a.kind == "Event" and a.verb == "create"]
        return [body["reason"] for body in written]


async def settle(seconds: float = 5) -> None:
    """Let the operator work for a while of virtual time."""
    await asyncio.sleep(seconds)


@asynccontextmanager
async def operator(client: FakeClient, options: IPAMOptions | None = None) -> AsyncIterator[None]:
    """One manager, for as long as the block runs."""
    mgr = ctrl.Manager(client, ctrl.ManagerOptions(metrics=ctrl.MetricsOptions(addr="0")))
    await build(mgr, options or IPAMOptions(cluster_api=True), now=clock, unique_names=False)
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(mgr.start(stop))
        try:
            yield
        finally:
            stop.set()


@asynccontextmanager
async def running(
    *objects: metav1.Object, options: IPAMOptions | None = None, managers: int = 1
) -> AsyncIterator[Ipam]:
    """A cluster with these objects and managers that run, and have had time to settle."""
    client = FakeClient(*objects, without_status=NO_STATUS, clock=clock)
    stack: Iterable[int] = range(managers)
    async with asyncio.TaskGroup() as tasks:
        stop = asyncio.Event()
        for _ in stack:
            tasks.create_task(_run(client, options, stop))
        try:
            await settle()
            yield Ipam(client)
        finally:
            stop.set()


async def _run(client: FakeClient, options: IPAMOptions | None, stop: asyncio.Event) -> None:
    async with operator(client, options):
        await stop.wait()


@pytest.fixture
def make_pool():
    """Makes pools."""
    return new_pool


@pytest.fixture
def make_claim():
    """Makes claims of ours."""
    return new_claim


@pytest.fixture
def make_capi_claim():
    """Makes claims of Cluster API."""
    return new_capi_claim


@pytest.fixture
def make_cluster():
    """Makes clusters."""
    return new_cluster


@pytest.fixture
def run_ipam():
    """Gives clusters with a running operator."""
    return running


@pytest.fixture
def make_client():
    """Makes servers in memory."""
    return lambda *objects: FakeClient(*objects, without_status=NO_STATUS, clock=clock)


@pytest.fixture
def start_operator():
    """Gives one manager on a server, for the length of a block."""
    return operator
