"""Claims that land after the process that sent them is dead."""

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from metal3.api.cluster_x_k8s_io import v1beta2 as clusterv1
from metal3.api.core import v1 as corev1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.client import ConflictError
from metal3.runtime.client.fake import FakeClient
from metal3.runtime.types import NamespacedName

NS = "metal3"


class Stuck:
    """A connection on which claims of hosts are under way until somebody lets them land."""

    def __init__(self, client) -> None:
        self.client = client
        self.held: list[Any] = []
        self.is_stuck = asyncio.Event()

    def __getattr__(self, name):
        """Everything else is quick."""
        return getattr(self.client, name)

    async def patch(self, obj, change, **kwargs):
        """Claims, and what ends them, are kept back."""
        if isinstance(obj, metal3api.BareMetalHost) and "consumerRef" in change.body["spec"]:
            self.held.append((obj.deep_copy(), change))
            self.is_stuck.set()
            await asyncio.Event().wait()
        return await self.client.patch(obj, change, **kwargs)

    async def land(self) -> bool:
        """Whether the claim was taken."""
        for obj, change in self.held:
            with suppress(ConflictError):
                await self.client.patch(obj, change)
                return True
        return False


@pytest.fixture
def make_client(make_cluster, make_machine, make_available_host):
    """Makes APIs with a cluster, one machine and a host."""

    def make(**spec):
        objects = [*make_cluster(), *make_machine("m-0", **spec), make_available_host("h")]
        return FakeClient(*objects, without_status=(corev1.Secret,))

    return make


@pytest.fixture
def leave_claim(start_provider):
    """Runs a manager until its claim is under way, and kills it."""

    async def leave(client):
        stuck = Stuck(client)
        async with start_provider(stuck):
            await stuck.is_stuck.wait()
        return stuck

    return leave


@pytest.fixture
def wish_again(make_client, make_available_host, leave_claim):
    """Leaves a claim of host ``h`` under way, of a machine that now wants host ``a``."""

    async def make():
        client = make_client()
        stuck = await leave_claim(client)
        await add_host(client, make_available_host("a"), rack="new")
        await wish_for(client, "new")
        return client, stuck

    return make


@pytest.fixture
def claim_twice(wish_again, start_provider):
    """Gives the machine both hosts, while no manager runs."""

    async def make():
        client, stuck = await wish_again()
        async with start_provider(client):
            await asyncio.sleep(5)
        assert await stuck.land()
        return client

    return make


async def get(client, kind, name):
    """One object."""
    return await client.get(kind, NamespacedName(NS, name))


async def consumers(client):
    """Who has which host."""
    found = (await client.list(metal3api.BareMetalHost)).items
    refs = {host.metadata.name: host.spec.consumer_ref for host in found}
    return {name: ref.name for name, ref in refs.items() if ref is not None}


async def wish_for(client, rack):
    """The machine wants another host than it did."""
    m3m = await get(client, infrav1.Metal3Machine, "m-0")
    m3m.spec.host_selector = infrav1.HostSelector(match_labels={"rack": rack})
    await client.update(m3m)


async def add_host(client, host, rack=""):
    """A host is enrolled."""
    host.metadata.labels = {"rack": rack} if rack else {}
    await client.create(host)
    host = await get(client, metal3api.BareMetalHost, host.metadata.name)
    host.status.provisioning.state = "available"
    await client.status.update(host)


async def change_state(client, name, state):
    """The bare-metal operator does something."""
    host = await get(client, metal3api.BareMetalHost, name)
    host.status.provisioning.state = state
    await client.status.update(host)


def events(client):
    """Reasons of what was told."""
    return {a.body["reason"] for a in client.actions if a.kind == "Event" and a.verb == "create"}


@pytest.mark.looptime(start=0)
async def test_the_next_process_goes_on_with_the_host_that_was_wished_for(
    make_client, make_available_host, start_provider, leave_claim
):
    """Though there are others that it would rather have: the claim may land at any time."""
    client = make_client()
    stuck = await leave_claim(client)
    for number in range(20):
        await add_host(client, make_available_host(f"h-{number}"))
    async with start_provider(client):
        await asyncio.sleep(5)
        assert await consumers(client) == {"h": "m-0"}
        assert not await stuck.land()
        await asyncio.sleep(5)
    assert await consumers(client) == {"h": "m-0"}


@pytest.mark.looptime(start=0)
async def test_a_machine_that_was_claimed_for_twice_keeps_the_host_it_has(
    wish_again, start_provider
):
    """Its wishes changed meanwhile, so it took another; the claim itself wakes it."""
    client, stuck = await wish_again()
    async with start_provider(client):
        await asyncio.sleep(5)
        assert await consumers(client) == {"a": "m-0"}
        assert await stuck.land()
        await asyncio.sleep(5)
        assert await consumers(client) == {"a": "m-0"}
    late = await get(client, metal3api.BareMetalHost, "h")
    assert late.spec.image is None
    assert late.spec.user_data is None
    assert "ExtraHost" in events(client)


@pytest.mark.looptime(start=0)
async def test_an_extra_host_is_deprovisioned_before_it_is_given_back(claim_twice, start_provider):
    """The late claim brought an image along, and the bare-metal operator was quick."""
    client = await claim_twice()
    await change_state(client, "h", "provisioning")
    async with start_provider(client):
        await asyncio.sleep(5)
        late = await get(client, metal3api.BareMetalHost, "h")
        assert late.spec.image is None
        assert late.spec.consumer_ref is not None
        await change_state(client, "h", "available")
        await asyncio.sleep(5)
    assert await consumers(client) == {"a": "m-0"}


