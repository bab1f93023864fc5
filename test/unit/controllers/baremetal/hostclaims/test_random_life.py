"""Claims come and go in any order, managers are killed and conflict; nothing is ever shared."""

import contextlib
import random

import pytest

from metal3.api.core import v1 as corev1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.client import ConflictError, NotFoundError, ServiceUnavailableError

from .conftest import HOSTS, IMAGE, TENANT, bench_on, new_claim, new_namespace, new_policy

CLAIMS = [f"claim-{n}" for n in range(5)]
NAMES = [f"host-{n}" for n in range(3)]
TURNS = 80


class World:
    """Users, the hosts' operator and two managers of claims, one action at a time."""

    def __init__(self, bench, dice):
        self.bench, self.dice = bench, dice
        self.managers = [bench, bench_on(bench.client)]

    async def act(self):
        """Something happens."""
        await self.dice.choice([self.create, self.delete, self.work, self.fail, self.look])()
        await self.look()

    async def create(self):
        """A user wants a host."""
        claim = new_claim(self.dice.choice(CLAIMS), image=IMAGE, userData={"name": "ud"})
        with contextlib.suppress(Exception):
            await self.bench.client.create(claim)

    async def delete(self):
        """A user is done with it."""
        with contextlib.suppress(NotFoundError):
            await self.bench.client.delete(await self.bench.claim(self.dice.choice(CLAIMS)))

    async def work(self, name=""):
        """The hosts' operator takes one host where its spec says."""
        name = name or self.dice.choice(NAMES)
        wants = (await self.bench.host(name)).spec.image is not None
        await self.bench.be("provisioned" if wants else "available", name)

    async def fail(self):
        """The next write of some manager does not come through."""
        kind = self.dice.choice([metal3api.BareMetalHost, metal3api.HostClaim, corev1.Secret])
        error = self.dice.choice([ServiceUnavailableError, ConflictError])("bad luck")
        self.bench.client.fail_next("patch", kind, error)

    async def look(self, name=""):
        """Some manager looks at some claim."""
        manager = self.dice.choice(self.managers)
        with contextlib.suppress(ServiceUnavailableError):
            await manager.look(name or self.dice.choice(CLAIMS))

    async def check(self):
        """What must hold at any time."""
        hosts = (await self.bench.client.list(metal3api.BareMetalHost)).items
        owners = [host.spec.consumer_ref.name for host in hosts if host.spec.consumer_ref]
        assert len(owners) == len(set(owners)), "a claim has two hosts"
        claims = {
            c.metadata.name for c in (await self.bench.client.list(metal3api.HostClaim)).items
        }
        assert set(owners) <= claims, "a claim went without giving its host back"
        for host in hosts:
            assert host.spec.consumer_ref or not host.spec.image, "a free host has an image"


@pytest.mark.parametrize("seed", range(8))
async def test_nothing_is_shared_or_left(claims, available, seed):
    """Invariants after every action; in the end everybody who can has a host, then nobody has."""
    dice = random.Random(seed)  # noqa: S311 - the same each time
    hosts = [available(name) for name in NAMES]
    data = corev1.new_secret("ud", TENANT, {"userData": "x"})
    world = World(claims(*hosts, new_policy(), new_namespace(), data), dice)
    for _ in range(TURNS):
        await world.act()
        await world.check()
    world.bench.client.stop_failing()
    await settle(world)  # claims that are going must be gone before their names are free
    for name in CLAIMS:
        with contextlib.suppress(Exception):
            await world.bench.client.create(new_claim(name, image=IMAGE))
    await settle(world)
    there = (await world.bench.client.list(metal3api.BareMetalHost)).items
    assert all(host.spec.consumer_ref for host in there)
    for claim in (await world.bench.client.list(metal3api.HostClaim)).items:
        await world.bench.client.delete(claim)
    await settle(world)
    assert not (await world.bench.client.list(metal3api.HostClaim)).items
    for host in (await world.bench.client.list(metal3api.BareMetalHost)).items:
        assert (host.spec.consumer_ref, host.spec.image, host.metadata.namespace) == (
            None,
            None,
            HOSTS,
        )
    assert await world.bench.secrets() == {}


async def settle(world):
    """Everybody does their work until nothing is left to do."""
    for _ in range(6):
        for name in NAMES:
            await world.work(name)
        for name in CLAIMS:
            await world.look(name)
    await world.check()
