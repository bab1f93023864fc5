"""Server processes: real children, small ones."""

import asyncio
import os
import signal
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from metal3.runtime.envtest import StartError
from metal3.runtime.envtest._errors import PortTakenError
from metal3.runtime.envtest._process import ServerProcess, free_port

LONG = timedelta(seconds=30)


def python(tmp_path, code: str, **environment: str) -> ServerProcess:
    """Make a server of a few lines of Python."""
    argv, log = (sys.executable, "-S", "-c", code), tmp_path / "toy.log"
    return ServerProcess(name="toy", argv=argv, log=log, environment=environment)


def is_alive(pid: int | None) -> bool:
    """Say whether the process runs (a zombie does not)."""
    assert pid is not None
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wrote(server: ServerProcess, text: str):
    """Give a readiness check: the log holds the text."""

    async def check() -> bool:
        return text in await asyncio.to_thread(server.log.read_text)

    return check


async def never() -> bool:
    """Be ready never."""
    return False


async def test_a_server_that_ends_early_is_reported_with_its_last_words(tmp_path):
    """The person sees the reason, not a time-out."""
    server = python(tmp_path, "import sys; sys.exit('no such flag')")
    await server.start()
    with pytest.raises(StartError, match=r"toy ended with code 1\nno such flag"):
        await server.wait_until(never, within=LONG)
    assert server.pid is None


async def test_what_is_set_around_us_comes_first(tmp_path, monkeypatch):
    """A server has settings of its own; a person may set them otherwise."""
    monkeypatch.setenv("OURS", "person")
    monkeypatch.delenv("ITS", raising=False)
    show = "print(os.environ['ITS'], os.environ['OURS'], 'PATH' in os.environ, flush=True)"
    code = f"import os, time; {show}; time.sleep(60)"
    server = python(tmp_path, code, ITS="server", OURS="server")
    await server.start()
    await server.wait_until(wrote(server, "server person True"), within=LONG)
    await server.stop(graceful=False)


async def test_a_taken_port_is_told_apart(tmp_path):
    """A clash of ports is worth another try; other failures are not."""
    server = python(tmp_path, "import sys; sys.exit('bind: address already in use')")
    await server.start()
    with pytest.raises(PortTakenError):
        await server.wait_until(never, within=LONG)


async def test_a_server_that_never_gets_ready_is_reported(tmp_path):
    """The deadline holds, and the log's end is in the message."""
    server = python(tmp_path, "import time; print('starting', flush=True); time.sleep(60)")
    await server.start()
    await server.wait_until(wrote(server, "starting"), within=LONG)
    with pytest.raises(StartError, match=r"(?s)not ready within.*starting"):
        await server.wait_until(never, within=timedelta(0))
    await server.stop(graceful=False)


async def test_a_killed_server_is_gone_and_can_be_started_again(tmp_path):
    """Stop and start make a fault test; stopping twice is no error, starting twice is."""
    server = python(tmp_path, "import time; print('up', flush=True); time.sleep(60)")
    await server.start()
    first = server.pid
    with pytest.raises(StartError, match="runs already"):
        await server.start()
    await server.stop(graceful=False)
    await server.stop(graceful=False)
    assert not is_alive(first)
    await server.start()
    assert server.pid != first
    await server.wait_until(wrote(server, "up"), within=LONG)
    await server.stop(graceful=True)


async def test_a_server_that_ignores_the_request_to_stop_is_killed(tmp_path, monkeypatch):
    """Nothing is left behind, however stubborn."""
    monkeypatch.setattr("metal3.runtime.envtest._process.STOP_GRACE", timedelta(0))
    code = "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    server = python(tmp_path, code)
    await server.start()
    await server.wait_until(wrote(server, "deaf"), within=LONG)
    pid = server.pid
    await server.stop(graceful=True)
    assert not is_alive(pid)


@pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux tells a child of its parent's death"
)
async def test_a_server_dies_with_a_test_run_that_was_killed(tmp_path):
    """A run that could not tidy up leaves no server all the same."""
    code = (
        "import asyncio, pathlib, sys\n"
        "from metal3.runtime.envtest._process import ServerProcess\n"
        "async def main():\n"
        "    argv = (sys.executable, '-S', '-c', 'import time; print(1, flush=True); time.sleep(60)')\n"
        f"    server = ServerProcess(name='toy', argv=argv, log=pathlib.Path({str(tmp_path / 'l')!r}))\n"
        "    await server.start()\n"
        "    while not server.log.read_text(): await asyncio.sleep(0.01)\n"
        "    print(server.pid, flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    run = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE
    )
    assert run.stdout
    child = int(await run.stdout.readline())
    assert is_alive(child)
    os.kill(run.pid, signal.SIGKILL)
    await run.wait()
    async with asyncio.timeout(10):
        while is_alive(child):  # noqa: ASYNC110 - the kernel tells nobody else
            await asyncio.sleep(0.01)


def test_free_ports_can_be_bound():
    """A chosen port is in the ephemeral range and free."""
    assert free_port() > 1024
