"""A small HTTP server for health and metrics; a Runnable."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Final

from aiohttp import web

from metal3.runtime.log import get_logger

log = get_logger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_SHUTDOWN: Final = timedelta(seconds=2)
_MAX_BODY: Final = 1024  # nobody has to send anything
_HIGHEST_PORT: Final = 65535


def parse_address(address: str) -> tuple[str | None, int] | None:
    """Host and port of ``[HOST]:PORT``; None for off (empty, or ``0``); ValueError if malformed.

    Without a host, all interfaces (None) are meant.
    """
    if address in {"", "0"}:
        return None
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdigit() or int(port) > _HIGHEST_PORT:
        raise ValueError(f"not an address of the form [HOST]:PORT: {address!r}")
    return host.strip("[]") or None, int(port)


class HTTPServer:
    """Answers GET on a few paths."""

    needs_leader_election: Final = False

    def __init__(
        self,
        name: str,
        address: tuple[str | None, int],
        handlers: Mapping[str, Handler],
        *,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._name = name
        self._host, self._port = address
        self._handlers = handlers
        self._ssl = ssl_context
        self.started = asyncio.Event()
        self.port = 0
        """Where it listens, once started."""

    def __repr__(self) -> str:
        return f"HTTPServer({self._name!r})"

    async def run(self) -> None:
        """Serve until cancelled; raises OSError when the address cannot be had."""
        app = web.Application(client_max_size=_MAX_BODY)
        for path, handler in self._handlers.items():
            app.router.add_get(path, handler)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN.total_seconds())
        await runner.setup()
        try:
            await web.TCPSite(runner, self._host, self._port, ssl_context=self._ssl).start()
            self.port = runner.addresses[0][1]
            self.started.set()
            log.info("serving", server=self._name, port=self.port, tls=self._ssl is not None)
            await asyncio.Event().wait()
        finally:
            await runner.cleanup()
