"""``metal3 manager`` killed again and again while hosts go up and down."""

import asyncio
import os
import random
import socket
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from metal3.simulator import LabConfig

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

METAL3 = Path(sys.executable).with_name("metal3")
DEATHS = 50
HOSTS = 20
LIFE = (0.0, 6.0)
"""Shortest and longest life of a process in seconds, from when it works; coming up takes a few."""
WORKS = "Ironic is ready"
LONG = 900


def free_port():
    """A port that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Undertaker:
    """Starts the operator and kills it, until it has died often enough."""

    def __init__(self, w, logs):
        self.deaths = 0
        self.enough = asyncio.Event()
        self._w = w
        self._logs = logs

    async def run(self):
        """The last process lives on, until this is cancelled."""
        dice = random.Random(11)  # noqa: S311 - the same deaths each time
        while self.deaths < DEATHS:
            async with self._process() as process, asyncio.TaskGroup() as tasks:
                watch = tasks.create_task(self._ended(process))
                await self._works()
                await asyncio.sleep(dice.uniform(*LIFE))
                watch.cancel()
            self.deaths += 1
        self.enough.set()
        async with self._process() as process:
            await self._ended(process)

    @asynccontextmanager
    async def _process(self):
        with self._log.open("wb") as stream:
            process = await asyncio.create_subprocess_exec(
                METAL3,
                "manager",
                f"--kubeconfig={self._w.kubeconfig}",
                "--metrics-addr=0",
                f"--health-addr=127.0.0.1:{free_port()}",
                "--webhook-port=0",
                env={**os.environ, **self._w.lab.environment()},
                stdout=stream,
                stderr=stream,
            )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    async def _works(self):
        """Until the process says that it got to work."""
        async with asyncio.timeout(60):
            while True:
                if WORKS in self._said():
                    return
                await asyncio.sleep(0.1)

    @property
    def _log(self):
        return self._logs / f"manager-{self.deaths}.log"

    def _said(self):
        return self._log.read_text()

    async def _ended(self, process):
        code = await process.wait()
        raise AssertionError(f"the operator ended with {code}: {self._said()[-2000:]}")


async def up_and_down(w, host, undertaker):
    """An image on and off until nobody is killed any more; then on once more, and deleted."""
    await w.create(host, image=True)
    while not undertaker.enough.is_set():
        await on_and_off(w, host)
    await w.put_image(host)
    await runs_its_image(w, host)
    await w.client.delete(await w.get(host))
    await w.gone(host, within=LONG)
    assert w.runs(host) == "off"


async def on_and_off(w, host):
    """One round, begun with the image asked for."""
    await runs_its_image(w, host)
    await w.edit(host, lambda h: setattr(h.spec, "image", None))
    found = await w.state(host, "available", within=LONG)
    assert found.status.provisioning.image is None
    await w.put_image(host)


async def runs_its_image(w, host):
    """Until the host has what it was asked for, and the machine with it."""
    found = await w.state(host, "provisioned", within=LONG)
    assert found.status.provisioning.image.url == w.lab.image_url
    await w.wait(host, lambda h: h.status.powered_on and w.runs(host) == "instance", within=LONG)
    assert (await w.nodes())[w.node_name(host)] == "active"


async def test_an_operator_killed_at_any_moment_loses_nothing(world, tmp_path):
    """At least 50 kills over 20 hosts: each ends where its spec says, and Ironic is empty again."""
    async with world(LabConfig(hosts=HOSTS), operator=False) as w, asyncio.TaskGroup() as tasks:
        undertaker = Undertaker(w, tmp_path)
        dying = tasks.create_task(undertaker.run())
        async with asyncio.TaskGroup() as hosts:
            for host in w.lab.hosts:
                hosts.create_task(up_and_down(w, host, undertaker))
        dying.cancel()
        assert undertaker.deaths >= DEATHS
        assert await w.nodes() == {}
