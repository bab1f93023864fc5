"""Whatever happens to the stream, the cache ends up as the server is and handlers hear it all."""

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import Field

from metal3.api.meta import v1 as metav1
from metal3.runtime.cache import Cache, CacheOptions
from metal3.runtime.client import (
    AlreadyExistsError,
    ConnectionFailedError,
    NotFoundError,
    ServiceUnavailableError,
    TooManyRequestsError,
)
from metal3.runtime.client.fake import FakeClient
from metal3.runtime.types import NamespacedName, key_of


class Gadget(metav1.Object):
    """A kind of its own."""

    gvk: ClassVar = metav1.GroupVersionKind("test.example", "v1", "Gadget")
    plural: ClassVar[str] = "gadgets"
    spec: dict[str, Any] = Field(default_factory=dict)


class Witness:
    """Keeps what it was told, and notes what makes no sense (raising would only be logged)."""

    def __init__(self):
        self.known: dict[NamespacedName, metav1.Object] = {}
        self.nonsense: list[str] = []

    def _expect(self, fact, what):
        if not fact:
            self.nonsense.append(what)

    def on_add(self, obj, *, is_in_initial_list):
        """Only of what is not known."""
        self._expect(key_of(obj) not in self.known, "added twice")
        self.known[key_of(obj)] = obj

    def on_update(self, old, new):
        """Only of the same object, and from where the last notice left it."""
        known = self.known.get(key_of(new))
        self._expect(known and known.metadata.uid == new.metadata.uid, "another in disguise")
        self._expect(known and known.to_dict() == old.to_dict(), "an update was left out")
        self.known[key_of(new)] = new

    def on_delete(self, obj, *, final_state_unknown):
        """Only of what is known."""
        known = self.known.pop(key_of(obj), None)
        self._expect(known and known.metadata.uid == obj.metadata.uid, "deleted a stranger")


NAMES = st.sampled_from("abcdef")
STEPS = st.one_of(
    st.tuples(st.just("create"), NAMES),
    st.tuples(st.just("update"), NAMES),
    st.tuples(st.just("delete"), NAMES),
    st.tuples(st.just("replace"), NAMES),
    st.tuples(st.sampled_from(["lose", "swap"]), NAMES),
    st.tuples(st.sampled_from(["cut", "compact", "turn", "minute", "refuse", "slow"]), st.none()),
)


class World:
    """A server that misbehaves, and somebody who changes its objects."""

    def __init__(self, *, streaming):
        self.server = FakeClient(streaming_lists=streaming)
        self.count = 0

    async def step(self, what, name):
        """Take one step."""
        await getattr(self, what)(name)

    async def create(self, name):
        """Create, unless it is there."""
        self.count += 1
        with suppress(AlreadyExistsError):
            await self.server.create(Gadget.named(name, "lab", spec={"n": self.count}))

    async def update(self, name):
        """Change, if it is there."""
        self.count += 1
        with suppress(NotFoundError):
            gadget = await self.server.get(Gadget, NamespacedName("lab", name))
            gadget.spec = {"n": self.count}
            await self.server.update(gadget)

    async def delete(self, name):
        """Delete, if it is there."""
        with suppress(NotFoundError):
            await self.server.delete(Gadget.named(name, "lab"))

    async def replace(self, name):
        """Put another in its place."""
        await self.delete(name)
        await self.create(name)

    async def lose(self, name):
        """Delete where no watch can tell."""
        await self.delete(name)
        await self.compact(name)

    async def swap(self, name):
        """Put another in its place where no watch can tell."""
        await self.replace(name)
        await self.compact(name)

    async def cut(self, _):
        """End all streams."""
        self.server.cut_watches()

    async def compact(self, _):
        """End all streams and forget history."""
        self.server.cut_watches()
        self.server.compact()

    async def refuse(self, _):
        """Refuse the next list and the next two watches."""
        self.server.fail_next("list", Gadget, ConnectionFailedError("refused"))
        self.server.fail_next("watch", Gadget, ServiceUnavailableError("not now"))
        self.server.fail_next("watch", Gadget, TooManyRequestsError("slowly"))

    async def turn(self, _):
        """Let others have one turn."""
        await asyncio.sleep(0)

    async def slow(self, _):
        """Let a short wait pass."""
        await asyncio.sleep(0.3)

    async def minute(self, _):
        """Let all waits pass."""
        await asyncio.sleep(60)


async def _play(steps, options, *, streaming):
    world, witness = World(streaming=streaming), Witness()
    cache = Cache(world.server, options)
    informer = await cache.get_informer(Gadget)
    registration = informer.add_event_handler(witness)

    async def run():
        try:
            await cache.run()
        except asyncio.CancelledError:
            return

    async with asyncio.TaskGroup() as group:
        running = group.create_task(run())
        for what, name in steps:
            await world.step(what, name)
        await asyncio.sleep(600)
        world.server.stop_failing()
        there = await world.server.list(Gadget)
        here = await cache.list(Gadget)
        running.cancel()
    wanted = [obj.to_dict() for obj in there.items]
    assert witness.nonsense == []
    assert registration.has_synced
    assert [obj.to_dict() for obj in here.items] == wanted
    assert [witness.known[key].to_dict() for key in sorted(witness.known)] == wanted


@pytest.mark.looptime(start=0)
@pytest.mark.parametrize("streaming", [False, True])
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=st.lists(STEPS, max_size=40), page_size=st.integers(1, 4), pending=st.integers(1, 3))
async def test_the_cache_converges(steps, page_size, pending, streaming):
    """Random changes, cuts, compactions and refusals: in the end all agree, and in order."""
    options = CacheOptions(page_size=page_size, max_pending=pending)
    await _play(steps, options, streaming=streaming)


class CuttingClient(FakeClient):
    """Ends each stream after a number of events, as a flapping server does."""

    def __init__(self, *objects, events):
        super().__init__(*objects)
        self.events = events

    @asynccontextmanager
    async def stream(self, *args, **kwargs):
        """A stream that breaks."""
        async with super().stream(*args, **kwargs) as events:
            yield self._first(events)

    async def _first(self, events):
        left = self.events
        async for event in events:
            yield event
            left -= 1
            if not left:
                raise ConnectionFailedError("reset by peer")


@pytest.mark.looptime(start=0)
async def test_a_flapping_server_loses_nothing():
    """A stream that breaks after every event is resumed where it broke, without a new list."""
    server, witness, lists = CuttingClient(events=1), Witness(), []
    server.interceptor = lambda a: lists.append(a) if a.verb == "list" else None
    cache = Cache(server, CacheOptions(streaming_lists=False))
    (await cache.get_informer(Gadget)).add_event_handler(witness)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(cache.run())
        await cache.wait_for_cache_sync()
        for n in range(8):
            await server.create(Gadget.named(f"g{n}", "lab"))
        await asyncio.sleep(600)
        running.cancel()
    assert sorted(key.name for key in witness.known) == [f"g{n}" for n in range(8)]
    assert len(lists) == 1
