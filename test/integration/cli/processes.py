"""``metal3 manager`` as a child process."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from pathlib import Path

import aiohttp

METAL3 = Path(sys.executable).with_name("metal3")
OWN_NAMESPACE = "baremetal-operator-system"


def free_port():
    """A port that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class ManagerProcess:
    """The running manager, its ports and what it logged."""

    def __init__(self, process, log, health, metrics):
        self.process = process
        self.log = log
        self.health = f"http://127.0.0.1:{health}"
        self.metrics = f"https://127.0.0.1:{metrics}"

    async def ready(self):
        """Wait until /readyz says yes."""
        async with asyncio.timeout(60), aiohttp.ClientSession() as session:
            while True:
                assert self.process.returncode is None, self.log.read_text()
                with contextlib.suppress(aiohttp.ClientError):
                    async with session.get(f"{self.health}/readyz") as answer:
                        if answer.status == 200:
                            return
                await asyncio.sleep(0.2)

    async def stop(self):
        """As the kubelet does it; gives the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return await self.ended()

    async def ended(self):
        """Wait for the end; gives the exit code."""
        return await asyncio.wait_for(self.process.wait(), 45)


@contextlib.asynccontextmanager
async def manager_process(kubeconfig, log, *flags, step_time="0.2"):
    """Start a manager with machines in memory, and wait until it is ready; kill it in the end."""
    health, metrics = free_port(), free_port()
    with log.open("wb") as stream:
        process = await asyncio.create_subprocess_exec(
            METAL3,
            "manager",
            f"--kubeconfig={kubeconfig}",
            "-provisioner=fixture",
            f"--health-addr=127.0.0.1:{health}",
            f"--metrics-addr=127.0.0.1:{metrics}",
            *flags,
            env={**os.environ, "POD_NAMESPACE": OWN_NAMESPACE, "FIXTURE_STEP_TIME": step_time},
            stdout=stream,
            stderr=stream,
        )
    running = ManagerProcess(process, log, health, metrics)
    try:
        await running.ready()
        yield running
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
