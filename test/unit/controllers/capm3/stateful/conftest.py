"""What surrounds a provider: hardware, addresses, garbage collection; and a bad connection to it."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from metal3 import ctrl
from metal3.api.core import v1 as corev1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.ipam_metal3_io import v1alpha1 as ipamv1
from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers import capm3
from metal3.controllers.capm3.workload import WorkloadUnreachableError
from metal3.runtime.client import ApiError, Selection
from metal3.runtime.client.fake import FakeClient
from metal3.runtime.types import NamespacedName

from ... import bad_weather  # noqa: TID252 - shared by the tests of all operators

NS = "metal3"
OWNED = (infrav1.Metal3DataClaim, infrav1.Metal3Data, ipamv1.IPClaim, corev1.Secret)
State = metal3api.ProvisioningState


class NoWorkload:
    """Workload clusters that never answer: user data brings nodes along by itself."""

    async def nodes(self, cluster: NamespacedName, fields: Any) -> list[corev1.Node]:
        """None."""
        raise WorkloadUnreachableError("down")

    async def node(self, cluster: NamespacedName, name: str) -> corev1.Node | None:
        """None."""
        raise WorkloadUnreachableError("down")

    async def client(self, cluster: NamespacedName) -> Any:
        """None."""
        raise WorkloadUnreachableError("down")


@dataclass
class Neighbours:
    """The other controllers of a management cluster, quick and without faults.

    ``disks`` says whose system is on which host. ``broken`` rules are found by watching every
    change of a host. ``collected`` is what a controller left to garbage collection.
    """

    client: FakeClient
    disks: dict[str, str] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    collected: list[str] = field(default_factory=list)
    addresses: int = 0

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._witness())
            tasks.create_task(self._work())

    async def _witness(self) -> None:
        consumers: dict[str, str] = {}
        selection = Selection(namespace=NS)
        page = await self.client.list_page(metal3api.BareMetalHost, selection)
        version = page.resource_version
        async with self.client.stream(
            metal3api.BareMetalHost, selection, resource_version=version
        ) as events:
            async for event in events:
                host = metal3api.BareMetalHost.from_dict(event.object)
                name, now = host.metadata.name, _consumer(host)
                before = consumers.get(name, "")
                if before and now and before != now:
                    self.broken.append(f"{name} went from {before} to {now}")
                consumers[name] = now

    async def _work(self) -> None:
        while True:
            for _ in range(8):
                await asyncio.sleep(0.5)
                for host in (await self.client.list(metal3api.BareMetalHost)).items:
                    with suppress(ApiError):
                        await self._drive(host)
                await self._serve_addresses()
            await self._collect()

    async def _drive(self, host: metal3api.BareMetalHost) -> None:
        """One state at a time; what is in error or paused stays as it is."""
        name, status = host.metadata.name, host.status
        if status.error_message or metal3api.PAUSED_ANNOTATION in host.metadata.annotations:
            return
        wanted = host.spec.image is not None
        state = status.provisioning.state
        following = {
            (State.NONE, False): State.AVAILABLE,
            (State.AVAILABLE, True): State.PROVISIONING,
            (State.PROVISIONING, True): State.PROVISIONED,
            (State.PROVISIONING, False): State.DEPROVISIONING,
            (State.PROVISIONED, False): State.DEPROVISIONING,
            (State.DEPROVISIONING, False): State.AVAILABLE,
            (State.DEPROVISIONING, True): State.AVAILABLE,
        }.get((State(state), wanted))
        if following is None:
            return
        if following is State.PROVISIONED:
            self.disks[name] = _consumer(host)
        if following is State.AVAILABLE:
            self.disks.pop(name, None)
        status.provisioning.state = following
        await self.client.status.update(host)

    async def _serve_addresses(self) -> None:
        for claim in (await self.client.list(ipamv1.IPClaim)).items:
            if claim.status.address is not None or claim.metadata.deletion_timestamp:
                continue
            self.addresses += 1
            address = ipamv1.IPAddress.named(f"address-{self.addresses}", NS)
            address.spec.address, address.spec.prefix = f"198.51.{self.addresses}.1", 24
            await self.client.create(address)
            claim.status.address = ipamv1.ObjectReference(name=address.metadata.name)
            with suppress(ApiError):
                await self.client.status.update(claim)

    async def _collect(self) -> None:
        """Objects whose controller is gone are deleted, as Kubernetes does."""
        owners = {
            obj.metadata.uid
            for kind in (infrav1.Metal3Machine, *OWNED)
            for obj in (await self.client.list(kind)).items
        }
        for kind in OWNED:
            for obj in (await self.client.list(kind)).items:
                owner = metav1.controller_of(obj)
                is_orphan = owner is not None and owner.uid not in owners
                if is_orphan and not obj.metadata.deletion_timestamp:
                    self.collected.append(f"{kind.gvk.kind} {obj.metadata.name}")
                    with suppress(ApiError):
                        await self.client.delete(obj)


def _consumer(host: metal3api.BareMetalHost) -> str:
    ref = host.spec.consumer_ref
    return ref.name or "" if ref is not None else ""


class Slow(bad_weather.Slow):
    """As elsewhere; and a request that was sent is not called back.

    It may land long after the manager's death.
    """

    def __init__(self, client: Any, rng: random.Random, lag: float, trouble: list[Any]) -> None:
        super().__init__(client, rng, lag, trouble)
        self.under_way: set[asyncio.Task[None]] = set()

    async def on_the_way(self, call, obj, *args, **kwargs):
        """The manager may be killed meanwhile."""
        sent = obj.deep_copy()
        try:
            await self.pause()
        except asyncio.CancelledError:
            task = asyncio.create_task(self._land(call, sent, *args, **kwargs))
            self.under_way.add(task)
            task.add_done_callback(self.under_way.discard)
            raise

    async def _land(self, call, *args, **kwargs):
        """Nobody hears of it."""
        await asyncio.sleep(self.rng.choice([0.0, 0.1, 2.0, 10.0]))
        with suppress(ApiError):
            await call(*args, **kwargs)


@asynccontextmanager
async def provider(
    client: Any, options: capm3.Capm3Options | None = None
) -> AsyncIterator[ctrl.Manager]:
    """One manager, for as long as the block runs."""
    mgr = ctrl.Manager(client, ctrl.ManagerOptions(metrics=ctrl.MetricsOptions(addr="0")))
    capm3.build(mgr, options or capm3.Capm3Options(), NoWorkload(), unique_names=False)
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(mgr.start(stop))
        try:
            yield mgr
        finally:
            stop.set()


def new_host(name: str) -> metal3api.BareMetalHost:
    """A host that is available."""
    return metal3api.BareMetalHost.from_dict(
        {
            "metadata": {"name": name, "namespace": NS},
            "spec": {"online": False},
            "status": {"provisioning": {"state": "available", "ID": name}, "poweredOn": False},
        }
    )


@pytest.fixture
def make_neighbours():
    """Makes what surrounds a provider."""
    return Neighbours


@pytest.fixture
def make_slow():
    """Makes bad connections."""
    return Slow


@pytest.fixture
def start_provider():
    """Starts managers."""
    return provider


@pytest.fixture
def make_available_host():
    """Makes hosts."""
    return new_host
