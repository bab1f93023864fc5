"""A world for the operator's end-to-end tests: cluster, hardware, and what users do to both."""

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from metal3 import ctrl
from metal3.api.core import v1 as corev1
from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers.baremetal import BaremetalOptions, build, cache_by_object
from metal3.provisioner.ironic import new_factory
from metal3.runtime.cache import CacheOptions
from metal3.runtime.client import ConflictError, NotFoundError, RestClient
from metal3.runtime.envtest import Environment
from metal3.runtime.rest import load_config
from metal3.runtime.types import NamespacedName
from metal3.simulator import Lab, LabConfig

CRDS = Path(__file__).parents[2] / "config/crd/bases"
PATIENCE = 180
"""Seconds for one wait; several times what an idle machine needs."""
LONGEST = 1_500
"""Seconds for one test; the slowest kills the operator fifty times."""
RETRY = "baremetalhost.metal3.io/retry"
IRONIC_VERSION = {"X-OpenStack-Ironic-API-Version": "1.93"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give these tests the minutes they take; elsewhere a test is stopped much sooner."""
    for item in items:
        if item.get_closest_marker("e2e"):
            item.add_marker(pytest.mark.timeout(LONGEST))


class World:
    """What users see and do, and what hardware and Ironic know."""

    def __init__(self, client, lab, kubeconfig):
        self.client = client
        self.lab = lab
        self.kubeconfig = kubeconfig

    @property
    def image(self):
        """The image to put on hosts."""
        return metal3api.Image.from_dict(
            {"url": self.lab.image_url, "checksum": self.lab.image_checksum}
        )

    async def create(self, host, *, image=False, **spec):
        """Apply a Secret and a host; ``spec`` has the field names of the manifest."""
        login = {"username": host.username, "password": host.password}
        await self.client.create(corev1.new_secret(f"{host.name}-bmc", "default", login))
        fields = {
            "online": True,
            "bootMACAddress": host.boot_mac,
            "bmc": {"address": host.bmc_address, "credentialsName": f"{host.name}-bmc"},
        } | spec
        if image:
            fields["image"] = self.image.to_dict()
        metadata = {"name": host.name, "namespace": "default"}
        await self.client.create(
            metal3api.BareMetalHost.from_dict({"metadata": metadata, "spec": fields})
        )

    async def get(self, host, kind=metal3api.BareMetalHost):
        """The host, or what goes with it under its name."""
        return await self.client.get(kind, NamespacedName("default", host.name))

    async def wait(self, host, done, kind=metal3api.BareMetalHost, within=PATIENCE):
        """Until it is as wanted; tells its status when it is not in time."""
        found = None
        try:
            async with asyncio.timeout(within):
                while True:
                    try:
                        found = await self.get(host, kind)
                    except NotFoundError:
                        found = None
                    if found is not None and done(found):
                        return found
                    await asyncio.sleep(0.3)
        except TimeoutError:
            raise AssertionError(f"{host.name}: {found and found.to_dict()}") from None

    async def state(self, host, wanted, within=PATIENCE):
        """Until the host is in a state."""
        return await self.wait(host, lambda h: h.status.provisioning.state == wanted, within=within)

    async def rests(self, host, wanted, *, powered_on=True):
        """Until the host is in a state without an error, its power as wanted."""
        return await self.wait(
            host,
            lambda h: (
                h.status.provisioning.state == wanted
                and h.status.operational_status == "OK"
                and h.status.powered_on == powered_on
            ),
        )

    async def edit(self, host, change, kind=metal3api.BareMetalHost):
        """What ``kubectl edit`` does."""
        while True:
            found = await self.get(host, kind)
            change(found)
            try:
                await self.client.update(found)
            except ConflictError:
                continue
            return

    async def annotate(self, host, key, value=""):
        """Set an annotation, or take it away with None."""

        def change(found):
            if value is None:
                found.metadata.annotations.pop(key, None)
            else:
                found.metadata.annotations[key] = value

        await self.edit(host, change)

    async def annotation_is_gone(self, host, key):
        """Until the operator took an annotation away."""
        await self.wait(host, lambda h: key not in h.metadata.annotations)

    async def retry(self, host):
        """Ask for another try at once."""
        await self.annotate(host, RETRY)

    async def put_image(self, host, image=None):
        """Ask for an image: the lab's own unless another is given."""
        await self.edit(host, lambda h: setattr(h.spec, "image", image or self.image))

    async def delete(self, host):
        """Delete a host and wait until nothing of it is left, here and in Ironic."""
        await self.client.delete(await self.get(host))
        await self.gone(host)
        assert self.node_name(host) not in await self.nodes()

    async def gone(self, host, kind=metal3api.BareMetalHost, within=PATIENCE):
        """Until the object is gone."""
        found = None
        try:
            async with asyncio.timeout(within):
                while True:
                    found = await self.get(host, kind)
                    await asyncio.sleep(0.3)
        except NotFoundError:
            return
        except TimeoutError:
            raise AssertionError(f"{host.name}: {found and found.to_dict()}") from None

    async def nodes(self):
        """Ironic's nodes by name, with their provision state."""
        async with (
            aiohttp.ClientSession(headers=IRONIC_VERSION) as session,
            session.get(f"{self.lab.ironic_url}/v1/nodes") as answer,
        ):
            nodes = (await answer.json())["nodes"]
            return {node["name"]: node["provision_state"] for node in nodes}

    async def node(self, host):
        """All that Ironic says about a host's node."""
        url = f"{self.lab.ironic_url}/v1/nodes/{self.node_name(host)}"
        async with (
            aiohttp.ClientSession(headers=IRONIC_VERSION) as session,
            session.get(url) as answer,
        ):
            return await answer.json()

    async def active(self, host):
        """Until Ironic has the host's node as one with an instance."""
        async with asyncio.timeout(PATIENCE):
            while True:
                if (await self.nodes()).get(self.node_name(host)) == "active":
                    return
                await asyncio.sleep(0.3)

    @staticmethod
    def node_name(host):
        """What the operator calls a host's node."""
        return f"default~{host.name}"

    def boots(self, host):
        """How often the machine has booted anything."""
        return self.lab._machine(host).boots

    def runs(self, host):
        """``instance``, ``ramdisk``, ``off`` or ``booting``."""
        return str(self.lab.machine_state(host))


def condition(host, kind):
    """Status and reason of a condition."""
    found = metav1.find_condition(host.status.conditions, kind)
    return (found.status, found.reason) if found else None


def _manager(kubeconfig, lab, options):
    mgr = ctrl.Manager(
        load_config(kubeconfig),
        ctrl.ManagerOptions(
            cache=CacheOptions(by_object=cache_by_object()), metrics=ctrl.MetricsOptions(addr="0")
        ),
    )
    build(mgr, options, new_factory(lab.environment()), unique_names=False)
    return mgr


@asynccontextmanager
async def world(config: LabConfig, options=None, *, operator=True):
    """Everything, for as long as the block lasts; ``operator`` False leaves that to the test."""
    async with (
        Environment(api="embedded", crds=[CRDS]) as env,
        Lab(config) as lab,
        RestClient(load_config(str(env.kubeconfig))) as client,
        asyncio.TaskGroup() as tasks,
    ):
        running = None
        if operator:
            mgr = _manager(str(env.kubeconfig), lab, options or BaremetalOptions())
            running = tasks.create_task(mgr.start())
        try:
            yield World(client, lab, env.kubeconfig)
        finally:
            if running is not None:
                running.cancel()


@pytest.fixture(name="world")
def _world():
    """Makes a :class:`World`, as a context manager."""
    return world


@pytest.fixture(name="condition")
def _condition():
    """Reads a condition of a host."""
    return condition


@pytest.fixture
def play():
    """Plays stories side by side, one host each."""

    async def run(w, *stories):
        async with asyncio.TaskGroup() as tasks:
            for story, host in zip(stories, w.lab.hosts, strict=True):
                tasks.create_task(story(w, host), name=story.__name__)

    return run
