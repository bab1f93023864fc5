"""``metal3 apiserver`` as a process: killed in the middle of writes, and told to stop."""

import asyncio
import contextlib
import signal

import pytest

from metal3.api.core import v1 as corev1
from metal3.runtime.client import ApiError, RestClient
from metal3.runtime.rest import load_config

from .processes import METAL3, free_port

ENOUGH = 100
WRITERS = 6


@contextlib.asynccontextmanager
async def apiserver(folder, port):
    """Start a server on a folder, wait until it serves, and kill it in the end."""
    process = await asyncio.create_subprocess_exec(
        METAL3,
        "apiserver",
        f"--data-dir={folder}",
        f"--port={port}",
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    try:
        async with asyncio.timeout(60):
            said = await process.stderr.readline()
        assert said.startswith(b"serving https://127.0.0.1:"), said
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await process.stderr.read()


async def client_of(folder):
    """A client with the kubeconfig that the server wrote."""
    return RestClient(await asyncio.to_thread(load_config, str(folder / "kubeconfig")))


async def write_until_it_dies(client, name, acknowledged):
    """Create, change and note what the server said yes to."""
    for number in range(10_000):
        made = corev1.ConfigMap.named(f"{name}-{number}", "default", data={"n": "1"})
        try:
            made = await client.create(made)
            acknowledged[made.metadata.name] = made
            changed = made.deep_copy()
            changed.data = {"n": "2"}
            acknowledged[made.metadata.name] = await client.update(changed)
        except ApiError:
            return


async def test_what_was_acknowledged_survives_kill_9(tmp_path):
    """Killed twice while six clients write: no acknowledged write is lost, none goes backwards."""
    port = free_port()
    acknowledged: dict[str, corev1.ConfigMap] = {}
    for life in range(2):
        async with apiserver(tmp_path, port) as process, await client_of(tmp_path) as client:
            before = len(acknowledged)
            async with asyncio.TaskGroup() as tasks:
                for writer in range(WRITERS):
                    name = f"l{life}-w{writer}"
                    tasks.create_task(write_until_it_dies(client, name, acknowledged))
                while len(acknowledged) < before + ENOUGH:  # noqa: ASYNC110 - others count
                    await asyncio.sleep(0.01)
                process.kill()
    async with apiserver(tmp_path, port) as process, await client_of(tmp_path) as client:
        listed = await client.list(corev1.ConfigMap, namespace="default")
        found = {obj.metadata.name: obj for obj in listed.items}
        for name, obj in acknowledged.items():
            stored = found[name]
            # The last write may have been stored without an answer; it is never older than that.
            assert int(stored.metadata.resource_version) >= int(obj.metadata.resource_version)
            assert stored.metadata.uid == obj.metadata.uid
            assert stored.data["n"] >= obj.data["n"]
        assert len(found) - len(acknowledged) <= 2 * WRITERS
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 30) == 0


async def test_a_folder_in_use_is_an_error_in_one_line(tmp_path):
    """The second server ends with 1 and says why; the first goes on."""
    async with apiserver(tmp_path, 0) as first, await client_of(tmp_path) as client:
        second = await asyncio.create_subprocess_exec(
            METAL3,
            "apiserver",
            f"--data-dir={tmp_path}",
            "--port=0",
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(60):
            _, said = await second.communicate()
        assert second.returncode == 1
        assert b"in use" in said
        assert b"Traceback" not in said
        assert first.returncode is None
        assert (await client.server_version()).git_version


@pytest.mark.parametrize("flags", [[], ["--data-dir=x", "--no-such-flag"], ["--port=many"]])
async def test_wrong_flags_end_with_2(flags, tmp_path):
    """And with the usage, not with a traceback."""
    process = await asyncio.create_subprocess_exec(
        METAL3, "apiserver", *flags, stderr=asyncio.subprocess.PIPE, cwd=tmp_path
    )
    async with asyncio.timeout(60):
        _, said = await process.communicate()
    assert process.returncode == 2
    assert b"Traceback" not in said
