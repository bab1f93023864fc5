"""Random users, failing hosts, late caches, errors and killed managers against the house rules.

Whatever happens, no machine takes a host from another or has two, and what a running system uses is
not given away. When it stops happening, all that can be satisfied is, deletions have ended, and
nothing is left of what is gone.
"""

import asyncio
import random
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from metal3.api.cluster_x_k8s_io import v1beta2 as clusterv1
from metal3.api.core import v1 as corev1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.ipam_metal3_io import v1alpha1 as ipamv1
from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers import capm3
from metal3.runtime.client import (
    AlreadyExistsError,
    ConflictError,
    InternalServerError,
    NotFoundError,
)
from metal3.runtime.client.fake import FakeClient
from metal3.runtime.types import NamespacedName

from ...bad_weather import (  # noqa: TID252 - shared by the tests of all operators
    Blind,
    Managers,
    end,
    in_loop,
)

NS = "metal3"
MACHINES = st.sampled_from(["m-0", "m-1", "m-2", "m-3", "m-4"])
LAGS = st.sampled_from([0.0, 0.2, 3.0])
HOSTS = st.sampled_from(["h-0", "h-1", "h-2", "h-3"])
WRITTEN = (
    infrav1.Metal3Machine,
    metal3api.BareMetalHost,
    infrav1.Metal3DataClaim,
    infrav1.Metal3Data,
    corev1.Secret,
    ipamv1.IPClaim,
)
META_DATA = {
    "indexes": [{"key": "index"}],
    "ipAddressesFromPool": [{"key": "ip", "name": "pool"}],
}


