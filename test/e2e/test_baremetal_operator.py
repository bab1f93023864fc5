"""The operator on a real Ironic with simulated servers: whole lives, faults, and a dying operator."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from metal3 import ctrl
from metal3.api.core import v1 as corev1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers.baremetal import BaremetalOptions, build, cache_by_object
from metal3.controllers.baremetal.setup import load_backend
from metal3.runtime.cache import CacheOptions
from metal3.runtime.client import Client, ConflictError, NotFoundError, RestClient
from metal3.runtime.envtest import Environment
from metal3.runtime.rest import Config, load_config
from metal3.runtime.types import NamespacedName
from metal3.simulator import DeployStepFails, Lab, LabConfig, SimulatedHost

pytestmark = pytest.mark.e2e

CRDS = Path(__file__).parents[2] / "config/crd/bases"
PATIENCE = 180
RETRY = "baremetalhost.metal3.io/retry"
State = metal3api.ProvisioningState
Done = Callable[[metal3api.BareMetalHost], bool]


class World:
    """A cluster, its users, and the hardware."""

    def __init__(self, client: Client, lab: Lab) -> None:
        self.client = client
        self.lab = lab

    async def create(self, host: SimulatedHost, *, image: bool, password: str = "") -> None:
        """What a user applies."""
        login = {"username": host.username, "password": password or host.password}
        await self.client.create(corev1.new_secret(f"{host.name}-bmc", "default", login))
        spec: dict[str, Any] = {
            "online": True,
            "bootMACAddress": host.boot_mac,
            "bmc": {"address": host.bmc_address, "credentialsName": f"{host.name}-bmc"},
        }
        if image:
            spec["image"] = {"url": self.lab.image_url, "checksum": self.lab.image_checksum}
        metadata = {"name": host.name, "namespace": "default"}
        await self.client.create(
            metal3api.BareMetalHost.from_dict({"metadata": metadata, "spec": spec})
        )

    async def get(self, host: SimulatedHost) -> metal3api.BareMetalHost:
        """The host as the API has it."""
        return await self.client.get(metal3api.BareMetalHost, NamespacedName("default", host.name))

    async def wait(self, host: SimulatedHost, done: Done) -> metal3api.BareMetalHost:
        """Until the host is as wanted; tells its status when it is not in time."""
        found = None
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    found = await self.get(host)
                    if done(found):
                        return found
                    await asyncio.sleep(0.5)
        except TimeoutError:
            raise AssertionError(f"{host.name}: {found and found.status.to_dict()}") from None

    async def edit(self, host: SimulatedHost, change: Callable[[Any], object]) -> None:
        """What a user does with kubectl edit."""
        while True:
            found = await self.get(host)
            change(found)
            try:
                await self.client.update(found)
            except ConflictError:
                continue
            return

    async def delete(self, host: SimulatedHost) -> None:
        """Delete and wait until it is gone."""
        await self.client.delete(await self.get(host))
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    await self.get(host)
                except NotFoundError:
                    return
                await asyncio.sleep(0.5)

    def runs_its_disk(self, host: SimulatedHost) -> bool:
        """Whether the simulated machine has booted what was written."""
        return self.lab.machine_state(host) == "instance"


def is_in(state: str) -> Done:
    """Whether a host is in a state."""
    return lambda host: host.status.provisioning.state == state


def operator(config: Config, lab: Lab) -> ctrl.Manager:
    """A new process, as good as."""
    mgr = ctrl.Manager(
        config,
        ctrl.ManagerOptions(
            cache=CacheOptions(by_object=cache_by_object()),
            metrics=ctrl.MetricsOptions(addr="0"),
        ),
    )
    backend = load_backend("ironic", lab.environment())
    build(mgr, BaremetalOptions(), backend, unique_names=False)
    return mgr


async def operate(config: Config, lab: Lab, *, lives: tuple[float, float] | None) -> None:
    """Run the operator; with ``lives`` it is killed again and again after that many seconds."""
    dice = random.Random(7)  # noqa: S311 - the same deaths each time
    while True:
        running = asyncio.ensure_future(operator(config, lab).start())
        try:
            await asyncio.wait({running}, timeout=dice.uniform(*lives) if lives else None)
        finally:
            running.cancel()
            await asyncio.wait({running})
        if not running.cancelled():
            running.result()


@asynccontextmanager
async def world(hosts: int, *, lives: tuple[float, float] | None = None) -> AsyncIterator[World]:
    """Everything, for as long as the block lasts."""
    async with (
        Environment(api="embedded", crds=[CRDS]) as env,
        Lab(LabConfig(hosts=hosts)) as lab,
        RestClient(load_config(str(env.kubeconfig))) as client,
        asyncio.TaskGroup() as tasks,
    ):
        running = tasks.create_task(operate(load_config(str(env.kubeconfig)), lab, lives=lives))
        try:
            yield World(client, lab)
        finally:
            running.cancel()


async def whole_life(w: World, host: SimulatedHost) -> None:
    """Provisioned, restarted once, taken off, deleted."""
    await w.create(host, image=True)
    await w.wait(host, is_in(State.PROVISIONED))
    await w.wait(host, lambda h: h.status.powered_on)
    key = metal3api.REBOOT_ANNOTATION
    await w.edit(host, lambda h: h.metadata.annotations.update({key: '{"mode": "hard"}'}))
    await w.wait(host, lambda h: key not in h.metadata.annotations and h.status.powered_on)
    await w.wait(host, lambda _: w.runs_its_disk(host))
    await w.edit(host, lambda h: setattr(h.spec, "image", None))
    found = await w.wait(host, is_in(State.AVAILABLE))
    assert found.status.provisioning.image is None
    await w.delete(host)


async def wrong_password(w: World, host: SimulatedHost) -> None:
    """Said in plain words, healed by the Secret alone."""
    await w.create(host, image=False, password="not-this-one")
    found = await w.wait(host, lambda h: bool(h.status.error_type))
    assert found.status.error_type == "registration error"
    assert "refused" in found.status.error_message
    assert "not-this-one" not in str(found.to_dict())
    secret = await w.client.get(corev1.Secret, NamespacedName("default", f"{host.name}-bmc"))
    login = {"username": host.username, "password": host.password}
    secret.data = corev1.new_secret("x", "default", login).data
    await w.client.update(secret)
    found = await w.wait(host, is_in(State.AVAILABLE))
    assert found.status.error_message == ""
    await w.delete(host)


async def failing_deployment(w: World, host: SimulatedHost) -> None:
    """Shown with Ironic's reason; after mending, another try works."""
    await w.lab.fault(host, DeployStepFails())
    await w.create(host, image=True)
    found = await w.wait(host, lambda h: h.status.error_type == "provisioning error")
    assert found.status.error_message
    await w.lab.heal(host)
    await w.edit(host, lambda h: h.metadata.annotations.update({RETRY: ""}))
    found = await w.wait(host, is_in(State.PROVISIONED))
    assert found.status.provisioning_fail_count == 0
    await w.delete(host)


