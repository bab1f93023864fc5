"""A host under test: an API in memory, machines in memory, and virtual time."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from metal3.api.core import v1 as corev1
from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers.baremetal import INDEXES, BaremetalOptions
from metal3.controllers.baremetal.baremetalhost_controller import BareMetalHostReconciler
from metal3.controllers.baremetal.host.capacity import CapacityQueue
from metal3.controllers.baremetal.host.environment import Environment
from metal3.controllers.baremetal.host.writer import HostWriter
from metal3.provisioner import ProvisionerError
from metal3.provisioner.fixture import FixtureBackend, FixtureOptions, Hardware
from metal3.runtime.client import Client, ConflictError, NotFoundError
from metal3.runtime.client.fake import FakeClient
from metal3.runtime.reconcile import Request, Result
from metal3.runtime.recorder import FakeRecorder
from metal3.runtime.types import NamespacedName, key_of

NO_STATUS = (metal3api.HardwareData, metal3api.FirmwareSchema, corev1.Secret)
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


def clock() -> datetime:
    """The loop's time, as a time of day."""
    return EPOCH + timedelta(seconds=asyncio.get_running_loop().time())


class LaggingClient:
    """A FakeClient whose reads are behind, as a cache's are; never backwards, and not for ever."""

    def __init__(self, server: FakeClient, dice: random.Random) -> None:
        self._server = server
        self._dice = dice
        self._views: dict[tuple[str, NamespacedName], list[Any]] = {}
        self._hidden: set[type[Any]] = set()
        self.lags = True
        self.is_stuck = False

    def __getattr__(self, name: str) -> Any:
        """Everything but reads of single objects goes to the server."""
        return getattr(self._server, name)

    def hide(self, kind: type[Any]) -> None:
        """Nothing of this kind was heard of yet."""
        self._hidden.add(kind)

    def refresh(self) -> None:
        """A new process lists everything first."""
        self._views.clear()

    async def get(self, kind: type[Any], key: NamespacedName) -> Any:
        """One object, as it was a moment ago."""
        if kind in self._hidden:
            raise NotFoundError(f"{kind.gvk.kind} {key} not found")
        try:
            now = await self._server.get(kind, key)
        except NotFoundError:
            now = None
        view = self._views.setdefault((kind.gvk.kind, key), [now])
        if _version(view[-1]) != _version(now):
            view.append(now)
        if not self.is_stuck:
            del view[: self._dice.randint(0, len(view) - 1) if self.lags else len(view) - 1]
        if view[0] is None:
            raise NotFoundError(f"{kind.gvk.kind} {key} not found")
        return view[0].deep_copy()


def _version(obj: metav1.Object | None) -> str:
    return obj.metadata.resource_version if obj is not None else ""