class MachinesMachine(RuleBasedStateMachine):
    """Users of one cluster, and up to three managers that know nothing of one another."""

    make_cluster: Callable[..., Any]
    make_machine: Callable[..., Any]
    make_host: Callable[..., Any]
    make_neighbours: Callable[..., Any]
    make_slow: Callable[..., Any]
    provider: Callable[..., Any]

    def __init__(self) -> None:
        super().__init__()
        self.managers = Managers(self.provider, self.make_slow)
        self.client: Any = None
        self.neighbours: Any = None
        self.running: asyncio.Task[None] | None = None

    @initialize(seed=st.integers(0, 2**32), lags=st.lists(LAGS, min_size=1, max_size=3))
    @in_loop
    async def begin(self, seed, lags):
        """Two hosts, a template, some managers."""
        template = infrav1.Metal3DataTemplate.from_dict(
            {"metadata": {"name": "t", "namespace": NS}, "spec": {"metaData": META_DATA}}
        )
        hosts = [self.make_host(name) for name in ("h-0", "h-1")]
        self.client = FakeClient(
            *self.make_cluster(),
            template,
            *hosts,
            without_status=(corev1.Secret, ipamv1.IPAddress, infrav1.Metal3MachineTemplate),
        )
        self.managers.begin(self.client, seed)
        self.neighbours = self.make_neighbours(self.client)
        self.running = self.managers.loop.create_task(self.neighbours.run())
        for lag in lags:
            self.managers.start(lag)

    @rule(names=st.lists(MACHINES, min_size=1, unique=True), with_data=st.sampled_from([1, 1, 0]))
    @in_loop
    async def scale_up(self, names, with_data):
        """Cluster API makes machines."""
        spec = {"dataTemplate": {"name": "t"}} if with_data else {}
        for obj in (obj for name in names for obj in self.make_machine(name, **spec)):
            with suppress(AlreadyExistsError):
                await self.client.create(obj)

    @rule(name=MACHINES)
    @in_loop
    async def scale_down(self, name):
        """Cluster API deletes one."""
        await self._delete(infrav1.Metal3Machine, name)

    @rule(name=HOSTS)
    @in_loop
    async def host_appears(self, name):
        """A host is enrolled."""
        with suppress(AlreadyExistsError):
            await self.client.create(self.make_host(name))

    @rule(name=HOSTS)
    @in_loop
    async def host_vanishes(self, name):
        """Its object is deleted by force."""
        await self._delete(metal3api.BareMetalHost, name)
        self.neighbours.disks.pop(name, None)

    @rule(name=HOSTS, text=st.sampled_from(["", "broken"]))
    @in_loop
    async def host_fails_or_mends(self, name, text):
        """In any state."""
        await self._edit_host(name, lambda h: _fail(h, text))

    @rule(name=HOSTS, paused=st.booleans())
    @in_loop
    async def host_is_paused_or_not(self, name, paused):
        """By a user."""
        await self._edit_host(name, lambda h: _pause(h, paused=paused))

    @rule(paused=st.booleans())
    @in_loop
    async def cluster_is_paused_or_not(self, paused):
        """By a user."""
        cluster = await self._get(clusterv1.Cluster, "c")
        cluster.spec.paused = paused
        await self.client.update(cluster)

    @rule(lag=LAGS)
    @in_loop
    async def start_manager(self, lag):
        """Another manager, with a view that may be old."""
        if len(self.managers.running) < 3:
            self.managers.start(lag)

    @rule()
    @in_loop
    async def kill_manager(self):
        """One of them, wherever it is."""
        await self.managers.kill_one()

    @rule(verb=st.sampled_from(["create", "patch", "delete"]), times=st.integers(1, 4))
    @in_loop
    async def fail(self, verb, times):
        """The server has a bad moment."""
        rng = self.managers.rng
        error = rng.choice([InternalServerError("no"), ConflictError("stale")])
        self.managers.plan(verb, rng.choice(WRITTEN), error, times)

    @rule()
    def cut(self):
        """All watches end."""
        self.client.cut_watches()

    @rule(seconds=st.sampled_from([0.01, 0.05, 0.3, 1.0, 5.0, 30.0]))
    @in_loop
    async def wait(self, seconds):
        """Time passes; what is looked at after each step is looked at often meanwhile, too."""
        for _ in range(10):
            await asyncio.sleep(seconds / 10)
            await self._check()

    @invariant()
    @in_loop
    async def nothing_is_broken(self):
        """At no time."""
        if self.client is not None:
            await self._check()

    async def _check(self) -> None:
        assert not self.neighbours.broken
        hosts = await self._list(metal3api.BareMetalHost)
        consumers = [h.spec.consumer_ref.name for h in hosts if h.spec.consumer_ref is not None]
        assert len(consumers) == len(set(consumers)), consumers
        await self._what_runs_has_its_address(hosts)

    async def _what_runs_has_its_address(self, hosts) -> None:
        """Whatever is deleted meanwhile."""
        machines = {m.metadata.name: m for m in await self._list(infrav1.Metal3Machine)}
        claims = set(map(_controller, await self._list(ipamv1.IPClaim)))
        answers = await self._list(infrav1.Metal3DataClaim)
        rendered = {c.metadata.name: c.status.rendered_data.name for c in answers if _answered(c)}
        for host in hosts:
            user = self.neighbours.disks.get(host.metadata.name, "")
            m3m = machines.get(user)
            if m3m is not None and m3m.spec.data_template is not None and host.spec.consumer_ref:
                assert rendered.get(user, "") in claims, user
            if user and host.status.provisioning.state == "provisioned":
                assert user in machines, f"{user} is gone and its system runs on"

    def teardown(self) -> None:
        """No faults any more, and one manager: all must end well."""
        try:
            if self.client is not None:
                self.managers.loop.run_until_complete(self._settle())
        finally:
            self.managers.loop.close()

    async def _settle(self) -> None:
        try:
            await self.managers.clear_up()
            await self._mend()
            await asyncio.sleep(90)
            await self._replace_what_lost_its_host()
            await asyncio.sleep(90)
            await self._check()
            await self._all_is_well()
            for names in (("n-0", "n-1", "n-2"), ("o-0", "o-1")):  # the second finds machines
                await self._turn_over(names)
                await self._all_is_well()
        finally:
            await self.managers.kill_all()
            if self.running is not None:
                await end(self.running)

    async def _turn_over(self, names) -> None:
        """Without faults: most machines go, others come, and what was theirs is used again.

        What a machine had is given back by whoever is to do it: garbage collection, which comes
        when it likes, finds only Secrets.
        """
        self.neighbours.collected.clear()
        machines = [m.metadata.name for m in await self._list(infrav1.Metal3Machine)]
        self.managers.rng.shuffle(machines)
        for name in machines[1:]:
            await self._delete(infrav1.Metal3Machine, name)
        for name in names:
            for obj in self.make_machine(name, dataTemplate={"name": "t"}):
                with suppress(AlreadyExistsError):
                    await self.client.create(obj)
        for _ in range(50):
            await asyncio.sleep(0.2)
            await self._check()
        await asyncio.sleep(120)  # the late ones are far behind
        assert not [left for left in self.neighbours.collected if not left.startswith("Secret ")]

    async def _mend(self) -> None:
        cluster = await self._get(clusterv1.Cluster, "c")
        cluster.spec.paused = False
        await self.client.update(cluster)
        for host in await self._list(metal3api.BareMetalHost):
            await self._edit_host(host.metadata.name, lambda h: _fail(h, ""))
            await self._edit_host(host.metadata.name, lambda h: _pause(h, paused=False))

    async def _replace_what_lost_its_host(self) -> None:
        """What the condition asks people to do."""
        for m3m in await self._list(infrav1.Metal3Machine):
            known = metav1.find_condition(m3m.status.conditions, "AssociateBareMetalHost")
            if known is not None and known.reason == infrav1.Reason.HOST_GONE:
                await self._delete(infrav1.Metal3Machine, m3m.metadata.name)

    async def _all_is_well(self) -> None:
        machines = await self._list(infrav1.Metal3Machine)
        hosts = await self._list(metal3api.BareMetalHost)
        for kind in (*WRITTEN, ipamv1.IPClaim):
            for obj in await self._list(kind):
                assert not obj.metadata.deletion_timestamp, obj.to_dict()
        by_consumer = {h.spec.consumer_ref.name: h for h in hosts if h.spec.consumer_ref}
        names = {m.metadata.name for m in machines}
        assert by_consumer.keys() <= names
        assert len(by_consumer) == min(len(machines), len(hosts)), _show(machines, hosts)
        for m3m in machines:
            if m3m.metadata.name in by_consumer:
                assert metav1.is_condition_true(m3m.status.conditions, "Ready"), m3m.to_dict()
        self._released(hosts)
        served = {
            m.metadata.name
            for m in machines
            if m.spec.data_template is not None and m.metadata.name in by_consumer
        }
        await self._nothing_is_left(served)

    def _released(self, hosts) -> None:
        for host in hosts:
            if host.spec.consumer_ref is None:
                assert host.spec.image is None
                assert host.spec.user_data is None
                assert host.spec.meta_data is None
                assert clusterv1.CLUSTER_NAME_LABEL not in host.metadata.labels

    async def _nothing_is_left(self, served) -> None:
        """One claim, index, address and Secret for each machine that has data; no others."""
        claims = await self._list(infrav1.Metal3DataClaim)
        assert {c.metadata.name for c in claims} == served
        datas = await self._list(infrav1.Metal3Data)
        assert sorted(d.spec.claim.name for d in datas) == sorted(served)
        assert {c.status.rendered_data.name for c in claims} == {d.metadata.name for d in datas}
        addresses = await self._list(ipamv1.IPClaim)
        assert sorted(map(_controller, addresses)) == sorted(d.metadata.name for d in datas)
        secrets = {s.metadata.name: s for s in await self._list(corev1.Secret)}
        kept = {n for n in secrets if n.endswith("-metadata")}
        assert kept == {f"{name}-metadata" for name in served}
        template = await self._get(infrav1.Metal3DataTemplate, "t")
        told = {(e.name, e.index) for e in template.status.indexes}
        assert told == {(d.spec.claim.name, d.spec.index) for d in datas}

    async def _edit_host(self, name, change) -> None:
        with suppress(NotFoundError):
            while True:
                host = await self._get(metal3api.BareMetalHost, name)
                change(host)
                try:
                    host = await self.client.update(host)
                    change(host)
                    await self.client.status.update(host)
                except ConflictError:
                    continue
                return

    async def _delete(self, kind, name) -> None:
        with suppress(NotFoundError):
            await self.client.delete(await self._get(kind, name))

    async def _get(self, kind, name):
        return await self.client.get(kind, NamespacedName(NS, name))

    async def _list(self, kind):
        return (await self.client.list(kind, namespace=NS)).items


