"""The operator on a real manager, with an API and machines in memory."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import EntryPoint
from typing import Any

import pytest

from metal3 import ctrl
from metal3.api.core import v1 as corev1
from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers.baremetal import (
    BaremetalOptions,
    UnknownProvisionerError,
    build,
    cache_by_object,
    setup,
)
from metal3.controllers.baremetal.setup import (
    PROVISIONERS,
    BrokenProvisionerError,
    load_backend,
)
from metal3.controllers.baremetal.wakeups import UnmarkedSecret
from metal3.controllers.baremetal.webhooks import BareMetalHostValidator
from metal3.provisioner.fixture import FixtureBackend, FixtureOptions
from metal3.runtime.cache import CacheOptions
from metal3.runtime.client import NotFoundError
from metal3.runtime.client.fake import FakeClient
from metal3.runtime.types import NamespacedName
from metal3.runtime.webhook import AdmissionWebhook, WebhookOptions, WebhookServer

State = metal3api.ProvisioningState
IMAGE = {"url": "http://images/a.qcow2", "checksum": "http://images/a.sha256"}
NO_STATUS = (metal3api.HardwareData, metal3api.FirmwareSchema, corev1.Secret)

pytestmark = pytest.mark.looptime(start=0)


@dataclass
class Cluster:
    """A running operator."""

    client: FakeClient
    backend: FixtureBackend
    manager: ctrl.Manager

    async def get(self, name: str) -> metal3api.BareMetalHost:
        """One host."""
        return await self.client.get(metal3api.BareMetalHost, NamespacedName("metal3", name))

    async def wait(
        self,
        name: str,
        done: Callable[[metal3api.BareMetalHost], bool],
        *,
        limit: float = 300,
    ) -> metal3api.BareMetalHost:
        """Until the host is as wanted."""
        async with asyncio.timeout(limit):
            while True:
                host = await self.get(name)
                if done(host):
                    return host
                await asyncio.sleep(0.05)

    async def gone(self, name: str) -> None:
        """Until the host is no more."""
        async with asyncio.timeout(300):
            while True:
                try:
                    await self.get(name)
                except NotFoundError:
                    return
                await asyncio.sleep(0.05)


def is_in(state: str) -> Callable[[metal3api.BareMetalHost], bool]:
    """Whether a host is in a state."""
    return lambda host: host.status.provisioning.state == state


def has_hostname(name: str) -> Callable[[metal3api.BareMetalHost], bool]:
    """Whether the host's hardware has this name."""
    return lambda host: getattr(host.status.hardware, "hostname", None) == name


@asynccontextmanager
async def running(
    *objects: metav1.Object,
    fixture: FixtureOptions | None = None,
    options: BaremetalOptions | None = None,
) -> AsyncIterator[Cluster]:
    """An operator that runs while the block does."""
    client = FakeClient(*objects, without_status=NO_STATUS)
    mgr = ctrl.Manager(
        client,
        ctrl.ManagerOptions(
            cache=CacheOptions(by_object=cache_by_object()),
            metrics=ctrl.MetricsOptions(addr="0"),
        ),
    )
    backend = FixtureBackend(options=fixture or FixtureOptions())
    build(mgr, options or BaremetalOptions(), backend, unique_names=False)
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(mgr.start(stop))
        try:
            yield Cluster(client, backend, mgr)
        finally:
            stop.set()


async def test_hosts_go_all_the_way_and_back(make_host, make_secret):
    """Registering to provisioned, deprovisioned and deleted, driven by nothing but events."""
    hosts = [make_host(f"host-{i}", image=IMAGE) for i in range(3)]
    async with running(*hosts, make_secret()) as cluster:
        for host in hosts:
            await cluster.wait(host.metadata.name, is_in(State.PROVISIONED))
        for i in range(3):
            host = await cluster.get(f"host-{i}")
            host.spec.image = None
            await cluster.client.update(host)
        for i in range(3):
            host = await cluster.wait(f"host-{i}", is_in(State.AVAILABLE))
            await cluster.client.delete(host)
        for i in range(3):
            await cluster.gone(f"host-{i}")
        assert cluster.backend.nodes == {}
        for machine in cluster.backend.hardware.values():
            assert len(machine.deployments) == 1


