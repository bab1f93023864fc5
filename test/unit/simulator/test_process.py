"""Children are watched while they start, and never outlive their parent."""

import asyncio
import os
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from metal3.simulator import StartError
from metal3.simulator._process import ChildProcess

LONG = timedelta(seconds=30)
WATCHED = "from metal3.simulator import _watchdog; _watchdog.start(); "
# A grandchild that would stay when only the child is ended.
FORKING = (
    "import subprocess, sys, time; "
    "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']); "
    "print('grandchild', p.pid, flush=True); time.sleep(600)"
)


@pytest.fixture
async def child(tmp_path):
    """Makes children that are ended after the test."""
    made = []

    def make(code):
        process = ChildProcess(
            name="child",
            argv=(sys.executable, "-c", code),
            env=dict(os.environ),
            log_file=tmp_path / "child.log",
        )
        made.append(process)
        return process

    yield make
    for process in made:
        await process.stop(timedelta(0))


async def never():
    """A probe that is never content."""
    return False


async def test_a_child_that_dies_is_reported_with_its_last_words(child):
    """Not as a timeout."""
    process = child("import sys; print('no such option'); sys.exit(3)")
    await process.start()
    with pytest.raises(StartError, match="ended with code 3") as caught:
        await process.wait_ready(never, LONG)
    assert caught.value.name == "child"
    assert "no such option" in caught.value.log


async def test_a_child_that_restarts_its_workers_for_ever_is_hopeless(child):
    """Ironic's master does that and never ends."""
    process = child("import time; print('Forking too fast, sleeping', flush=True); time.sleep(600)")
    await process.start()
    with pytest.raises(StartError, match="Forking too fast"):
        await process.wait_ready(never, LONG)


async def test_a_child_that_is_never_ready_is_given_up(child):
    """After the time it was given."""
    process = child("import time; time.sleep(600)")
    await process.start()
    with pytest.raises(StartError, match=r"not ready after 0\.2 seconds"):
        await process.wait_ready(never, timedelta(seconds=0.2))


async def test_words_of_an_earlier_run_are_not_blamed_on_this_one(child, tmp_path):
    """Logs are appended to."""
    (tmp_path / "child.log").write_text("Forking too fast\n")
    process = child("import time; time.sleep(600)")
    await process.start()
    with pytest.raises(StartError, match="not ready"):
        await process.wait_ready(never, timedelta(seconds=0.2))
    assert "Forking" not in process.tail()


async def test_a_one_shot_command_must_succeed(child):
    """As the creation of Ironic's database has to."""
    await child("print('fine')").run(LONG)
    with pytest.raises(StartError, match="exit code 2"):
        await child("import sys; sys.exit(2)").run(LONG)


async def test_stopping_leaves_no_grandchild(child, until):
    """The whole group ends."""
    process = child(FORKING)
    await process.start()
    await until(lambda: "grandchild" in process.tail())
    grandchild = int(process.tail().split()[-1])
    await process.stop(LONG)
    assert not process.is_running()
    assert process.pid is None
    await until(lambda: _is_gone(grandchild))


async def test_a_child_that_ignores_the_polite_signal_is_killed(child, until):
    """When its grace is over."""
    code = "import signal, time; signal.signal(15, signal.SIG_IGN); print('on', flush=True); "
    process = child(code + "time.sleep(600)")
    await process.start()
    await until(lambda: "on" in process.tail())
    await process.stop(timedelta(seconds=0.1))
    assert not process.is_running()


async def test_a_watched_child_ends_with_its_parent(tmp_path, until):
    """Also when the parent is killed and can do nothing about it, and with all it started."""
    parent = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "import subprocess, sys, time; "
        "p = subprocess.Popen([sys.executable, '-c', sys.argv[1]], stdin=subprocess.PIPE, "
        "start_new_session=True); print(p.pid, flush=True); time.sleep(600)",
        WATCHED + FORKING,
        stdout=asyncio.subprocess.PIPE,
    )
    assert parent.stdout
    pids: list[int] = []
    while len(pids) < 2:
        pids.append(int((await parent.stdout.readline()).split()[-1]))
    parent.kill()
    await parent.wait()
    await until(lambda: all(_is_gone(pid) for pid in pids))


def _is_gone(pid):
    """Ended, though its parent may not have asked for its exit code yet."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return stat.rpartition(")")[2].split()[0] == "Z"
