"""A claim is one write that only one can win; what happens to the others."""

import asyncio

import pytest

from metal3.api.core import v1 as corev1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.client import InternalServerError
from metal3.runtime.client.fake import FakeClient
from metal3.runtime.types import NamespacedName

NS = "metal3"


@pytest.fixture
def make_client(make_cluster, make_machine, make_available_host):
    """Makes APIs with a cluster, machines and hosts."""

    def make(machines, hosts):
        objects = [obj for name in machines for obj in make_machine(name)]
        objects += [make_available_host(name) for name in hosts]
        return FakeClient(*make_cluster(), *objects, without_status=(corev1.Secret,))

    return make


def claims_of(client):
    """Writes that gave a host to a machine, as (host, machine)."""
    return [
        (action.key.name, action.body.body["spec"]["consumerRef"]["name"])
        for action in client.actions
        if action.verb == "patch"
        and action.kind == "BareMetalHost"
        and "name" in ((action.body.body.get("spec") or {}).get("consumerRef") or {})
    ]


async def consumers(client):
    """Who has which host."""
    found = (await client.list(metal3api.BareMetalHost)).items
    refs = {host.metadata.name: host.spec.consumer_ref for host in found}
    return {name: ref.name for name, ref in refs.items() if ref is not None}


async def get(client, kind, name):
    """One object."""
    return await client.get(kind, NamespacedName(NS, name))


@pytest.mark.looptime(start=0)
async def test_of_two_claims_the_second_loses_and_takes_another_host(make_client, start_provider):
    """Somebody is quicker between our look and our write, and the cache has not shown it."""
    client = make_client(["m-0"], ["h-0", "h-1"])
    real = client.patch
    stolen: list[str] = []

    async def patch(obj, change, **kwargs):
        if isinstance(obj, metal3api.BareMetalHost) and not stolen:
            stolen.append(obj.metadata.name)
            theirs = await get(client, metal3api.BareMetalHost, obj.metadata.name)
            theirs.spec.consumer_ref = metal3api.ObjectReference(
                api_version=f"{infrav1.GROUP}/v1beta2",
                kind="Metal3Machine",
                name="other",
                namespace=NS,
            )
            await client.update(theirs)
        return await real(obj, change, **kwargs)

    client.patch = patch
    async with start_provider(client):
        await asyncio.sleep(5)
    (victim,) = stolen
    (left,) = {"h-0", "h-1"} - {victim}
    assert await consumers(client) == {victim: "other", left: "m-0"}
    m3m = await get(client, infrav1.Metal3Machine, "m-0")
    assert m3m.metadata.annotations[infrav1.HOST_ANNOTATION] == f"{NS}/{left}"


@pytest.mark.looptime(start=0)
async def test_many_machines_of_one_manager_never_try_the_same_host(make_client, start_provider):
    """As many hosts as machines, all at once: one claim each, none of them in vain."""
    machines = [f"m-{number}" for number in range(30)]
    client = make_client(machines, [f"h-{number}" for number in range(30)])
    async with start_provider(client):
        await asyncio.sleep(10)
    assert sorted((await consumers(client)).values()) == sorted(machines)
    assert len(claims_of(client)) >= 30
    assert len({host for host, _ in claims_of(client)}) == 30
    assert len(set(claims_of(client))) == 30


@pytest.mark.looptime(start=0)
async def test_a_free_host_wakes_one_machine_of_many(make_client, start_provider):
    """The one that has waited longest; the others do not even look."""
    client = make_client([f"m-{number}" for number in range(20)], [])
    async with start_provider(client):
        await asyncio.sleep(20)
        waiting = (await client.list(infrav1.Metal3Machine)).items
        client.actions.clear()
        host = metal3api.BareMetalHost.named("h", NS)
        await client.create(host)
        host = await get(client, metal3api.BareMetalHost, "h")
        host.status.provisioning.state = "available"
        await client.status.update(host)
        await asyncio.sleep(20)
    first = min(waiting, key=lambda m: (m.metadata.creation_timestamp, m.metadata.name))
    assert await consumers(client) == {"h": first.metadata.name}
    written = {a.key.name for a in client.actions if a.kind == "Metal3Machine" and a.is_write}
    assert written == {first.metadata.name}


@pytest.mark.looptime(start=0)
async def test_a_host_goes_to_the_next_when_the_first_does_not_come(make_client, start_provider):
    """The machine that was woken is paused meanwhile, or its write fails."""
    client = make_client(["m-0", "m-1"], [])
    async with start_provider(client):
        await asyncio.sleep(5)
        first = await get(client, infrav1.Metal3Machine, "m-0")
        first.metadata.annotations["cluster.x-k8s.io/paused"] = ""
        await client.update(first)
        host = metal3api.BareMetalHost.named("h", NS)
        await client.create(host)
        host = await get(client, metal3api.BareMetalHost, "h")
        host.status.provisioning.state = "available"
        await client.status.update(host)
        await asyncio.sleep(5)
    assert await consumers(client) == {"h": "m-1"}


@pytest.mark.looptime(start=0)
async def test_a_claim_that_failed_for_another_reason_is_tried_again(make_client, start_provider):
    """The host is not lost to anybody because the server had a bad moment."""
    client = make_client(["m-0"], ["h-0"])
    client.fail_next("patch", metal3api.BareMetalHost, InternalServerError("no"), times=2)
    async with start_provider(client):
        await asyncio.sleep(20)
    assert await consumers(client) == {"h-0": "m-0"}
    m3m = await get(client, infrav1.Metal3Machine, "m-0")
    assert metav1.is_condition_true(m3m.status.conditions, "AssociateBareMetalHost")