async def detached(w: World, host: SimulatedHost) -> None:
    """Let go of without a trace in Ironic, and taken back with what runs on it."""
    await w.create(host, image=True)
    before = await w.wait(host, is_in(State.PROVISIONED))
    key = metal3api.DETACHED_ANNOTATION
    await w.edit(host, lambda h: h.metadata.annotations.update({key: ""}))
    await w.wait(host, lambda h: h.status.operational_status == "detached")
    await w.edit(host, lambda h: h.metadata.annotations.pop(key))
    after = await w.wait(
        host,
        lambda h: (
            h.status.provisioning.id != before.status.provisioning.id
            and h.status.operational_status == "OK"
        ),
    )
    assert after.status.provisioning.state == "provisioned"
    assert after.status.provisioning.image is not None
    await w.delete(host)


async def test_hosts_live_on_a_real_ironic():
    """A whole life, a wrong password, a failing deployment and a detachment, side by side."""
    stories = (whole_life, wrong_password, failing_deployment, detached)
    async with world(len(stories)) as w, asyncio.TaskGroup() as tasks:
        for story, host in zip(stories, w.lab.hosts, strict=True):
            tasks.create_task(story(w, host))


async def test_an_operator_that_dies_again_and_again_gets_there():
    """Killed every few seconds, it still brings each host through its whole life, and no two ways."""
    async with world(3, lives=(2.0, 9.0)) as w, asyncio.TaskGroup() as tasks:
        for host in w.lab.hosts:
            tasks.create_task(whole_life(w, host))


async def test_an_ironic_that_dies_and_forgets_costs_no_instance():
    """Hosts that run are taken over as they are; one in the making gets there all the same."""
    async with world(2) as w:
        running, new = w.lab.hosts
        await w.create(running, image=True)
        before = await w.wait(running, is_in(State.PROVISIONED))
        await w.lab.kill_ironic()
        await w.create(new, image=False)
        await w.lab.start_ironic()
        await w.wait(new, is_in(State.AVAILABLE))
        await w.lab.wipe_ironic_database()
        after = await w.wait(
            running,
            lambda h: (
                h.status.provisioning.id != before.status.provisioning.id
                and h.status.operational_status == "OK"
            ),
        )
        assert after.status.provisioning.state == "provisioned"
        assert w.runs_its_disk(running)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(w.delete(running))
            tasks.create_task(w.delete(new))
