"""Watches: what they show, where they go on, and when they are cut."""

import asyncio
from typing import cast

import pytest

from metal3.apiserver import Config, Limits, Server
from metal3.apiserver.storage import Event, Key, Record, Watcher

from .conftest import CONFIG_MAPS, WIDGETS, crd, widget


async def take(stream, count):
    """Read some events of a watch, then leave it."""
    async with asyncio.timeout(10):
        found = [await anext(stream) for _ in range(count)]
    await stream.aclose()
    return found


def seen(events):
    """Shorten events to type and name."""
    return [(event["type"], event["object"]["metadata"]["name"]) for event in events]


async def test_a_watch_shows_what_is_there_and_then_what_changes(widgets):
    """Without a resourceVersion existing objects come first, as ADDED."""
    await widgets.ok("POST", WIDGETS, widget("a"))
    stream = widgets.watch(WIDGETS)
    assert seen([await anext(stream)]) == [("ADDED", "a")]
    await widgets.ok("POST", WIDGETS, widget("b"))
    await widgets.ok("DELETE", f"{WIDGETS}/a")
    assert seen(await take(stream, 2)) == [("ADDED", "b"), ("DELETED", "a")]


async def test_a_watch_goes_on_from_a_resource_version(widgets):
    """Everything after the given version comes, in order, and nothing before it."""
    made = await widgets.ok("POST", WIDGETS, widget("a"))
    version = made["metadata"]["resourceVersion"]
    made["spec"]["size"] = 2
    await widgets.ok("PUT", f"{WIDGETS}/a", made)
    await widgets.ok("DELETE", f"{WIDGETS}/a")
    events = await take(widgets.watch(WIDGETS, resourceVersion=version), 2)
    assert seen(events) == [("MODIFIED", "a"), ("DELETED", "a")]
    versions = [int(event["object"]["metadata"]["resourceVersion"]) for event in events]
    assert int(version) < versions[0] < versions[1]


async def test_objects_come_and_go_with_a_selector(widgets):
    """An object that stops to match is DELETED for the watcher, and ADDED when it matches again."""
    made = await widgets.ok("POST", WIDGETS, widget("a", labels={"x": "1"}))
    version = made["metadata"]["resourceVersion"]
    for value in ("2", "1"):
        patch = {"metadata": {"labels": {"x": value}}}
        await widgets.ok("PATCH", f"{WIDGETS}/a", patch, kind="application/merge-patch+json")
    stream = widgets.watch(WIDGETS, resourceVersion=version, labelSelector="x=1")
    events = await take(stream, 2)
    assert [event["type"] for event in events] == ["DELETED", "ADDED"]
    gone = events[0]["object"]["metadata"]
    assert gone["labels"] == {"x": "1"}
    assert int(gone["resourceVersion"]) > int(version)