async def test_a_fixed_secret_heals_the_host_at_once(make_host, make_secret):
    """A wrong password is named; correcting the Secret wakes the host without its backoff."""
    async with running(make_host(), make_secret(username="admin", password="wrong")) as cluster:
        key = NamespacedName("metal3", "host-0")
        cluster.backend.machine(key).password = "right"
        host = await cluster.wait("host-0", lambda h: h.status.error_type is not None)
        assert host.status.error_type == "registration error"
        assert "refused the credentials" in host.status.error_message
        await asyncio.sleep(1)
        before = asyncio.get_running_loop().time()
        secret = await cluster.client.get(corev1.Secret, NamespacedName("metal3", "bmc"))
        secret.data = make_secret(username="admin", password="right").data
        await cluster.client.update(secret)
        host = await cluster.wait("host-0", is_in(State.AVAILABLE))
        assert host.status.error_type is None
        assert asyncio.get_running_loop().time() - before < 10


async def test_a_missing_secret_is_found_when_it_comes(make_host, make_secret):
    """The Secret that is missing is named, and wakes the host although nobody marked it."""
    async with running(make_host()) as cluster:
        host = await cluster.wait("host-0", lambda h: h.status.error_type is not None)
        assert "'bmc'" in host.status.error_message
        assert "does not exist" in host.status.error_message
        await asyncio.sleep(60)
        await cluster.client.create(make_secret())
        await cluster.wait("host-0", lambda h: h.status.error_type is None, limit=2)


@pytest.mark.parametrize(
    ("field", "key"),
    [
        pytest.param({"userData": {"name": "late"}}, "userData", id="user-data"),
        pytest.param({"networkData": {"name": "late"}}, "networkData", id="network-data"),
        pytest.param({"metaData": {"name": "late"}}, "metaData", id="meta-data"),
        pytest.param(
            {
                "image": {"url": "oci://registry.example/a:1", "ociAuthSecretName": "late"},
            },
            "pull",
            id="pull-secret",
        ),
    ],
)
async def test_data_that_comes_late_is_waited_for(make_host, make_secret, field, key):
    """The host waits in provisioning without an error, and goes on as soon as it is there."""
    host = make_host(**{"image": IMAGE} | field)
    async with running(host, make_secret()) as cluster:
        await cluster.wait("host-0", is_in(State.PROVISIONING))
        found = await cluster.wait("host-0", lambda h: "'late'" in progress(h))
        await asyncio.sleep(60)
        assert found.status.error_type is None
        login = '{"auths": {"registry.example": {"username": "u", "password": "p"}}}'
        data = {".dockerconfigjson": login} if key == "pull" else {key: "{}"}
        secret = make_secret("late", **data)
        secret.type = "kubernetes.io/dockerconfigjson" if key == "pull" else "Opaque"
        await cluster.client.create(secret)
        await cluster.wait("host-0", is_in(State.PROVISIONED), limit=5)


async def test_network_data_of_the_agent_that_comes_late_wakes_the_host(make_host, make_secret):
    """Registering goes on as soon as the Secret is there."""
    host = make_host(preprovisioningNetworkDataName="late")
    async with running(host, make_secret()) as cluster:
        found = await cluster.wait("host-0", lambda h: h.status.error_type is not None)
        assert "'late'" in found.status.error_message
        await asyncio.sleep(60)
        await cluster.client.create(make_secret("late", networkData="links: []"))
        await cluster.wait("host-0", lambda h: h.status.error_type is None, limit=2)


async def test_headers_that_come_late_wake_their_subscription(make_host, make_secret):
    """A subscription says which Secret it waits for, and is made as soon as that is there."""
    subscription = metal3api.BMCEventSubscription.named("events", "metal3")
    subscription.spec.host_name = "host-0"
    subscription.spec.destination = "https://events.example/"
    subscription.spec.http_headers_ref = metal3api.SecretReference(name="late", namespace="metal3")
    async with running(make_host(), make_secret(), subscription) as cluster:
        await cluster.wait("host-0", is_in(State.AVAILABLE))

        async def status():
            kind, key = metal3api.BMCEventSubscription, NamespacedName("metal3", "events")
            return (await cluster.client.get(kind, key)).status

        await asyncio.sleep(60)
        assert "metal3/late" in ((await status()).error or "")
        await cluster.client.create(make_secret("late", Authorization="Bearer t"))
        await asyncio.sleep(2)
        assert (await status()).subscription_id


