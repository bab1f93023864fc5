"""Requests about a machine's data that land when another machine bears its name."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest

from metal3.api.core import v1 as corev1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.ipam_metal3_io import v1alpha1 as ipamv1
from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.client import ApiError, EventType, Selection
from metal3.runtime.client.fake import FakeClient
from metal3.runtime.types import NamespacedName

from ...bad_weather import Blind  # noqa: TID252 - shared by the tests of all operators

pytestmark = pytest.mark.looptime(start=0)

NS = "metal3"
META_DATA = {"ipAddressesFromPool": [{"key": "ip", "name": "pool"}]}
KINDS = (infrav1.Metal3DataClaim, infrav1.Metal3Data, ipamv1.IPClaim)


class Held:
    """A connection on which one request is under way until somebody lets it land."""

    def __init__(self, client, verb, kind) -> None:
        self.client, self.verb, self.kind = client, verb, kind
        self.request: Any = None
        self.is_stuck = asyncio.Event()

    def __getattr__(self, name):
        """Everything else is quick."""
        return getattr(self.client, name)

    async def create(self, obj, **kwargs):
        """Perhaps never answered."""
        return await self._send("create", self.client.create, obj, **kwargs)

    async def delete(self, obj, **kwargs):
        """Perhaps never answered."""
        return await self._send("delete", self.client.delete, obj, **kwargs)

    async def _send(self, verb, call, obj, **kwargs):
        if (verb, type(obj)) == (self.verb, self.kind):
            self.request = call, obj.deep_copy(), kwargs
            self.is_stuck.set()
            await asyncio.Event().wait()
        return await call(obj, **kwargs)

    async def land(self) -> None:
        """Nobody hears of it."""
        call, obj, kwargs = self.request
        with suppress(ApiError):
            await call(obj, **kwargs)


class Late(Blind):
    """A manager that sees machines a minute late, and whose writes to hosts take a second."""

    def __init__(self, client) -> None:
        super().__init__(client, infrav1.Metal3Machine)

    async def patch(self, obj, change, **kwargs):
        """Slow, if it is a host."""
        await asyncio.sleep(isinstance(obj, metal3api.BareMetalHost))
        return await self.client.patch(obj, change, **kwargs)


class AsksLate:
    """A manager whose requests for a machine's claim take half a minute to get there."""

    def __init__(self, client) -> None:
        self.client = client

    def __getattr__(self, name):
        """Everything else is quick."""
        return getattr(self.client, name)

    async def get(self, kind, key):
        """What is there by then."""
        await asyncio.sleep(30 if kind is infrav1.Metal3DataClaim else 0)
        return await self.client.get(kind, key)


class Stage:
    """A cluster with one host, for machines that are all named alike."""

    def __init__(self, client, make_machine, start_provider) -> None:
        self.client, self.make_machine, self.provider = client, make_machine, start_provider

    async def add_machine(self) -> None:
        """What Cluster API makes of it that is not there yet."""
        for obj in self.make_machine("m-0", dataTemplate={"name": "t"}):
            with suppress(ApiError):
                await self.client.create(obj)

    async def get(self, kind, name="m-0"):
        """One object."""
        return await self.client.get(kind, NamespacedName(NS, name))

    async def list(self, kind):
        """All of them."""
        return (await self.client.list(kind, namespace=NS)).items

    async def work(self, seconds) -> None:
        """One manager, for a while."""
        async with self.provider(self.client):
            await asyncio.sleep(seconds)

    async def hold(self, verb, kind) -> Held:
        """A manager is killed when this request is under way."""
        held = Held(self.client, verb, kind)
        async with self.provider(held):
            await held.is_stuck.wait()
        return held

    async def until_there(self, kind) -> None:
        """There is none yet; returns at once when there is."""
        await self.until_changed(kind, EventType.ADDED)

    async def until_changed(self, kind, how) -> None:
        """Returns at once when it happens."""
        version = self.client.resource_version
        async with self.client.stream(
            kind, Selection(namespace=NS), resource_version=version
        ) as events:
            async for event in events:
                if event.type == how:
                    return

    async def fail_host(self, text) -> None:
        """Then nothing is done with it."""
        host = await self.get(metal3api.BareMetalHost, "h")
        host.status.error_message, host.status.error_type = text, text and "provisioning error"
        await self.client.status.update(host)

    async def check_served(self) -> None:
        """The machine has its data, and nothing of it is on its way out."""
        m3m = await self.get(infrav1.Metal3Machine)
        assert metav1.is_condition_true(m3m.status.conditions, "Ready"), m3m.to_dict()
        for kind in KINDS:
            (obj,) = await self.list(kind)
            assert obj.metadata.deletion_timestamp is None, obj.to_dict()
        claim = await self.get(infrav1.Metal3DataClaim)
        assert metav1.controller_of(claim) == metav1.owner_reference(m3m, controller=True)

    async def check_gone(self) -> None:
        """Nothing is left of the machine."""
        for kind in (infrav1.Metal3Machine, *KINDS):
            assert not await self.list(kind)