def _answered(claim) -> bool:
    return claim.status.rendered_data is not None


def _controller(obj) -> str:
    owner = metav1.controller_of(obj)
    return owner.name if owner is not None else ""


def _show(machines, hosts) -> str:
    lines = [
        f"{m.metadata.name} {m.metadata.annotations} {c.type}={c.status} {c.reason} {c.message}"
        for m in machines
        for c in m.status.conditions
        if c.type == "AssociateBareMetalHost"
    ]
    lines += [
        f"{h.metadata.name} {h.spec.consumer_ref and h.spec.consumer_ref.name} "
        f"{h.status.provisioning.state} {h.metadata.annotations} {h.spec.image}"
        for h in hosts
    ]
    return "\n".join(lines)


def _fail(host, text) -> None:
    host.status.error_message = text
    host.status.error_type = "provisioning error" if text else None


def _pause(host, *, paused) -> None:
    if paused:
        host.metadata.annotations.setdefault(metal3api.PAUSED_ANNOTATION, "")
    else:
        host.metadata.annotations.pop(metal3api.PAUSED_ANNOTATION, None)


@pytest.fixture
def machine(
    make_cluster, make_machine, make_available_host, make_neighbours, make_slow, start_provider
):
    """The state machine with its doubles."""
    return type(
        "Machine",
        (MachinesMachine,),
        {
            "make_cluster": staticmethod(make_cluster),
            "make_machine": staticmethod(make_machine),
            "make_host": staticmethod(make_available_host),
            "make_neighbours": staticmethod(make_neighbours),
            "make_slow": staticmethod(make_slow),
            "provider": staticmethod(start_provider),
        },
    )


