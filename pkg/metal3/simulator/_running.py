"""What makes up a running lab, and the order in which its parts come and go."""

import asyncio
import secrets
import shutil
import ssl
import tempfile
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import aiohttp

from . import _bmc, _images, _ports
from ._agent import AgentSettings
from ._agent_api import AgentAPI
from ._bmc import BMCServer
from ._config import LabConfig, LabPaths
from ._credentials import write_certificates, write_logins
from ._errors import StartError
from ._ironic import IronicServer
from ._machine import Machine
from ._ports import LOOPBACK, Ports
from ._servers import serving

CALL_TIMEOUT = aiohttp.ClientTimeout(total=60)


class RunningLab:
    """What there is while a lab runs."""

    def __init__(
        self, config: LabConfig, paths: LabPaths, ports: Ports, client: aiohttp.ClientSession
    ) -> None:
        self.paths = paths
        self.ports = ports
        self.image_checksum = _images.write(paths)
        self.token = secrets.token_urlsafe(24)
        trust = _trust(config, paths)
        hosts = _bmc.describe(config, ports)
        self.ironic = IronicServer(config, paths, ports, trust)
        self.bmc = BMCServer(config, paths, ports, hosts=hosts, token=self.token, trust=trust)
        self._client = client
        settings = AgentSettings(
            api=AgentAPI(self.ironic.url, client, trust),
            callback_url=f"{config.scheme}://{LOOPBACK}:{ports.agent}",
            heartbeat=config.heartbeat,
            step_time=config.step_time,
            custom_deploy_steps=config.custom_deploy_steps,
        )
        self.machines = {
            host.system_uuid: Machine(
                host=host,
                settings=settings,
                http_root=paths.http,
                boot_time=config.boot_time,
                power_off=self._power_off,
            )
            for host in hosts
        }

    async def _power_off(self, system: str) -> None:
        await self.bmc.power_off_from_inside(self._client, system)


@asynccontextmanager
async def running(config: LabConfig) -> AsyncGenerator[RunningLab]:
    """Start all parts, and stop them when the block is left; raises :class:`StartError`."""
    with _folder(config) as paths:
        async with aiohttp.ClientSession(timeout=CALL_TIMEOUT) as client:
            # Small files, and not from a thread: one that outlived a cancellation would write again
            # into a folder that is removed by then.
            ports = _prepare(config, paths)
            lab = RunningLab(config, paths, ports, client)
            servers = serving(
                machines=lab.machines,
                ports=ports,
                token=lab.token,
                http_root=paths.http,
                agent_tls=_server_tls(config, paths),
            )
            async with servers, _children(lab), _living(lab):
                yield lab


@contextmanager
def _folder(config: LabConfig) -> Generator[LabPaths]:
    root = config.state_dir or Path(tempfile.mkdtemp(prefix="metal3-lab-"))
    paths = LabPaths(root=root.absolute())
    try:
        yield paths
    finally:
        if not (config.state_dir or config.keep):
            shutil.rmtree(paths.root, ignore_errors=True)


@asynccontextmanager
async def _living(lab: RunningLab) -> AsyncGenerator[None]:
    async with asyncio.TaskGroup() as group:
        lives = [group.create_task(machine.run()) for machine in lab.machines.values()]
        try:
            yield
        finally:
            for life in lives:
                life.cancel()


@asynccontextmanager
async def _children(lab: RunningLab) -> AsyncGenerator[None]:
    try:
        await _start_children(lab)
        yield
    finally:
        try:
            await lab.ironic.stop()
        finally:
            await lab.bmc.stop()


async def _start_children(lab: RunningLab) -> None:
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(lab.bmc.start())
            group.create_task(lab.ironic.start())
    except* StartError as e:
        # One of them says enough: the other was stopped because of it.
        raise _first(e) from None


def _first(group: BaseExceptionGroup[StartError]) -> StartError:
    found = group.exceptions[0]
    return found if isinstance(found, StartError) else _first(found)


def _prepare(config: LabConfig, paths: LabPaths) -> Ports:
    """Write all that is read at the start; returns the ports."""
    paths.create()
    ports = _ports.choose(
        config.base_port or _ports.remembered(paths.base_port),
        hosts=config.hosts,
    )
    paths.base_port.write_text(str(ports.base))
    write_logins(config, paths)
    if config.tls:
        write_certificates(paths)
    return ports


def _trust(config: LabConfig, paths: LabPaths) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(paths.ca_file) if config.tls else None)


def _server_tls(config: LabConfig, paths: LabPaths) -> ssl.SSLContext | None:
    if not config.tls:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(paths.cert_file, paths.key_file)
    return context