@pytest.fixture
async def stage(make_cluster, make_machine, make_available_host, make_neighbours, start_provider):
    """With all that surrounds a provider; no manager runs yet."""
    template = infrav1.Metal3DataTemplate.from_dict(
        {"metadata": {"name": "t", "namespace": NS}, "spec": {"metaData": META_DATA}}
    )
    client = FakeClient(
        *make_cluster(),
        template,
        make_available_host("h"),
        without_status=(corev1.Secret, ipamv1.IPAddress),
    )
    async with asyncio.TaskGroup() as tasks:
        working = tasks.create_task(make_neighbours(client).run())
        stage = Stage(client, make_machine, start_provider)
        await stage.add_machine()
        yield stage
        working.cancel()


@pytest.mark.parametrize("after", [0, 20])
@pytest.mark.parametrize("kind", KINDS)
async def test_a_deletion_that_lands_late_takes_nothing_from_the_next_machine(stage, kind, after):
    """What it was meant for is gone, and something of the same name is there."""
    await stage.work(30)
    await stage.client.delete(await stage.get(infrav1.Metal3Machine))
    held = await stage.hold("delete", kind)
    await stage.work(60)
    assert not await stage.list(infrav1.Metal3Machine)
    assert not await stage.list(kind)
    async with stage.provider(stage.client):
        await stage.add_machine()
        await stage.until_there(kind)
        await asyncio.sleep(after)
        await held.land()
        await asyncio.sleep(60)
        await stage.check_served()


async def test_a_claim_of_an_earlier_machine_that_lands_late_is_not_used(stage):
    """Garbage collection deletes it, sooner or later: the next machine has a claim of its own."""
    held = await stage.hold("create", infrav1.Metal3DataClaim)
    await stage.client.delete(await stage.get(infrav1.Metal3Machine))
    await stage.work(20)
    assert not await stage.list(infrav1.Metal3Machine)
    await stage.add_machine()
    await held.land()
    assert await stage.list(infrav1.Metal3DataClaim)
    await stage.work(60)
    await stage.check_served()


async def runs_and_goes(stage):
    """The machine is ready; deleted, it leaves nothing."""
    m3m = await stage.get(infrav1.Metal3Machine)
    assert metav1.is_condition_true(m3m.status.conditions, "Ready"), m3m.to_dict()
    await stage.client.delete(m3m)
    await asyncio.sleep(60)
    await stage.check_gone()


async def test_a_machine_that_runs_stays_with_the_data_it_has(stage):
    """After a backup was restored, say: the claim's owner has another uid now, and is collected."""
    await stage.work(30)
    claim = await stage.get(infrav1.Metal3DataClaim)
    claim.metadata.owner_references[0].uid = "uid-before-the-backup"
    await stage.client.update(claim)
    (data,) = await stage.list(infrav1.Metal3Data)
    async with stage.provider(stage.client):
        await asyncio.sleep(60)
        assert (await stage.list(infrav1.Metal3Data)) == [data]
        await runs_and_goes(stage)


async def test_data_that_is_deleted_too_early_is_rendered_all_the_same(stage):
    """By a user, before it was ready: its claim holds it, and the machine waits for it."""
    async with stage.provider(stage.client):
        await stage.until_there(infrav1.Metal3Data)
        await stage.client.delete((await stage.list(infrav1.Metal3Data))[0])
        await asyncio.sleep(60)
        await runs_and_goes(stage)


