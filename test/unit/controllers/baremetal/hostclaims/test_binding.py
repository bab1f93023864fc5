"""How a claim gets its host, and never a second one."""

import asyncio
from datetime import timedelta

import pytest

from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers.baremetal.hostclaims.wakeups import (
    claims_of_host,
    claims_of_namespace,
    claims_of_policy,
)
from metal3.runtime.client import ServiceUnavailableError
from metal3.runtime.types import NamespacedName

from .conftest import HOSTS, TENANT, bench_on, new_claim, new_namespace, new_policy

KEY = NamespacedName(TENANT, "claim")


async def test_a_claim_gets_a_host_of_another_namespace_that_lets_it_in(claims, available):
    """Both sides name each other, and the claim's owner is told."""
    b = claims(new_claim(), available(), new_policy(), new_namespace())
    await b.look()
    host, claim = await b.host(), await b.claim()
    consumer = {
        "apiVersion": "metal3.io/v1alpha1",
        "kind": "HostClaim",
        "name": "claim",
        "namespace": TENANT,
    }
    assert host.spec.consumer_ref.to_dict() == consumer
    assert claim.status.bare_metal_host.to_dict() == {"namespace": HOSTS, "name": "host-0"}
    assert claim.metadata.finalizers == ["metal3.io/hostclaim"]
    assert (await b.condition("Associated"))[:2] == ("True", "BareMetalHostAssociated")
    assert b.recorder.reasons == ["BareMetalHostAssociated"]


async def test_hosts_of_the_own_namespace_need_no_policy(claims, available):
    """They are the claim's neighbours."""
    b = claims(new_claim(namespace=HOSTS), available(), new_namespace(HOSTS))
    await b.look(namespace=HOSTS)
    assert (await b.host()).spec.consumer_ref.namespace == HOSTS


async def test_without_a_policy_the_claim_waits_and_says_why(claims, available):
    """The message counts; the timer is only a backstop."""
    b = claims(new_claim(), available(), available("host-1", state="inspecting"), new_namespace())
    assert (await b.look()).requeue_after == timedelta(minutes=10)
    expected = "2 hosts: 2 not allowed by a HostDeployPolicy"
    assert await b.condition("Associated") == ("False", "NoBareMetalHost", expected)
    assert await b.condition("Ready") == ("False", "NoBareMetalHost", expected)
    assert (await b.host()).spec.consumer_ref is None


async def test_a_broken_pattern_is_told_to_the_policy(claims, available):
    """Its author sees the Event; the claim waits on."""
    b = claims(new_claim(), available(), new_policy(nameMatches="("), new_namespace())
    await b.look()
    event = b.recorder.events[0]
    assert (event.reason, event.key) == (
        "InvalidHostDeployPolicy",
        "HostDeployPolicy metal3/let-in",
    )
    assert (await b.condition("Associated"))[1] == "NoBareMetalHost"


async def test_a_consumer_that_is_set_already_wins(claims, available):
    """After a move to another cluster, or a restored backup: no policy, no choice."""
    b = claims(new_claim(), available(state="provisioned"), available("host-1"), new_namespace())
    ref = {"apiVersion": "metal3.io/v1", "kind": "HostClaim", "name": "claim", "namespace": TENANT}
    consumer = metal3api.ObjectReference.from_dict(ref)
    await b.edit(await b.host(), lambda h: setattr(h.spec, "consumer_ref", consumer))
    await b.look()
    assert (await b.claim()).status.bare_metal_host.name == "host-0"


async def test_of_many_claims_one_gets_the_only_host(claims, available):
    """Those that lose wait; nobody overwrites anybody."""
    names = [f"claim-{n}" for n in range(8)]
    b = claims(*map(new_claim, names), available(), new_policy(), new_namespace())
    managers = [bench_on(b.client), bench_on(b.client)]
    async with asyncio.TaskGroup() as tasks:
        for number, name in enumerate(names):
            tasks.create_task(managers[number % 2].look(name, times=3))
    winner = (await b.host()).spec.consumer_ref.name
    for name in names:
        status, reason, message = await b.condition("Associated", name)
        assert (status == "True") is (name == winner)
        if name != winner:
            assert (reason, message) == ("NoBareMetalHost", "1 host: 1 in use")