async def test_what_was_asked_of_a_paused_host_is_done_when_it_is_handed_back(
    make_host, make_secret
):
    """Settings and an image for it, and a subscription to its BMC: nothing else wakes them."""
    async with running(make_host(), make_secret()) as cluster:
        host = await cluster.wait("host-0", is_in(State.AVAILABLE))
        await asyncio.sleep(60)
        host = await cluster.get("host-0")
        host.metadata.annotations[metal3api.PAUSED_ANNOTATION] = "me"
        host = await cluster.client.update(host)
        host.spec.image = metal3api.Image.from_dict(IMAGE)
        await cluster.client.update(host)
        key = NamespacedName("metal3", "host-0")
        settings = await cluster.client.get(metal3api.HostFirmwareSettings, key)
        settings.spec.settings = {"ProcTurboMode": "Disabled"}
        await cluster.client.update(settings)
        subscription = metal3api.BMCEventSubscription.named("events", "metal3")
        subscription.spec.host_name = "host-0"
        subscription.spec.destination = "https://events.example/"
        await cluster.client.create(subscription)
        await asyncio.sleep(60)
        assert (await cluster.get("host-0")).status.provisioning.state == "available"
        host = await cluster.get("host-0")
        host.metadata.annotations.clear()
        await cluster.client.update(host)
        await cluster.wait("host-0", is_in(State.PROVISIONED))
        machine = cluster.backend.machine(key)
        assert machine.settings["ProcTurboMode"] == "Disabled"
        assert len(machine.subscriptions) == 1


async def test_a_data_image_may_be_there_before_its_host(make_host, make_secret):
    """It is held from the start, and belongs to the host as soon as there is one."""
    image = metal3api.DataImage.named("host-0", "metal3")
    image.spec.url = "http://images/data.iso"
    async with running(image, make_secret()) as cluster:
        kind, key = metal3api.DataImage, NamespacedName("metal3", "host-0")
        await asyncio.sleep(1)
        found = await cluster.client.get(kind, key)
        assert found.metadata.finalizers == [metal3api.DATA_IMAGE_FINALIZER]
        await cluster.client.create(make_host(image=IMAGE))
        host = await cluster.wait("host-0", is_in(State.PROVISIONED))
        host.metadata.annotations[metal3api.REBOOT_ANNOTATION] = '{"mode": "hard"}'
        await cluster.client.update(host)
        await asyncio.sleep(30)
        assert cluster.backend.machine(key).media == image.spec.url
        found = await cluster.client.get(kind, key)
        assert [owner.name for owner in found.metadata.owner_references] == ["host-0"]


async def test_secrets_of_others_are_not_kept(make_host, make_secret):
    """Of a Secret nobody marked the operator knows the name and nothing else."""
    async with running(make_host(), make_secret(), make_secret("others", token="t0p")) as cluster:
        await cluster.wait("host-0", is_in(State.AVAILABLE))
        known = await cluster.manager.client.list(UnmarkedSecret, namespace="metal3")
        assert [secret.metadata.name for secret in known.items] == ["others"]
        assert set(known.items[0].to_dict()) == {"apiVersion", "kind", "metadata"}
        with pytest.raises(NotFoundError):
            await cluster.manager.client.get(corev1.Secret, NamespacedName("metal3", "others"))


def progress(host: metal3api.BareMetalHost) -> str:
    """What the Progressing condition says."""
    found = metav1.find_condition(host.status.conditions, "Progressing")
    return found.message if found else ""


async def test_slots_are_handed_on_without_delay(make_host, make_secret):
    """With one slot, three hosts are done one after the other, none waiting for a timer."""
    hosts = [make_host(f"host-{i}", image=IMAGE) for i in range(3)]
    options = FixtureOptions(limit=1, step_time=timedelta(seconds=10))
    async with running(*hosts, make_secret(), fixture=options) as cluster:
        for host in hosts:
            await cluster.wait(host.metadata.name, is_in(State.PROVISIONED))
        # Six steps of ten seconds need the slot; registering and preparing run beside them.
        assert asyncio.get_running_loop().time() < 110