async def test_a_streaming_list_ends_its_first_part_with_a_bookmark(widgets):
    """SendInitialEvents gives all objects, then the annotated bookmark."""
    for name in "ab":
        await widgets.ok("POST", WIDGETS, widget(name))
    stream = widgets.watch(
        WIDGETS,
        sendInitialEvents="true",
        resourceVersionMatch="NotOlderThan",
        allowWatchBookmarks="true",
    )
    events = await take(stream, 3)
    assert seen(events[:2]) == [("ADDED", "a"), ("ADDED", "b")]
    mark = events[2]
    assert mark["type"] == "BOOKMARK"
    assert mark["object"]["kind"] == "Widget"
    assert mark["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert int(mark["object"]["metadata"]["resourceVersion"]) > 0


async def test_a_watch_ends_when_its_time_is_up(client):
    """TimeoutSeconds ends the stream in good order."""
    events = [e async for e in client.watch(CONFIG_MAPS, timeoutSeconds="1")]
    assert events == []


async def test_one_object_can_be_watched(client):
    """A field selector on the name restricts the watch to one object."""
    for name in "ab":
        await client.ok("POST", CONFIG_MAPS, {"metadata": {"name": name}})
    stream = client.watch(CONFIG_MAPS, fieldSelector="metadata.name=b")
    assert seen(await take(stream, 1)) == [("ADDED", "b")]


async def test_a_forgotten_past_is_gone(tmp_path, connect):
    """Once history is compacted, going on from before answers 410, and so does a late page."""
    config = Config(data_dir=tmp_path, tls=False, limits=Limits(events=20))
    async with Server(config) as server:
        client = connect(server)
        first = await client.ok("POST", CONFIG_MAPS, {"metadata": {"name": "first"}})
        await client.ok("POST", CONFIG_MAPS, {"metadata": {"name": "second"}})
        page = await client.get(CONFIG_MAPS, limit="1")
        for at in range(40):
            await client.ok("POST", CONFIG_MAPS, {"metadata": {"name": f"c{at}"}})
        version = first["metadata"]["resourceVersion"]
        refused = await anext(client.watch(CONFIG_MAPS, resourceVersion=version))
        assert (refused["object"]["code"], refused["object"]["reason"]) == (410, "Expired")
        token = page["metadata"]["continue"]
        assert (await client.call("GET", CONFIG_MAPS, limit="1", **{"continue": token})).code == 410


async def test_a_watch_goes_on_across_a_restart(tmp_path, connect):
    """History is on disk: a client that comes back after a restart misses nothing."""
    config = Config(data_dir=tmp_path, tls=False)
    async with Server(config) as server:
        client = connect(server)
        made = await client.ok("POST", CONFIG_MAPS, {"metadata": {"name": "a"}})
        await client.ok("PUT", f"{CONFIG_MAPS}/a", made | {"data": {"k": "1"}})
        await client.ok("DELETE", f"{CONFIG_MAPS}/a")
        await client.ok("POST", CONFIG_MAPS, {"metadata": {"name": "b"}})
    async with Server(config) as server:
        client = connect(server)
        stream = client.watch(CONFIG_MAPS, resourceVersion=made["metadata"]["resourceVersion"])
        events = await take(stream, 3)
    assert seen(events) == [("MODIFIED", "a"), ("DELETED", "a"), ("ADDED", "b")]
    assert events[1]["object"]["data"] == {"k": "1"}


async def test_a_changed_definition_ends_its_watches(widgets):
    """Clients list again when the schema changed under their watch."""
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.example.com"
    stream = widgets.watch(WIDGETS)
    await widgets.ok("POST", WIDGETS, widget("a"))
    await anext(stream)
    patch = {"spec": {"versions": crd(additionalPrinterColumns=[])["spec"]["versions"]}}
    await widgets.ok("PATCH", path, patch, kind="application/merge-patch+json")
    async with asyncio.timeout(5):
        assert [event async for event in stream] == []


async def test_stopping_the_server_ends_its_watches(tmp_path, connect):
    """A server with open watches stops at once."""
    async with Server(Config(data_dir=tmp_path, tls=False)) as server:
        stream = connect(server).watch("/api/v1/namespaces")
        await anext(stream)
    async with asyncio.timeout(5):
        rest = [event async for event in stream]
    assert all(event["type"] == "ADDED" for event in rest)


def record(name, revision=1, **labels):
    """Make a record."""
    return Record(
        key=Key("/configmaps", "default", name), revision=revision, data=b"{}", labels=labels
    )


def test_a_watcher_that_does_not_read_is_cut():
    """Its buffer is bounded; once full, the watch is over and holds nothing."""
    watcher = Watcher("/configmaps", lambda _: True, limit=3)
    for at in range(5):
        now = record("a", at)
        watcher.offer(Event(type="ADDED", revision=at, record=now, previous=None))
    assert watcher.cut
    assert watcher.replay([]) == []


async def test_a_cut_watcher_takes_nothing():
    """Taking from a cut watcher returns at once."""
    watcher = Watcher("/configmaps", lambda _: True)
    watcher.end()
    async with asyncio.timeout(1):
        assert await watcher.take(60.0) == []


@pytest.mark.looptime
async def test_a_quiet_watch_waits_its_time(looptime):
    """Without events, taking returns empty-handed when the time is up, and not before."""
    watcher = Watcher("/configmaps", lambda _: True)
    assert await watcher.take(30.0) == []
    assert looptime == 30


async def test_a_client_that_stops_reading_is_dropped(tmp_path, connect, monkeypatch):
    """The server cuts a client whose socket is full, and others go on."""
    monkeypatch.setattr("metal3.apiserver.endpoints._app.WRITE_SECONDS", 0.2)
    async with Server(Config(data_dir=tmp_path, tls=False)) as server:
        client = connect(server)
        host, port = server.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port), limit=1 << 16)
        transport = cast("asyncio.Transport", writer.transport)
        transport.pause_reading()
        writer.write(
            f"GET {CONFIG_MAPS}?watch=true HTTP/1.1\r\nHost: x\r\n"
            f"Authorization: Bearer {server.token}\r\n\r\n".encode()
        )
        await writer.drain()
        body = {"metadata": {"name": "big"}, "data": {"k": "x" * 500_000}}
        made = await client.ok("POST", CONFIG_MAPS, body)
        for at in range(60):
            made["data"]["n"] = str(at)
            made = await client.ok("PUT", f"{CONFIG_MAPS}/big", made)
        transport.resume_reading()
        received = 0
        async with asyncio.timeout(20):
            while chunk := await reader.read(1 << 16):
                received += len(chunk)
        assert received < 60 * 500_000
        writer.close()
        assert (await client.get(f"{CONFIG_MAPS}/big"))["data"]["n"] == "59"
