"""Between the operator and Ironic: passes everything on, counts, and notes when Ironic was at work.

Ironic's notifications come here, too. A node is at work from the request for a provision state to
the notification that it rests again.
"""

import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
from aiohttp import web

LOOPBACK: Final = "127.0.0.1"
NOTIFY: Final = "/notify"
LISTINGS: Final = frozenset({"/v1/nodes", "/v1/ports"})
LISTING, WRITE = "listing", "write"
MOVED: Final = "baremetal.node.provision_set"
PROVISION: Final = "/states/provision"
PASSED_ON: Final = ("Accept", "Authorization", "Content-Type", "X-OpenStack-Ironic-API-Version")
GIVEN_BACK: Final = "x-openstack-"


@dataclass(kw_only=True)
class Notes:
    """What was seen; times are of the monotonic clock."""

    requests: Counter[str] = field(default_factory=Counter[str])
    at_work_since: dict[str, float] = field(default_factory=dict[str, float])
    at_work: Counter[str] = field(default_factory=Counter[str])
    """Seconds by the node's name."""

    @property
    def total(self) -> int:
        """All requests."""
        return self.requests["GET"] + self.requests[WRITE]

    def sent(self, method: str, path: str) -> None:
        """A request of the operator."""
        node = path.split("/")[3] if path.endswith(PROVISION) else ""
        self.requests[method if method == "GET" else WRITE] += 1
        self.requests[LISTING] += method == "GET" and path in LISTINGS
        if node:
            self.at_work_since.setdefault(node, time.monotonic())

    def heard(self, event: Mapping[str, Any]) -> None:
        """A notification of Ironic."""
        uuid, name = str(event["uuid"]), str(event["name"])
        kind = str(event["event_type"])
        moved = kind.startswith(MOVED) and not kind.endswith("start")
        if moved and event["target_provision_state"] is None and uuid in self.at_work_since:
            self.at_work[name] += time.monotonic() - self.at_work_since.pop(uuid)


@dataclass(kw_only=True)
class Proxy:
    """One Ironic, one operator."""

    ironic: str
    operator: str = ""
    """Where notifications are passed on to; nowhere when empty."""
    notes: Notes = field(default_factory=Notes)

    @asynccontextmanager
    async def serving(self, port: int) -> AsyncIterator[None]:
        """Serve while the block runs."""
        app = web.Application(client_max_size=1 << 26)
        app.router.add_post(NOTIFY, self._notified)
        app.router.add_route("*", "/{path:.*}", self._passed_on)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as self._session:
            await runner.setup()
            try:
                await web.TCPSite(runner, LOOPBACK, port).start()
                yield
            finally:
                await runner.cleanup()

    async def _notified(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.notes.heard(await request.json())
        if self.operator:
            try:
                async with self._session.post(self.operator, data=body):
                    pass
            except aiohttp.ClientError:
                pass  # it is not there yet, or no longer
        return web.Response(status=204)

    async def _passed_on(self, request: web.Request) -> web.Response:
        self.notes.sent(request.method, request.path)
        headers = {name: request.headers[name] for name in PASSED_ON if name in request.headers}
        async with self._session.request(
            request.method,
            self.ironic + request.raw_path,
            data=await request.read(),
            headers=headers,
        ) as answer:
            back = {k: v for k, v in answer.headers.items() if k.lower().startswith(GIVEN_BACK)}
            kind = answer.content_type
            return web.Response(
                status=answer.status, body=await answer.read(), headers=back, content_type=kind
            )
