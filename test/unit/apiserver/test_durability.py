"""What was acknowledged stays, whatever happens to the process."""

import asyncio
import os
import signal
import sqlite3
import sys
from typing import Any

import aiohttp
import pytest

from metal3.apiserver import Config, DatabaseError, Server
from metal3.apiserver.errors import StatusError
from metal3.apiserver.storage import Key, Limits, StaleError, Store

from .conftest import CONFIG_MAPS, WIDGETS, crd, widget

CHILD = """
import asyncio, sys
from pathlib import Path
from metal3.apiserver import Config, Server

async def main():
    async with Server(Config(data_dir=Path(sys.argv[1]), tls=False, token="t")) as server:
        print(server.url, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def write_until_it_dies(url: str, written: dict[str, int], enough: asyncio.Event) -> None:
    """Create config maps, note what was acknowledged, and say when there are enough."""
    headers = {"Authorization": "Bearer t"}
    async with aiohttp.ClientSession(headers=headers) as session:
        for at in range(10_000):
            name = f"c-{id(asyncio.current_task())}-{at}"
            try:
                async with session.post(
                    url + CONFIG_MAPS, json={"metadata": {"name": name}}
                ) as response:
                    body = await response.json()
            except (aiohttp.ClientError, OSError):
                return
            written[name] = int(body["metadata"]["resourceVersion"])
            if len(written) >= 300:
                enough.set()


async def test_acknowledged_writes_survive_a_kill(tmp_path, connect):
    """After kill -9 in the middle of writes, every acknowledged object is there.

    Revisions go on from where they were, and the server takes writes again.
    """
    script = tmp_path / "child.py"
    script.write_text(CHILD)
    data = tmp_path / "data"
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(script), str(data), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout
    written: dict[str, int] = {}
    enough = asyncio.Event()
    try:
        url = (await process.stdout.readline()).decode().strip()
        async with asyncio.TaskGroup() as group:
            for _ in range(8):
                group.create_task(write_until_it_dies(url, written, enough))
            await enough.wait()
            os.kill(process.pid, signal.SIGKILL)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await process.stdout.read()
    async with Server(Config(data_dir=data, tls=False)) as server:
        client = connect(server)
        listed = await client.get(CONFIG_MAPS)
        found = {
            item["metadata"]["name"]: int(item["metadata"]["resourceVersion"])
            for item in listed["items"]
        }
        assert written.items() <= found.items()
        after = await client.ok("POST", CONFIG_MAPS, {"metadata": {"name": "after"}})
        assert int(after["metadata"]["resourceVersion"]) > max(found.values())


async def test_everything_is_there_after_a_restart(tmp_path, connect):
    """Kinds, objects, tokens and versions survive; the revision never goes back."""
    config = Config(data_dir=tmp_path, tls=False)
    async with Server(config) as server:
        client = connect(server)
        await client.ok("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd())
        made = await client.ok("POST", WIDGETS, widget("a"))
        gone = await client.ok("POST", WIDGETS, widget("b"))
        await client.ok("DELETE", f"{WIDGETS}/b")
        token = server.token
    async with Server(config) as server:
        client = connect(server)
        assert server.token == token
        assert await client.get(f"{WIDGETS}/a") == made
        assert (await client.call("GET", f"{WIDGETS}/b")).code == 404
        again = await client.ok("POST", WIDGETS, widget("b"))
        assert int(again["metadata"]["resourceVersion"]) > int(gone["metadata"]["resourceVersion"])
        assert again["metadata"]["uid"] != gone["metadata"]["uid"]


async def test_a_data_directory_has_one_server(tmp_path):
    """A second server on the same directory is refused, and does no harm."""
    async with Server(Config(data_dir=tmp_path, tls=False)) as first:
        with pytest.raises(DatabaseError, match="in use"):
            async with Server(Config(data_dir=tmp_path, tls=False)):
                pass
        assert first.url


def test_secrets_are_private_files(tmp_path):
    """Token, keys and database are in a directory, and files, that only the owner reads."""

    async def start() -> None:
        async with Server(Config(data_dir=tmp_path / "data")) as server:
            server.write_kubeconfig(tmp_path / "kubeconfig")

    asyncio.run(start())
    for name in ("token", "ca.key", "server.key"):
        assert (tmp_path / "data" / name).stat().st_mode & 0o077 == 0
    assert (tmp_path / "data").stat().st_mode & 0o077 == 0
    assert (tmp_path / "kubeconfig").stat().st_mode & 0o077 == 0


def obj(value: int) -> dict[str, Any]:
    """Make what a store keeps."""
    return {"metadata": {"name": "a", "uid": "u"}, "value": value}


KEY = Key("/configmaps", "default", "a")


async def test_two_writers_of_one_object(tmp_path):
    """The second to write on the same basis is told so, even before the first is on disk."""
    store = Store(tmp_path / "s.db")
    await store.open()
    first = store.put(KEY, obj(1), None)
    with pytest.raises(StaleError):
        store.put(KEY, obj(2), None)
    basis = store.latest(KEY)
    second = store.put(KEY, obj(2), basis)
    with pytest.raises(StaleError):
        store.put(KEY, obj(3), basis)
    assert store.get(KEY) is None
    store.stop()
    await store.run()
    assert (await first).revision < (await second).revision
    found = store.get(KEY)
    assert found is not None
    assert found.load()["value"] == 2
    await store.close()


async def test_a_full_disk_fails_the_write_and_what_builds_on_it(tmp_path, monkeypatch):
    """Nothing that is not on disk is ever shown; the store works again when the disk does."""
    store = Store(tmp_path / "s.db")
    await store.open()

    def broken(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("metal3.apiserver.storage._sqlite.Database.commit", broken)
    async with asyncio.TaskGroup() as group:
        group.create_task(store.run())
        first = store.put(KEY, obj(1), None)
        second = store.put(KEY, obj(2), store.latest(KEY))
        for write in (first, second):
            with pytest.raises(StatusError, match="disk is full"):
                await write
        assert store.get(KEY) is store.latest(KEY) is None
        monkeypatch.undo()
        assert (await store.put(KEY, obj(3), None)).load()["value"] == 3
        store.stop()
    await store.close()


async def test_waiting_writes_are_bounded(tmp_path):
    """More writes than may wait are refused with 429."""
    store = Store(tmp_path / "s.db", Limits(waiting_writes=2))
    await store.open()
    for name in "ab":
        store.put(Key("/x", "", name), obj(1), None)
    with pytest.raises(StatusError) as refused:
        store.put(Key("/x", "", "c"), obj(1), None)
    assert refused.value.code == 429
    store.stop()
    await store.run()
    await store.close()


async def test_history_is_bounded_by_bytes(tmp_path):
    """Old versions of large objects are forgotten before they fill the memory."""
    store = Store(tmp_path / "s.db", Limits(event_bytes=10_000))
    await store.open()
    async with asyncio.TaskGroup() as group:
        group.create_task(store.run())
        for at in range(50):
            await store.put(KEY, obj(at) | {"pad": "x" * 1000}, store.latest(KEY))
        store.stop()
    assert len(store.events_since(store.compacted, "/configmaps")) <= 11
    assert store.compacted > 30
    await store.close()
    again = Store(tmp_path / "s.db", Limits(event_bytes=10_000))
    await again.open()
    assert again.compacted == store.compacted
    await again.close()