@pytest.mark.looptime(start=0)
async def test_an_extra_host_that_runs_waits_for_the_provider_id(claim_twice, start_provider):
    """What runs there might be the node of the machine: only its provider ID tells."""
    client = await claim_twice()
    await change_state(client, "h", "provisioned")
    async with start_provider(client):
        await asyncio.sleep(5)
        assert (await get(client, metal3api.BareMetalHost, "h")).spec.image is not None
        await change_state(client, "a", "provisioned")
        await asyncio.sleep(130)
        assert (await get(client, metal3api.BareMetalHost, "h")).spec.image is None
    m3m = await get(client, infrav1.Metal3Machine, "m-0")
    assert m3m.spec.provider_id == f"metal3://{NS}/a/m-0"
    assert (await get(client, metal3api.BareMetalHost, "a")).spec.image is not None


@pytest.mark.looptime(start=0)
async def test_a_claim_cannot_land_for_a_machine_that_is_gone(
    make_client, start_provider, leave_claim
):
    """Nobody would ever give the host back."""
    client = make_client()
    stuck = await leave_claim(client)
    async with start_provider(client):
        pass
    await client.delete(await get(client, infrav1.Metal3Machine, "m-0"))
    async with start_provider(client):
        await asyncio.sleep(5)
        assert not (await client.list(infrav1.Metal3Machine)).items
    assert not await stuck.land()
    assert await consumers(client) == {}


@pytest.mark.looptime(start=0)
async def test_a_machine_that_goes_gives_all_its_hosts_back(claim_twice, start_provider):
    """Both are deprovisioned; it does not go before."""
    client = await claim_twice()
    for name in ("a", "h"):
        await change_state(client, name, "provisioned")
    await client.delete(await get(client, infrav1.Metal3Machine, "m-0"))
    async with start_provider(client):
        for name in ("a", "h"):
            await asyncio.sleep(5)
            assert (await client.list(infrav1.Metal3Machine)).items
            await change_state(client, name, "available")
        await asyncio.sleep(5)
    assert not (await client.list(infrav1.Metal3Machine)).items
    assert await consumers(client) == {}


@pytest.mark.looptime(start=0)
async def test_a_claim_by_another_manager_for_the_same_machine_counts(
    make_client, make_available_host, start_provider
):
    """It was quicker, and neither the cache nor the machine tells yet."""
    client = make_client()
    await add_host(client, make_available_host("a"))
    claimed: list[str] = []
    real = client.patch

    async def patch(obj, change, **kwargs):
        if isinstance(obj, metal3api.BareMetalHost) and not claimed:
            claimed.append(obj.metadata.name)
            await real(obj.deep_copy(), change, **kwargs)
        return await real(obj, change, **kwargs)

    client.patch = patch
    async with start_provider(client):
        await asyncio.sleep(0.1)
        assert set(await consumers(client)) == set(claimed)
        await asyncio.sleep(5)
    assert set(await consumers(client)) == set(claimed)
    m3m = await get(client, infrav1.Metal3Machine, "m-0")
    assert m3m.metadata.annotations[infrav1.HOST_ANNOTATION] == f"{NS}/{claimed[0]}"


class Blind:
    """A connection whose watches of hosts and machines tell nothing new."""

    def __init__(self, client) -> None:
        self.client = client

    def __getattr__(self, name):
        """Everything else works."""
        return getattr(self.client, name)

    @asynccontextmanager
    async def stream(self, kind, *args, **kwargs):
        """Open, and silent."""
        async with self.client.stream(kind, *args, **kwargs) as events:
            is_silent = kind in {infrav1.Metal3Machine, metal3api.BareMetalHost}
            yield self._nothing() if is_silent else events

    async def _nothing(self):
        await asyncio.Event().wait()
        yield


async def pause(client, *, paused):
    """A user does."""
    cluster = await get(client, clusterv1.Cluster, "c")
    cluster.spec.paused = paused
    await client.update(cluster)


@pytest.mark.looptime(start=0)
async def test_a_manager_with_an_old_view_cannot_wish_for_another_host(
    make_client, make_available_host, start_provider
):
    """It saw neither that the machine has a host nor that this one became available."""
    client = make_client()
    await pause(client, paused=True)
    await change_state(client, "h", "inspecting")
    second_best = make_available_host("second-best")
    await add_host(client, second_best)
    second_best = await get(client, metal3api.BareMetalHost, "second-best")
    second_best.status.error_count = 1
    await client.status.update(second_best)
    async with start_provider(client):
        await asyncio.sleep(5)
    async with start_provider(client), start_provider(Blind(client)):
        await asyncio.sleep(5)
        await change_state(client, "h", "available")
        await asyncio.sleep(5)
        await pause(client, paused=False)
        await asyncio.sleep(30)
    claimed = {a.key.name for a in client.actions if a.kind == "BareMetalHost" and is_claim(a)}
    assert claimed == {"h"}


def is_claim(action):
    """Whether a write gives a host to somebody."""
    return action.verb == "patch" and "consumerRef" in (action.body.body.get("spec") or {})


@pytest.mark.looptime(start=0)
async def test_a_release_that_lands_late_takes_the_host_from_nobody(
    make_client, make_machine, start_provider, leave_claim
):
    """Meanwhile the next process gave it back, and another machine has it."""
    client = make_client()
    async with start_provider(client):
        await asyncio.sleep(5)
    await client.delete(await get(client, infrav1.Metal3Machine, "m-0"))
    stuck = await leave_claim(client)
    for obj in make_machine("m-1"):
        await client.create(obj)
    async with start_provider(client):
        await asyncio.sleep(5)
        assert await consumers(client) == {"h": "m-1"}
        assert not await stuck.land()
    assert await consumers(client) == {"h": "m-1"}