async def test_two_managers_give_one_claim_one_host(claims, available):
    """Even when both look at the same time, and hosts are plenty."""
    hosts = [available(f"host-{n}") for n in range(6)]
    b = claims(new_claim(), *hosts, new_policy(), new_namespace())
    async with asyncio.TaskGroup() as tasks:
        for manager in (bench_on(b.client), bench_on(b.client), b):
            tasks.create_task(manager.look(times=3))
    taken = [h for h in (await b.client.list(metal3api.BareMetalHost)).items if h.spec.consumer_ref]
    assert len(taken) == 1


class Stale:
    """A cache that stopped: reads are those of one moment, writes go through."""

    def __init__(self, server, claim, hosts):
        self._server, self._claim, self._hosts = server, claim, hosts

    def __getattr__(self, name):
        """Everything else is the server's."""
        return getattr(self._server, name)

    async def get(self, kind, key):
        """The claim as it was."""
        if kind is metal3api.HostClaim:
            return self._claim.deep_copy()
        return await self._server.get(kind, key)

    async def list(self, kind, **selection):
        """Hosts as they were: all of them free."""
        if kind is metal3api.BareMetalHost:
            nobody = "metal3.io/hostclaim-consumer" in selection.get("fields", {})
            items = [] if nobody else [host.deep_copy() for host in self._hosts]
            return type(await self._server.list(kind))(items=items)
        return await self._server.list(kind, **selection)


@pytest.mark.parametrize("reserved", [False, True])
async def test_a_cache_that_is_behind_does_not_bind_a_second_host(claims, available, reserved):
    """Whether it knows that the claim chose a host or not."""
    hosts = [available(f"host-{n}") for n in range(4)]
    claim = new_claim()
    claim.metadata.finalizers = ["metal3.io/hostclaim"]  # else setting it would fail already
    b = claims(claim, *hosts, new_policy(), new_namespace())
    before = await b.claim()
    free = (await b.client.list(metal3api.BareMetalHost)).items
    await b.look()
    first = (await b.claim()).status.bare_metal_host.name
    if reserved:
        before = await b.claim()
    others = [host for host in free if host.metadata.name != first]
    await bench_on(b.client, Stale(b.client, before, others)).look(times=3)
    taken = [h for h in (await b.client.list(metal3api.BareMetalHost)).items if h.spec.consumer_ref]
    assert [host.metadata.name for host in taken] == [first]


async def test_a_kill_between_choice_and_bond_is_made_good(claims, available):
    """The host that was chosen is bound by the next look, not another one."""
    hosts = [available(f"host-{n}") for n in range(6)]
    b = claims(new_claim(), *hosts, new_policy(), new_namespace())
    b.client.fail_next("patch", metal3api.BareMetalHost, ServiceUnavailableError("killed"))
    with pytest.raises(ServiceUnavailableError):
        await b.look()
    chosen = (await b.claim()).status.bare_metal_host.name
    assert (await b.host(chosen)).spec.consumer_ref is None
    await bench_on(b.client).look()
    assert (await b.host(chosen)).spec.consumer_ref.name == "claim"


async def test_a_host_that_vanished_is_told_and_replaced(claims, available):
    """MissingBareMetalHost until there is another."""
    b = claims(new_claim(), available(), new_policy(), new_namespace())
    await b.look()
    await b.client.delete(await b.host())
    await b.look(times=2)
    status, reason, message = await b.condition("Associated")
    assert (status, reason) == ("False", "MissingBareMetalHost")
    assert "metal3/host-0 is gone" in message
    await b.client.create(available("host-1"))
    await b.look()
    await b.be("available", "host-1")
    await b.look()
    assert (await b.claim()).status.bare_metal_host.name == "host-1"


async def test_who_is_woken(claims, available):
    """A free host wakes claims that match; a taken one its claim; policies and Namespaces all."""
    big = new_claim("big", hostSelector={"matchLabels": {"size": "big"}})
    lab = new_claim("lab", hostSelector={"inNamespace": "lab"})
    b = claims(big, lab, new_claim("done"), new_namespace(), new_policy(), available())
    await b.look("done")
    b.recorder.events.clear()
    await b.look("big")
    await b.look("lab")
    find = claims_of_host(b.client)
    assert [k.name for k in await find(await b.host())] == ["done"]
    assert [k.name for k in await find(available("new", labels={"size": "big"}))] == ["big"]
    assert [k.name for k in await find(available("new", "lab"))] == ["lab"]
    assert not await find(available("new", labels={"size": "big"}, state="preparing"))
    assert [k.name for k in await claims_of_policy(b.client)(new_policy())] == ["big"]
    woken = await claims_of_namespace(b.client)(new_namespace())
    assert sorted(k.name for k in woken) == ["big", "lab"]