async def test_a_manager_with_an_old_view_lets_nothing_of_the_next_machine_go(stage):
    """It still sees the earlier machine on its way out, and that a host is of that name."""
    await stage.work(30)
    await stage.fail_host("broken")
    await stage.client.delete(await stage.get(infrav1.Metal3Machine))
    async with stage.provider(stage.client), stage.provider(Late(stage.client)):
        await asyncio.sleep(10)
        await stage.fail_host("")
        await stage.until_changed(infrav1.Metal3Machine, EventType.DELETED)
        await stage.add_machine()
        await asyncio.sleep(0.5)
        new = await stage.get(infrav1.Metal3DataClaim)
        before = len(stage.client.actions)
        await asyncio.sleep(20)
        claim = await stage.get(infrav1.Metal3DataClaim)
        assert (claim.metadata.uid, claim.metadata.deletion_timestamp) == (new.metadata.uid, None)
        written = [a for a in stage.client.actions[before:] if a.kind == "BareMetalHost"]
        lost = [a.body.body for a in written if a.verb == "patch" and a.body.body.get("spec")]
        assert not [spec for spec in lost if spec["spec"].get("image", "") is None], lost
        await asyncio.sleep(60)
        await stage.check_served()


async def test_a_manager_that_asks_late_leaves_the_next_machine_its_claim(stage):
    """Both let an earlier machine go that has no host; the slower finds the claim of the next."""
    host = await stage.get(metal3api.BareMetalHost, "h")
    await stage.client.delete(host)
    await stage.work(5)
    await stage.client.delete(await stage.get(infrav1.Metal3Machine))
    async with stage.provider(stage.client), stage.provider(AsksLate(stage.client)):
        await stage.until_changed(infrav1.Metal3Machine, EventType.DELETED)
        await stage.add_machine()
        host.metadata.resource_version = ""
        await stage.client.create(host)
        there = await stage.get(metal3api.BareMetalHost, "h")
        there.status.provisioning.state = host.status.provisioning.state
        await stage.client.status.update(there)
        await asyncio.sleep(20)
        claim = await stage.get(infrav1.Metal3DataClaim)
        await asyncio.sleep(60)
        assert (await stage.get(infrav1.Metal3DataClaim)).metadata.uid == claim.metadata.uid
        await stage.check_served()


async def test_nothing_is_made_for_data_that_goes_with_its_claim(stage):
    """It was not ready when its machine let go: an address would be asked for in vain."""
    machine = await stage.get(infrav1.Metal3Machine)
    machine.metadata.annotations["cluster.x-k8s.io/paused"] = ""
    machine = await stage.client.update(machine)
    host = await stage.get(metal3api.BareMetalHost, "h")
    host.spec.consumer_ref = metal3api.ObjectReference(
        api_version=f"{infrav1.GROUP}/v1beta2", kind="Metal3Machine", name="m-0", namespace=NS
    )
    await stage.client.update(host)
    claim = owned_by(machine, infrav1.Metal3DataClaim.named("m-0", NS))
    claim.metadata.finalizers = [infrav1.MACHINE_FINALIZER]
    claim.spec.template = infrav1.ObjectRef(name="t", namespace=NS)
    claim = await stage.client.create(claim)
    claim.status.rendered_data = infrav1.ObjectRef(name="t-0", namespace=NS)
    claim = await stage.client.status.update(claim)
    data = owned_by(claim, infrav1.Metal3Data.named("t-0", NS))
    data.metadata.finalizers = [infrav1.DATA_CLAIM_FINALIZER, infrav1.DATA_FINALIZER]
    data.metadata.owner_references.append(metav1.owner_reference(machine))
    data.spec.template, data.spec.claim = claim.spec.template, infrav1.ObjectRef(name="m-0")
    data = await stage.client.create(data)
    await stage.client.delete(data)
    await stage.client.delete(claim)
    await stage.work(30)
    assert not await stage.list(ipamv1.IPClaim)
    assert await stage.list(infrav1.Metal3Data)


def owned_by(owner, obj):
    """The object, controlled by another."""
    obj.metadata.owner_references = [metav1.owner_reference(owner, controller=True)]
    return obj
