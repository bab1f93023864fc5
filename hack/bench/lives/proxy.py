"""Between the operator and Ironic: passes everything on, counts, and notes when Ironic was at work.

Ironic's notifications come here, too. Ironic is at work on a node while it answers a request about
it, and from the request for a provision state to the notification that the node rests again.
"""

import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

import aiohttp
from aiohttp import web

LOOPBACK: Final = "127.0.0.1"
NOTIFY: Final = "/notify"
LISTINGS: Final = "/v1/nodes"
LISTING, NODE, WRITE = "listing", "node", "write"
MOVED: Final = "baremetal.node.provision_set"
PROVISION: Final = "/states/provision"
PASSED_ON: Final = ("Accept", "Authorization", "Content-Type", "X-OpenStack-Ironic-API-Version")
GIVEN_BACK: Final = "x-openstack-"


@dataclass(kw_only=True)
class Notes:
    """What was seen; times are of the monotonic clock.

    A node is known by its uuid, and by its name until it has one.
    """

    requests: Counter[str] = field(default_factory=Counter[str])
    names: dict[str, str] = field(default_factory=dict[str, str])
    at_work: Counter[str] = field(default_factory=Counter[str])
    """Seconds by the node's name."""
    _steps: dict[str, str] = field(default_factory=dict[str, str], init=False)
    _busy: Counter[str] = field(default_factory=Counter[str], init=False)
    _since: dict[str, float] = field(default_factory=dict[str, float], init=False)

    @property
    def total(self) -> int:
        """All requests."""
        return self.requests["GET"] + self.requests[WRITE]

    @contextmanager
    def request(self, method: str, path: str, node: str) -> Generator[list[int]]:
        """A request of the operator; the block adds the status of the answer.

        ``node`` is empty when it is about no certain one.
        """
        self.requests[method if method == "GET" else WRITE] += 1
        self.requests[LISTING] += method == "GET" and path == LISTINGS
        self.requests[NODE] += method == "GET" and path == f"{LISTINGS}/{node}"
        name, answer = self.names.get(node, node), list[int]()
        is_step = path.endswith(PROVISION) and node not in self._steps
        if is_step:
            self._steps[node] = name
            self._begin(name)
        self._begin(name)
        try:
            yield answer
        finally:
            self._end(name)
            if is_step and not (answer and answer[0] < HTTPStatus.BAD_REQUEST):
                self._rests(node)

    def heard(self, event: Mapping[str, Any]) -> None:
        """A notification of Ironic."""
        uuid = str(event["uuid"])
        self.names[uuid] = str(event["name"])
        kind = str(event["event_type"])
        moved = kind.startswith(MOVED) and not kind.endswith("start")
        if moved and event["target_provision_state"] is None:
            self._rests(uuid)

    def _rests(self, uuid: str) -> None:
        name = self._steps.pop(uuid, None)
        if name is not None:
            self._end(name)

    def _begin(self, name: str) -> None:
        if not self._busy[name]:
            self._since[name] = time.monotonic()
        self._busy[name] += 1

    def _end(self, name: str) -> None:
        self._busy[name] -= 1
        if not self._busy[name]:
            self.at_work[name] += time.monotonic() - self._since.pop(name)


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
        node = _node_of(request.path, await request.read())
        with self.notes.request(request.method, request.path, node) as statuses:
            answer = await self._ask(request)
            statuses.append(answer.status)
            return answer

    async def _ask(self, request: web.Request) -> web.Response:
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


def _node_of(path: str, body: bytes) -> str:
    """Uuid or name of the node that a request is about."""
    match path.split("/"):
        case ["", _, "nodes", node, *_]:
            return node
        case _:
            pass
    if not body:
        return ""
    about = json.loads(body)
    return str(about.get("node_uuid") or about.get("name") or "") if isinstance(about, dict) else ""
