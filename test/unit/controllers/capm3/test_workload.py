"""Connections to workload clusters: what Secrets may say, and how long they are held."""

import asyncio
from contextlib import asynccontextmanager

import pytest
import yaml

from metal3.api.core import v1 as corev1
from metal3.controllers.capm3.workload import (
    MISSING_AGE,
    SECRET_AGE,
    SWEEP,
    SharedConnections,
    WorkloadUnreachableError,
    config_of,
)
from metal3.runtime.client import InternalServerError
from metal3.runtime.client.fake import FakeClient
from metal3.runtime.rest import ConfigError
from metal3.runtime.types import NamespacedName

CLUSTER = NamespacedName("metal3", "c")
NAME = "c-kubeconfig"


def kubeconfig(*, user=None, cluster=None):
    """Of a server that nobody runs."""
    server = {"server": "http://127.0.0.1:9"} | (cluster or {})
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "x",
            "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
            "clusters": [{"name": "x", "cluster": server}],
            "users": [{"name": "x", "user": user or {"token": "abc"}}],
        }
    )


def secret(text):
    """As Cluster API leaves it."""
    return corev1.new_secret(NAME, CLUSTER.namespace, {"value": text})


class Counting:
    """Counts how often Secrets are read."""

    def __init__(self, client) -> None:
        self.client, self.looks = client, 0

    def __getattr__(self, name):
        """Everything else."""
        return getattr(self.client, name)

    async def get(self, kind, key):
        """One more."""
        self.looks += 1
        return await self.client.get(kind, key)


@asynccontextmanager
async def connections(*objects):
    """Connections that run, and what their Secrets are read from."""
    client = FakeClient(*objects, without_status=(corev1.Secret,))
    shared = SharedConnections(secrets=Counting(client))
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(shared.run())
        await asyncio.sleep(0)
        try:
            yield shared, shared.secrets
        finally:
            task.cancel()


def open_ones():
    """What is held at present."""
    return {t.get_name() for t in asyncio.all_tasks() if t.get_name().startswith("workload ")}


@pytest.mark.parametrize(
    "text",
    [
        kubeconfig(user={"exec": {"command": "rm"}}),
        kubeconfig(user={"auth-provider": {"name": "x"}}),
        kubeconfig(user={"tokenFile": "/etc/passwd"}),
        kubeconfig(user={"client-key": "/etc/key"}),
        kubeconfig(cluster={"certificate-authority": "/etc/ca"}),
        "{",
    ],
)
def test_a_secret_cannot_make_the_manager_run_or_read_anything(text):
    """Whoever may write it is not thereby the manager."""
    with pytest.raises(ConfigError):
        config_of(text.encode())


def test_a_kubeconfig_with_everything_inside_will_do():
    """As Cluster API makes them."""
    assert config_of(kubeconfig().encode()).host == "http://127.0.0.1:9"


@pytest.mark.looptime(start=0)
async def test_a_missing_secret_is_looked_for_now_and_then():
    """Not by every machine that asks; and it is found when it comes."""
    async with connections() as (shared, client):
        for _ in range(5):
            with pytest.raises(WorkloadUnreachableError, match=NAME):
                await shared.client(CLUSTER)
        assert client.looks == 1
        await client.create(secret(kubeconfig()))
        await asyncio.sleep(MISSING_AGE)
        assert await shared.client(CLUSTER)


async def test_many_that_ask_share_one_connection():
    """And one look at the Secret, also when they ask while it is being opened."""
    async with connections(secret(kubeconfig())) as (shared, client):
        clients = await asyncio.gather(*(shared.client(CLUSTER) for _ in range(20)))
        assert len(set(map(id, clients))) == 1
        assert client.looks == 1
        assert len(open_ones()) == 1


@pytest.mark.looptime(start=0)
async def test_a_new_secret_makes_a_new_connection():
    """Once the old one is no longer trusted; the same Secret makes none."""
    async with connections(secret(kubeconfig())) as (shared, client):
        first = await shared.client(CLUSTER)
        await asyncio.sleep(SECRET_AGE)
        assert await shared.client(CLUSTER) is first
        changed = await client.get(corev1.Secret, NamespacedName(CLUSTER.namespace, NAME))
        changed.data = secret(kubeconfig(user={"token": "new"})).data
        await client.update(changed)
        await asyncio.sleep(SECRET_AGE)
        assert await shared.client(CLUSTER) is not first


@pytest.mark.looptime(start=0)
@pytest.mark.parametrize("text", ["{", "abc: def", kubeconfig(user={"exec": {"command": "pwd"}})])
async def test_a_secret_that_makes_no_sense_is_named_without_its_content(text):
    """People read the message in a condition."""
    async with connections(secret(text)) as (shared, _):
        with pytest.raises(WorkloadUnreachableError) as error:
            await shared.client(CLUSTER)
    assert str(error.value) == f"Secret {NAME} holds no kubeconfig"


@pytest.mark.looptime(start=0)
async def test_the_connection_of_a_cluster_that_is_gone_is_closed():
    """Nobody asks for it any more; a server that has a bad moment closes nothing."""
    async with connections(secret(kubeconfig())) as (shared, client):
        await shared.client(CLUSTER)
        client.fail_next("get", corev1.Secret, InternalServerError("no"))
        await asyncio.sleep(SWEEP.total_seconds() + 1)
        assert open_ones()
        await client.delete(secret(kubeconfig()))
        await asyncio.sleep(SWEEP.total_seconds() + 1)
        assert not open_ones()


async def test_nobody_is_connected_before_connections_run():
    """A webhook or test that asks too early is told."""
    client = FakeClient(secret(kubeconfig()), without_status=(corev1.Secret,))
    with pytest.raises(WorkloadUnreachableError, match="not running"):
        await SharedConnections(secrets=client).client(CLUSTER)
