"""A server on loopback, and a client for it that speaks plain JSON."""

import io
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from metal3.apiserver import Config, Server

GROUP = "example.com"


SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "properties": {
                "size": {"type": "integer", "minimum": 1, "maximum": 100},
                "color": {"type": "string", "enum": ["red", "green"], "default": "red"},
                "note": {"type": "string", "maxLength": 10},
                "parts": {
                    "type": "array",
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["name"],
                    "items": {
                        "type": "object",
                        "required": ["name"],
                        "properties": {"name": {"type": "string"}, "count": {"type": "integer"}},
                    },
                },
                "tags": {
                    "type": "array",
                    "x-kubernetes-list-type": "set",
                    "items": {"type": "string"},
                },
                "plain": {"type": "array", "items": {"type": "string"}},
                "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                "maybe": {"type": "string", "nullable": True},
            },
        },
        "status": {
            "type": "object",
            "properties": {
                "phase": {"type": "string"},
                "conditions": {
                    "type": "array",
                    "items": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                },
            },
        },
    },
}


def crd(**version: Any) -> dict[str, Any]:
    """Define widgets; keyword arguments override parts of its one version."""
    one = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": SCHEMA},
        "subresources": {"status": {}},
        "selectableFields": [{"jsonPath": ".spec.color"}],
        "additionalPrinterColumns": [
            {"name": "Size", "type": "integer", "jsonPath": ".spec.size"},
            {
                "name": "Ready",
                "type": "string",
                "jsonPath": '.status.conditions[?(@.type=="Ready")].status',
            },
        ],
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"widgets.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {"plural": "widgets", "kind": "Widget", "shortNames": ["wd"]},
            "versions": [{**one, **version}],
        },
    }


def widget(name: str, spec: dict[str, Any] | None = None, **metadata: Any) -> dict[str, Any]:
    """Make a widget."""
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "Widget",
        "metadata": {"name": name, **metadata},
        "spec": {"size": 1} if spec is None else spec,
    }


WIDGETS = f"/apis/{GROUP}/v1/namespaces/default/widgets"
SECRETS = "/api/v1/namespaces/default/secrets"
CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"


@dataclass
class Reply:
    """An answer: its code, its JSON and its headers."""

    code: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)


class Client:
    """A client that holds the token, and hides nothing."""

    def __init__(self, server: Server, session: aiohttp.ClientSession) -> None:
        self.server = server
        self.session = session

    async def call(self, method: str, path: str, body: Any = None, **more: Any) -> Reply:
        """Send a request."""
        headers = {"Authorization": f"Bearer {self.server.token}", **more.pop("headers", {})}
        kind = more.pop("kind", "application/json")
        data: Any = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        if data is not None:
            data = io.BytesIO(data)
            headers["Content-Type"] = kind
        async with self.session.request(
            method, self.server.url + path, data=data, headers=headers, params=more
        ) as response:
            text = await response.read()
            is_json = response.content_type == "application/json"
            parsed = json.loads(text) if is_json else text
            return Reply(response.status, parsed, dict(response.headers))

    async def ok(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """Send a request that must succeed and return its JSON."""
        reply = await self.call(method, path, body, **more)
        assert reply.code < 300, reply.body
        return reply.body

    async def get(self, path: str, **more: Any) -> Any:
        """Get what must be there."""
        return await self.ok("GET", path, **more)

    async def watch(self, path: str, **more: Any) -> AsyncIterator[dict[str, Any]]:
        """Yield the events of a watch."""
        headers = {"Authorization": f"Bearer {self.server.token}", **more.pop("headers", {})}
        async with self.session.get(
            self.server.url + path, headers=headers, params={"watch": "true", **more}
        ) as response:
            if response.status != 200:
                yield {"type": "REFUSED", "object": await response.json()}
                return
            async for line in response.content:
                yield json.loads(line)


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """One HTTP session for a test."""
    async with aiohttp.ClientSession(read_bufsize=1 << 22) as session:
        yield session


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    """A server without TLS, which is tested for itself."""
    async with Server(Config(data_dir=tmp_path / "data", tls=False)) as server:
        yield server


@pytest.fixture
def client(server: Server, session: aiohttp.ClientSession) -> Client:
    """A client of the server."""
    return Client(server, session)


@pytest.fixture
async def widgets(client: Client) -> Client:
    """A client of a server that serves widgets."""
    await client.ok("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd())
    return client


@pytest.fixture
def connect(session: aiohttp.ClientSession) -> Callable[[Server], Client]:
    """Make clients for servers a test starts itself."""
    return lambda server: Client(server, session)
