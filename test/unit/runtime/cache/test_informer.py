"""What handlers hear, and how the stream is kept alive."""

import asyncio
import itertools
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from metal3.runtime.client import (
    ConnectionFailedError,
    DecodeError,
    EventType,
    ExpiredError,
    ForbiddenError,
    RawEvent,
    ServerTimeoutError,
    TooManyRequestsError,
)
from metal3.runtime.client.fake import FakeClient
from metal3.runtime.types import NamespacedName

pytestmark = pytest.mark.looptime(start=0)

ONE = NamespacedName("lab", "one")
LONG = 20 * 60


async def test_handlers_hear_of_every_change(running, host, listener):
    """What was there is marked; the last state is what the server said."""
    server = FakeClient(host("one", spec={"a": 1}))
    async with running(server, listener) as cache:
        await cache.wait_for_cache_sync()
        obj = await server.get(type(host("x")), ONE)
        obj.spec = {"a": 2}
        await server.update(obj)
        await server.create(host("two"))
        await server.delete(host("two"))
        await asyncio.sleep(1)
    assert listener.told == [
        ("add", "one", True),
        ("update", "one", ({"a": 1}, {"a": 2})),
        ("add", "two", False),
        ("delete", "two", False),
    ]


async def test_a_late_handler_hears_what_is_there(running, host, listener):
    """And is told when that was all."""
    server = FakeClient(host("one"))
    async with running(server) as cache:
        await cache.wait_for_cache_sync()
        informer = await cache.get_informer(type(host("x")))
        registration = informer.add_event_handler(listener)
        assert not registration.has_synced
        await asyncio.sleep(1)
        assert registration.has_synced
        assert listener.told == [("add", "one", True)]
        informer.remove_event_handler(registration)
        informer.remove_event_handler(registration)
        await server.create(host("two"))
        await asyncio.sleep(1)
    assert len(listener.told) == 1


class Broken:
    """Fails at everything."""

    def on_add(self, obj, *, is_in_initial_list):
        """Fails."""
        raise RuntimeError("broken")

    on_update = on_delete = on_add


async def test_a_failing_handler_harms_nobody(running, host, listener):
    """Others hear all, the cache goes on."""
    server = FakeClient(host("one"))
    async with running(server, Broken(), listener) as cache:
        await cache.wait_for_cache_sync()
        await server.create(host("two"))
        await asyncio.sleep(1)
        assert len((await cache.list(type(host("x")))).items) == 2
    assert [name for _, name, _ in listener.told] == ["one", "two"]


async def test_what_changed_while_the_history_was_lost_is_told(running, host, listener):
    """Gone: deleted, final state unknown. Replaced: deleted, then added. Changed: updated."""
    server = FakeClient(host("gone"), host("replaced"), host("changed"), host("same"))
    async with running(server, listener) as cache:
        await cache.wait_for_cache_sync()
        await asyncio.sleep(1)
        listener.told.clear()
        server.cut_watches()
        await server.delete(host("gone"))
        await server.delete(host("replaced"))
        await server.create(host("replaced"))
        obj = await server.get(type(host("x")), NamespacedName("lab", "changed"))
        obj.spec = {"a": 1}
        await server.update(obj)
        server.compact()
        await asyncio.sleep(60)
    assert sorted(listener.told[:-1]) == [
        ("add", "replaced", False),
        ("delete", "replaced", True),
        ("update", "changed", ({}, {"a": 1})),
    ]
    assert listener.told[-1] == ("delete", "gone", True)
    replaced = [what for what, name, _ in listener.told if name == "replaced"]
    assert replaced == ["delete", "add"]


async def test_a_list_that_expires_between_two_pages_forgets_its_first(running, host, listener):
    """An object of the first page that is gone by the second attempt is not kept."""

    class Expiring(FakeClient):
        async def list_page(self, *args, **options):
            """The second page is too old, once; meanwhile an object of the first is deleted."""
            if options["continue_token"] and len(self.actions) == 0:
                await self.delete(host("a"))
                raise ExpiredError("too old")
            return await super().list_page(*args, **options)

    server = Expiring(host("a"), host("b"), host("c"))
    async with running(server, listener, page_size=2) as cache:
        found = await cache.list(type(host("x")))
        assert [obj.metadata.name for obj in found.items] == ["b", "c"]


async def test_a_slow_handler_holds_up_the_stream_only_when_it_lags_far_behind(running, host):
    """The backlog is bounded, and everything arrives in the end."""
    backlog, heard = [], []

    class Slow:
        """Never takes anything until it is let."""

        def on_add(self, obj, *, is_in_initial_list):
            """Hears."""
            heard.append(obj.metadata.name)

        def on_update(self, old, new):
            """Hears."""
            heard.append(new.metadata.name)

        def on_delete(self, obj, *, final_state_unknown):
            """Hears."""

    server = FakeClient()
    async with running(server, max_pending=5) as cache:
        await cache.wait_for_cache_sync()
        informer = await cache.get_informer(type(host("x")))
        registration = informer.add_event_handler(Slow())
        for n in range(20):
            await server.create(host(f"n{n:02}"))
        for _ in range(200):
            backlog.append(registration.backlog)
            await asyncio.sleep(0)
    assert max(backlog) <= 5
    assert heard == [f"n{n:02}" for n in range(20)]


async def test_resync_tells_everything_again(running, host, listener):
    """Each period, as an update from and to the same."""
    server = FakeClient(host("one", spec={"a": 1}))
    async with running(server, listener, resync=timedelta(minutes=10)):
        await asyncio.sleep(25 * 60)
    assert listener.told == [("add", "one", True), *[("update", "one", ({"a": 1}, {"a": 1}))] * 2]


