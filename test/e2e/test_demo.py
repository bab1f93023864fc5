"""``metal3 demo`` as a user runs it: a real Ironic, simulated servers, kubectl."""

import asyncio
import json
import os
import re
import shutil
import signal
import sys
from pathlib import Path

import aiohttp
import pytest

KUBECTL = shutil.which("kubectl") or ""
METAL3 = Path(sys.executable).with_name("metal3")
READY = "are provisioned"
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not KUBECTL, reason="there is no kubectl on the PATH"),
]


class RunningDemo:
    """The process, what it printed, and kubectl against its API."""

    def __init__(self, process, folder):
        self.process = process
        self.folder = folder
        self.said = ""

    async def reach(self, words):
        """Read on until ``words`` were printed; fails with what was printed instead."""
        while words not in self.said:
            line = await self.process.stdout.readline()
            assert line, f"the demo ended with: {self.said}"
            self.said += line.decode()

    async def kubectl(self, *argv, data=None, ok=True):
        """Run kubectl; gives its standard output."""
        env = {**os.environ, "KUBECONFIG": str(self.folder / "kubeconfig")}
        process = await asyncio.create_subprocess_exec(
            KUBECTL,
            *argv,
            env=env,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, error = await process.communicate(data)
        assert process.returncode == 0 or not ok, error.decode()
        return out.decode()

    def manifests_of(self, name, *, password=None):
        """What the demo applied for a host, if wanted with another password."""
        text = (self.folder / "hosts.yaml").read_text()
        documents = re.split(r"^---$", text, flags=re.MULTILINE)
        mine = "---\n".join(one for one in documents if f'"{name}' in one)
        if password is not None:
            mine = re.sub(r"password: .*", f'password: "{password}"', mine)
        return mine.encode()

    async def host(self, name):
        """A host's status, or None once it is gone."""
        text = await self.kubectl("get", "bmh", name, "-o", "json", ok=False)
        return json.loads(text)["status"] if text else None

    async def until(self, name, condition):
        """Watch a host until ``condition`` holds for its status."""
        async with asyncio.timeout(90):
            while True:
                status = await self.host(name)
                if condition(status):
                    return status
                await asyncio.sleep(0.5)

    async def nodes(self):
        """Names of the nodes that Ironic knows."""
        (url,) = re.findall(r"Ironic is (\S+)", self.said)
        headers = {"X-OpenStack-Ironic-API-Version": "1.89"}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.get(f"{url}/v1/nodes") as answer,
        ):
            return {node["name"] for node in (await answer.json())["nodes"]}

    def processes(self):
        """Command lines of processes that work in the demo's folder."""
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if str(self.folder) in line:
                found.append(line)
        return found


async def start(folder, *flags):
    """A demo in its own process."""
    process = await asyncio.create_subprocess_exec(
        METAL3,
        "demo",
        "--keep",
        str(folder),
        *flags,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    return RunningDemo(process, folder)


@pytest.fixture
async def demo(tmp_path):
    """A demo with two hosts, ended whatever happens."""
    running = await start(tmp_path / "demo", "--hosts=2")
    try:
        async with asyncio.timeout(240):
            await running.reach(READY)
            yield running
    finally:
        if running.process.returncode is None:
            running.process.send_signal(signal.SIGTERM)
            await asyncio.wait_for(running.process.wait(), 60)


def state(wanted):
    """A condition on the provisioning state."""
    return lambda status: status is not None and status["provisioning"]["state"] == wanted


async def test_a_user_takes_hosts_there_and_back(demo):
    """Provision, deprovision, delete, a wrong password and its cure, and Ctrl-C at the end."""
    rows = await demo.kubectl("get", "bmh")
    assert rows.count("provisioned") == 2
    seen = {line.split()[1] for line in demo.said.splitlines() if line.startswith("node-0")}
    assert {"registering", "inspecting", "preparing", "provisioning"} <= seen

    # The image goes: the host is cleaned and comes back.
    await demo.kubectl("patch", "bmh", "node-0", "--type=merge", "-p", '{"spec":{"image":null}}')
    await demo.until("node-0", state("available"))

    # The host goes: Ironic forgets it.
    await demo.kubectl("delete", "bmh", "node-0")
    assert await demo.nodes() == {"metal3~node-1"}

    # It comes back with a wrong password: the message says so, and the cure needs no restart.
    await demo.kubectl("apply", "-f", "-", data=demo.manifests_of("node-0", password="wrong"))
    failed = await demo.until("node-0", lambda status: bool((status or {}).get("errorType")))
    assert failed["errorType"] == "registration error"
    assert "credentials" in failed["errorMessage"]
    assert "wrong" not in failed["errorMessage"]
    await demo.kubectl("apply", "-f", "-", data=demo.manifests_of("node-0"))
    await demo.until("node-0", state("provisioned"))

    demo.process.send_signal(signal.SIGINT)
    assert await asyncio.wait_for(demo.process.wait(), 60) == 130
    assert demo.processes() == []


async def test_exit_tells_scripts_how_it_went(tmp_path):
    """--exit leaves with 0 when all is well, and with 1 and the reason when it is not."""
    good = await start(tmp_path / "good", "--hosts=1", "--exit")
    assert await asyncio.wait_for(good.process.wait(), 180) == 0
    late = await start(tmp_path / "late", "--hosts=1", "--exit", "--timeout=3s")
    await late.reach("not provisioned after 3 seconds")
    assert await asyncio.wait_for(late.process.wait(), 60) == 1
    assert late.processes() == []