@dataclass
class Bench:
    """Everything a host stands in; ``reconcile`` takes one step, ``run`` drives until it rests."""

    client: FakeClient
    backend: FixtureBackend
    reconciler: BareMetalHostReconciler
    recorder: FakeRecorder
    env: Environment
    key: NamespacedName
    woken: list[NamespacedName]
    states: list[str] = field(default_factory=list)
    trace: list[str] = field(default_factory=list)

    async def reconcile(self, key: NamespacedName | None = None) -> Result:
        """One call of the reconciler."""
        return await self.reconciler.reconcile(Request(*(key or self.key)))

    async def host(self, key: NamespacedName | None = None) -> metal3api.BareMetalHost:
        """The host as the API has it."""
        return await self.client.get(metal3api.BareMetalHost, key or self.key)

    async def exists(self) -> bool:
        """Whether the API still has the host."""
        try:
            await self.host()
        except NotFoundError:
            return False
        return True

    async def edit(self, change: Callable[[metal3api.BareMetalHost], Any]) -> None:
        """What a user does with kubectl."""
        host = await self.host()
        change(host)
        await self.client.update(host)

    async def annotate(self, **annotations: str) -> None:
        """Set annotations; ``__`` stands for the characters Python names cannot have."""
        await self.edit(lambda h: h.metadata.annotations.update(annotations))

    async def until(self, state: str, *, limit: float = 600) -> metal3api.BareMetalHost:
        """Drive the host until it is in ``state``; fails when it is not within the time."""
        return await self.drive(lambda h: h.status.provisioning.state == state, limit=limit)

    async def drive(
        self, done: Callable[[metal3api.BareMetalHost], bool], *, limit: float = 600
    ) -> metal3api.BareMetalHost:
        """Reconcile as a controller would, skipping over the waits."""
        end = asyncio.get_running_loop().time() + limit
        failures = 0
        while asyncio.get_running_loop().time() <= end:
            host = await self.host()
            self._note(host)
            if done(host):
                return host
            try:
                wait = (await self.reconcile()).requeue_after
                failures = 0
            except (ProvisionerError, ConflictError):
                failures += 1
                wait = timedelta(seconds=0.005 * 2**failures)
            host = await self.host()
            self._note(host)
            if done(host):
                return host
            left = end - asyncio.get_running_loop().time()
            pause = left + 1 if wait is None else min(wait.total_seconds(), left + 1)
            await asyncio.sleep(max(pause, 0.001))
        raise AssertionError(f"not reached; states {self.states}, status {self._tell(host)}")

    async def rest(self, *, limit: float = 600) -> metal3api.BareMetalHost | None:
        """Drive until nothing is under way any more; None when the host is gone."""
        end = asyncio.get_running_loop().time() + limit
        while asyncio.get_running_loop().time() <= end:
            if not await self.exists():
                return None
            host = await self.host()
            self._note(host)
            try:
                wait = (await self.reconcile()).requeue_after
            except (ProvisionerError, ConflictError):
                wait = timedelta(seconds=0.1)
            if wait is None or wait > timedelta(seconds=60):
                return await self.host() if await self.exists() else None
            await asyncio.sleep(max(wait.total_seconds(), 0.001))
        raise AssertionError(f"no rest; states {self.states}, status {self._tell(host)}")

    async def gone(self, *, limit: float = 600) -> None:
        """Drive until the host is no more."""
        end = asyncio.get_running_loop().time() + limit
        while asyncio.get_running_loop().time() <= end:
            if await self.rest(limit=limit) is None:
                return
            await asyncio.sleep(10)
        raise AssertionError(f"still there; states {self.states}")

    def lag(self, dice: random.Random) -> LaggingClient:
        """From now on the operator's reads are behind."""
        lagging = LaggingClient(self.client, dice)
        self.use(replace(self.env, client=cast("Client", lagging)))
        return lagging

    def restart(self) -> None:
        """A new process: everything kept in memory by the operator is gone."""
        env = new_environment(
            self.client, self.backend, self.recorder, self.env.options, self.woken
        )
        client = self.env.client
        if isinstance(client, LaggingClient):
            client.refresh()
        self.use(replace(env, client=client))

    def use(self, env: Environment) -> None:
        """Have the operator work with these collaborators from now on."""
        self.env = env
        self.reconciler = BareMetalHostReconciler(env=env, writer=HostWriter(client=env.client))

    @property
    def machine(self) -> Hardware:
        """The hardware behind the host."""
        return self.backend.machine(self.key)

    def condition(self, host: metal3api.BareMetalHost, kind: str) -> metav1.Condition:
        """One condition of the host."""
        found = metav1.find_condition(host.status.conditions, kind)
        assert found is not None, kind
        return found

    def _note(self, host: metal3api.BareMetalHost) -> None:
        state = host.status.provisioning.state
        if self.states[-1:] != [state]:
            self.states.append(state)

    def _tell(self, host: metal3api.BareMetalHost) -> str:
        status = host.status
        return f"{status.operational_status} {status.error_type} {status.error_message}"


def new_environment(
    client: FakeClient,
    backend: FixtureBackend,
    recorder: FakeRecorder,
    options: BaremetalOptions,
    woken: list[NamespacedName],
) -> Environment:
    """Collaborators with a fixed dice and virtual time."""
    return Environment(
        client=client,
        live=client,
        recorder=recorder,
        backend=backend,
        options=options,
        clock=clock,
        rng=random.Random(1),  # noqa: S311 - the same dice each time
        capacity=CapacityQueue(wake=woken.append, limits=options.limits_per_label),
    )


@pytest.fixture
def bench(make_host, make_secret):
    """Makes a bench with one host (and its Secret, unless told otherwise)."""

    def make(
        host: metal3api.BareMetalHost | None = None,
        *others: metav1.Object,
        secret: corev1.Secret | None = make_secret(),  # noqa: B008 - never changed
        options: BaremetalOptions | None = None,
        fixture: FixtureOptions | None = None,
    ) -> Bench:
        host = host or make_host()
        objects = [host, *others]
        if secret is not None:
            objects.append(secret)
        client = FakeClient(*objects, without_status=NO_STATUS, clock=clock)
        for kind, indexes in INDEXES.items():
            for name, extract in indexes.items():
                client.index_field(kind, name, extract)
        backend = FixtureBackend(options=fixture or FixtureOptions())
        recorder = FakeRecorder()
        woken: list[NamespacedName] = []
        env = new_environment(client, backend, recorder, options or BaremetalOptions(), woken)
        return Bench(
            client=client,
            backend=backend,
            reconciler=BareMetalHostReconciler(env=env, writer=HostWriter(client=client)),
            recorder=recorder,
            env=env,
            key=key_of(host),
            woken=woken,
        )

    return make