@pytest.mark.parametrize(
    "error", [ConnectionFailedError("refused"), ForbiddenError("no"), RuntimeError("a bug")]
)
async def test_a_server_that_refuses_is_asked_less_and_less(running, host, listener, error):
    """The wait grows to half a minute and more, and it heals by itself."""
    server, asked = FakeClient(host("one")), []
    server.interceptor = lambda a: asked.append(asyncio.get_running_loop().time())
    server.fail_next("*", None, error, times=10**9)
    async with running(server, listener) as cache:
        await asyncio.sleep(LONG)
        gaps = [b - a for a, b in itertools.pairwise(asked)]
        assert gaps[0] < 1.1
        assert all(30 <= gap <= 60 for gap in gaps[8:])
        assert len(set(gaps[8:])) > 1, "all clients come back at once"
        server.stop_failing()
        await asyncio.sleep(61)
        assert (await cache.get(type(host("x")), ONE)).metadata.name == "one"
    assert listener.told == [("add", "one", True)]


@pytest.mark.parametrize(
    "error", [ServerTimeoutError("too large resource version"), DecodeError("not JSON")]
)
async def test_what_cannot_be_resumed_is_listed_again(running, host, listener, error):
    """A revision the server never had, or an event nobody can read, is not asked for for ever."""
    server, asked = FakeClient(host("one")), []
    server.interceptor = lambda a: asked.append(a.verb)
    async with running(server, listener) as cache:
        await cache.wait_for_cache_sync()
        server.fail_next("watch", None, error)
        server.cut_watches()
        await server.create(host("two"))
        await asyncio.sleep(60)
    assert asked.count("list") == 2
    assert [name for _, name, _ in listener.told] == ["one", "two"]


async def test_a_server_that_names_a_time_is_left_alone_until_then(running, host):
    """Retry-After is kept to."""
    server, asked = FakeClient(host("one")), []
    server.interceptor = lambda a: asked.append(asyncio.get_running_loop().time())
    server.fail_next("list", None, TooManyRequestsError("slowly", retry_after=timedelta(hours=1)))
    async with running(server):
        await asyncio.sleep(2 * 3600)
    assert asked[:2] == [0, 3600]


async def test_streams_that_end_at_once_do_not_make_a_hot_loop(running, host):
    """An odd proxy that closes every watch gets requests at a slowing pace."""

    class Closing(FakeClient):
        @asynccontextmanager
        async def stream(self, *args, **options):
            """Ends before it began."""
            async with super().stream(*args, **options):

                async def nothing():
                    for _ in ():
                        yield

                yield nothing()

    server, asked = Closing(host("one")), []
    server.interceptor = lambda a: asked.append(a.verb)
    async with running(server):
        await asyncio.sleep(3600)
    assert asked.count("list") == 1
    assert 60 <= asked.count("watch") <= 140


async def test_a_stream_list_is_used_where_it_is_offered(running, host, listener):
    """Then nothing is listed."""
    server, asked = FakeClient(host("one"), streaming_lists=True), []
    server.interceptor = lambda a: asked.append(a.verb)
    async with running(server, listener, streaming_lists=True) as cache:
        await cache.wait_for_cache_sync()
        await server.create(host("two"))
        await asyncio.sleep(1)
    assert listener.told == [("add", "one", True), ("add", "two", False)]
    assert asked == ["watch", "create"]


async def test_a_refused_streaming_list_is_not_asked_for_again(running, host, listener):
    """A server without the feature costs one request."""
    server, asked = FakeClient(host("one")), []
    server.interceptor = lambda a: asked.append(a.verb)
    async with running(server, listener, streaming_lists=True) as cache:
        await cache.wait_for_cache_sync()
        server.cut_watches()
        server.compact()
        await asyncio.sleep(60)
    assert asked[:3] == ["watch", "list", "watch"]
    assert listener.told == [("add", "one", True)]


async def test_a_streaming_list_that_never_ends_is_given_up(running, host, listener):
    """Old servers ignore the wish: after a while of silence a plain list is made."""

    class Silent(FakeClient):
        @asynccontextmanager
        async def stream(self, *args, initial_events=False, **options):
            """An ordinary watch, whatever was asked."""
            async with super().stream(*args, **options) as events:
                yield events

    async with running(Silent(host("one")), listener, streaming_lists=True) as cache:
        await cache.wait_for_cache_sync()
        assert 10 <= asyncio.get_running_loop().time() < 11
        await asyncio.sleep(1)
    assert listener.told == [("add", "one", True)]


async def test_bookmarks_move_the_place_to_resume_from(running, host, listener):
    """After a cut the watch goes on at the bookmark, although no object changed."""

    class Marking(FakeClient):
        versions: list[str] = []  # noqa: RUF012  (one server, one test)

        @asynccontextmanager
        async def stream(self, *args, resource_version=None, **options):
            """A bookmark, then a cut."""
            self.versions.append(resource_version)

            async def marks():
                version = str(100 + len(self.versions))
                yield RawEvent(EventType.BOOKMARK, {"metadata": {"resourceVersion": version}})
                await asyncio.sleep(5)
                raise ConnectionFailedError("reset")

            yield marks()

    server = Marking(host("one"))
    async with running(server, listener):
        await asyncio.sleep(30)
    assert server.versions[:3] == ["1", "101", "102"]
    assert listener.told == [("add", "one", True)]