async def test_hardware_data_of_the_user_wakes_its_host(make_host, make_secret):
    """When it is made, and when it is changed."""
    async with running(make_host(inspectionMode="disabled"), make_secret()) as cluster:
        await cluster.wait("host-0", is_in(State.AVAILABLE))
        await asyncio.sleep(30)
        data = metal3api.HardwareData.named("host-0", "metal3")
        for hostname in ("first", "second"):
            data.spec.hardware = metal3api.HardwareDetails(hostname=hostname)
            save = cluster.client.update if data.metadata.uid else cluster.client.create
            data = await save(data)
            await cluster.wait("host-0", has_hostname(hostname), limit=5)


@pytest.mark.parametrize("refuse", [False, True])
async def test_the_site_says_how_strict_the_webhook_is(refuse):
    """Hosts with the same BMC are warned about, or refused where the flag says so."""
    registered: list[AdmissionWebhook[Any]] = []

    class Server(WebhookServer):
        def register(self, webhook: AdmissionWebhook[Any]) -> None:
            registered.append(webhook)

    server = Server(WebhookOptions())
    metrics = ctrl.MetricsOptions(addr="0")
    mgr = ctrl.Manager(FakeClient(), ctrl.ManagerOptions(metrics=metrics, webhook_server=server))
    options = BaremetalOptions(refuse_duplicate_hosts=refuse)
    build(mgr, options, FixtureBackend(options=FixtureOptions()), unique_names=False)
    (validator,) = [w.validator for w in registered if w.kind is metal3api.BareMetalHost]
    assert isinstance(validator, BareMetalHostValidator)
    assert validator.refuse_duplicates is refuse


def test_backends_come_by_their_entry_point():
    """Any package can bring one; it is told the environment, and nothing has to be compiled."""
    backend = load_backend("fixture", {"FIXTURE_STEP_TIME": "0.25"})
    assert isinstance(backend, FixtureBackend)
    assert backend.options.step_time == timedelta(seconds=0.25)


async def test_a_host_that_moves_to_another_rack_waits_for_the_old_one_no_longer(
    make_host, make_secret
):
    """Its label decides in which line it stands; the change wakes it."""
    hosts = [make_host(f"host-{i}") for i in range(2)]
    for host in hosts:
        host.metadata.labels["rack"] = "1"
    slow = FixtureOptions(step_times={"inspect": timedelta(hours=1)})
    options = BaremetalOptions(limits_per_label={"rack": 1})
    async with running(*hosts, make_secret(), fixture=slow, options=options) as cluster:
        await asyncio.sleep(5)
        found = [await cluster.get(host.metadata.name) for host in hosts]
        (late,) = (h for h in found if h.status.operational_status == "delayed")
        late.metadata.labels["rack"] = "2"
        await cluster.client.update(late)
        await cluster.wait(late.metadata.name, is_in(State.INSPECTING), limit=2)


async def test_an_unknown_provisioner_is_refused():
    """The message lists the backends that are installed."""
    mgr = ctrl.Manager(FakeClient(), ctrl.ManagerOptions(metrics=ctrl.MetricsOptions(addr="0")))
    with pytest.raises(UnknownProvisionerError, match="fixture"):
        await setup(mgr, BaremetalOptions(provisioner="nonsense"), {})


async def test_a_provisioner_that_cannot_be_loaded_is_named(monkeypatch):
    """A plugin whose function is gone ends the start with a line about it."""
    point = EntryPoint("acme", "json:no_such_function", PROVISIONERS)
    module = sys.modules[load_backend.__module__]
    monkeypatch.setattr(module, "entry_points", lambda group: [point])
    with pytest.raises(BrokenProvisionerError, match=r"'acme' \(json:no_such_function\)"):
        load_backend("acme", {})


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: BaremetalOptions(concurrency=-1), id="concurrency"),
        pytest.param(lambda: BaremetalOptions(max_provisioning_retries=-1), id="retries"),
    ],
)
def test_negative_numbers_are_refused(make):
    """Options that make no sense fail at the start."""
    with pytest.raises(ValueError, match="must not be negative"):
        make()
