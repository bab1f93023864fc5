"""Installing CRDs, against an API server that takes its time."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from metal3.runtime.envtest import InstallError
from metal3.runtime.envtest._admin import AdminClient
from metal3.runtime.envtest._crds import COLLECTION, install_crds

LONG = timedelta(seconds=30)
NAME = "widgets.example.com"
CRD: dict[str, Any] = {
    "metadata": {"name": NAME},
    "spec": {
        "group": "example.com",
        "names": {"plural": "widgets"},
        "versions": [{"name": "v1", "served": True}, {"name": "v0", "served": False}],
    },
}


class SlowAPI:
    """Knows one CRD; establishes it at the second look and serves it at the second try."""

    def __init__(self) -> None:
        self.stored: dict[str, Any] = {}
        self.looks = 0
        self.tries = 0
        self.refuses = False

    def app(self) -> web.Application:
        """Give the routes."""
        app = web.Application()
        app.router.add_post(COLLECTION, self.create)
        app.router.add_put(f"{COLLECTION}/{NAME}", self.replace)
        app.router.add_get(f"{COLLECTION}/{NAME}", self.read)
        app.router.add_get("/apis/example.com/v1/widgets", self.serve)
        return app

    async def create(self, request: web.Request) -> web.Response:
        """Create once; refuse when told to."""
        if self.refuses:
            return web.json_response({"message": "spec.group: Required value"}, status=422)
        if self.stored:
            return web.json_response({"message": "already exists"}, status=409)
        self.stored = await request.json()
        self.stored["metadata"]["resourceVersion"] = "7"
        return web.json_response(self.stored, status=201)

    async def replace(self, request: web.Request) -> web.Response:
        """Replace only what the sender has seen."""
        body = await request.json()
        if body["metadata"].get("resourceVersion") != "7":
            return web.json_response({"message": "conflict"}, status=409)
        self.stored = body
        return web.json_response(body)

    async def read(self, request: web.Request) -> web.Response:
        """Say Established from the second look on."""
        self.looks += 1
        status = {"type": "Established", "status": "True" if self.looks > 1 else "False"}
        return web.json_response({**self.stored, "status": {"conditions": [status]}})

    async def serve(self, request: web.Request) -> web.Response:
        """Answer from the second try on."""
        self.tries += 1
        return web.json_response({}, status=200 if self.tries > 1 else 404)


@pytest.fixture
def api() -> SlowAPI:
    """Give the API's state."""
    return SlowAPI()


@pytest.fixture
async def admin(api) -> AsyncIterator[AdminClient]:
    """Serve the API on loopback and give its administrator."""
    runner = web.AppRunner(api.app())
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    async with aiohttp.ClientSession() as session:
        yield AdminClient(url=f"http://{host}:{port}", session=session)
    await runner.cleanup()


async def test_a_crd_is_installed_when_a_client_can_use_it(api, admin):
    """Neither the object nor its Established condition is enough: the path has to answer."""
    await install_crds(admin, [CRD], within=LONG)
    assert api.stored["spec"] == CRD["spec"]
    assert await admin.is_ok("/apis/example.com/v1/widgets")


async def test_installing_again_replaces(api, admin):
    """A later version of a CRD takes the place of the earlier one."""
    await install_crds(admin, [CRD], within=LONG)
    newer = {**CRD, "spec": {**CRD["spec"], "scope": "Cluster"}}
    await install_crds(admin, [newer], within=LONG)
    assert api.stored["spec"]["scope"] == "Cluster"


async def test_a_refused_crd_is_named_with_the_servers_reason(api, admin):
    """The message of the API server reaches the person."""
    api.refuses = True
    with pytest.raises(InstallError, match=r"widgets\.example\.com: 422 spec\.group: Required"):
        await install_crds(admin, [CRD], within=LONG)


async def test_a_crd_that_is_never_served_is_named(api, admin):
    """The wait has an end."""
    with pytest.raises(InstallError, match=r"widgets\.example\.com: not served within"):
        await install_crds(admin, [CRD], within=timedelta(0))


async def test_a_server_that_is_away_is_not_ok(unused_tcp_port):
    """Readiness is asked of servers that do not listen yet."""
    async with aiohttp.ClientSession() as session:
        away = AdminClient(url=f"http://127.0.0.1:{unused_tcp_port}", session=session)
        assert not await away.is_ok("/readyz")