def test_machines_survive_everything(machine):
    """Users, faults, kills and late views in any order."""
    run_state_machine_as_test(
        machine,
        settings=settings(
            report_multiple_bugs=False,
            max_examples=6,
            stateful_step_count=15,
            deadline=None,
            # Shrinking takes minutes, and a run is short enough to be read.
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.looptime(start=0)
@pytest.mark.parametrize("seed", range(2))
async def test_managers_that_do_not_see_each_other_never_share_a_host(
    make_cluster,
    make_machine,
    make_available_host,
    make_neighbours,
    make_slow,
    start_provider,
    seed,
):
    """Three managers, each with machines of its own, that see late what others take.

    Every machine gets a host, and nobody loses one.
    """
    rng = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret
    hosts = [make_available_host(f"h-{number}") for number in range(8)]
    client = FakeClient(*make_cluster(), *hosts, without_status=(corev1.Secret,))
    neighbours = make_neighbours(client)
    async with AsyncExitStack() as stack:
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        working = tasks.create_task(neighbours.run())
        for name in "abc":
            options = capm3.Capm3Options(watch_filter=name)
            slow = make_slow(client, rng, 2.0, [])
            await stack.enter_async_context(start_provider(slow, options))
        await asyncio.sleep(5)
        for number in range(8):
            for obj in make_machine(f"m-{number}"):
                obj.metadata.labels[clusterv1.WATCH_FILTER_LABEL] = "abc"[number % 3]
                await client.create(obj)
        await asyncio.sleep(45)
        working.cancel()
    assert not neighbours.broken
    found = (await client.list(metal3api.BareMetalHost)).items
    consumers = [h.spec.consumer_ref.name or "" for h in found if h.spec.consumer_ref]
    assert sorted(consumers) == [f"m-{number}" for number in range(8)]
    assert set(neighbours.disks.values()) == set(consumers)


@pytest.mark.looptime(start=0)
async def test_an_address_that_shows_late_holds_nobody_up(
    make_cluster, make_machine, make_available_host, make_neighbours, start_provider
):
    """Its claim names it already, and nothing else would wake the data until the resync."""
    template = infrav1.Metal3DataTemplate.from_dict(
        {"metadata": {"name": "t", "namespace": NS}, "spec": {"metaData": META_DATA}}
    )
    client = FakeClient(
        *make_cluster(),
        template,
        *(make_available_host(name) for name in ("h-0", "h-1")),
        without_status=(corev1.Secret, ipamv1.IPAddress),
    )
    async with asyncio.TaskGroup() as tasks, start_provider(Blind(client, ipamv1.IPAddress)):
        working = tasks.create_task(make_neighbours(client).run())
        for name in ("m-0", "m-1"):  # the first look at an address begins the watch
            for obj in make_machine(name, dataTemplate={"name": "t"}):
                await client.create(obj)
            await asyncio.sleep(20)
        working.cancel()
    datas = (await client.list(infrav1.Metal3Data)).items
    assert [data.status.ready for data in datas] == [True, True]
