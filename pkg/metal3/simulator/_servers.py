"""The lab's own HTTP servers, inside its process: agents, events of the BMCs, and files."""

import ssl
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from ._agent_server import AgentServer
from ._control_server import ControlServer
from ._machine import Machine
from ._ports import LOOPBACK, Ports

STOP_TIMEOUT = 1.0


@asynccontextmanager
async def serving(
    *,
    machines: Mapping[str, Machine],
    ports: Ports,
    token: str,
    http_root: Path,
    agent_tls: ssl.SSLContext | None,
) -> AsyncGenerator[None]:
    """Serve while the block runs."""
    async with (
        _listening(AgentServer(machines).application(), ports.agent, agent_tls),
        _listening(ControlServer(machines, token).application(), ports.control, None),
        _listening(_files(http_root), ports.files, None),
    ):
        yield


def _files(root: Path) -> web.Application:
    app = web.Application()
    # Ironic publishes files by linking to its caches.
    app.add_routes([web.static("/", root, follow_symlinks=True)])
    return app


@asynccontextmanager
async def _listening(
    app: web.Application, port: int, tls: ssl.SSLContext | None
) -> AsyncGenerator[None]:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=STOP_TIMEOUT)
    await runner.setup()
    try:
        await web.TCPSite(runner, LOOPBACK, port, ssl_context=tls).start()
        yield
    finally:
        await runner.cleanup()
