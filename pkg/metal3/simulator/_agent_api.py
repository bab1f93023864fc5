"""The agent's calls to Ironic: lookup, inspection data, heartbeat. None of them needs a login."""

import asyncio
import json
import ssl
from dataclasses import dataclass
from typing import Any

import aiohttp

API_VERSION = "1.95"
MAX_ANSWER = 4 << 20
UNREACHABLE = 0


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An HTTP status, 0 if Ironic could not be reached, and the JSON object that came with it."""

    status: int
    body: dict[str, Any]

    @property
    def ok(self) -> bool:
        """Whether Ironic accepted."""
        return 200 <= self.status < 300  # noqa: PLR2004  # HTTP's own numbers


class AgentAPI:
    """Ironic as an agent sees it. An Ironic that is away is an answer, not an exception."""

    def __init__(self, url: str, session: aiohttp.ClientSession, trust: ssl.SSLContext) -> None:
        self._url = url
        self._session = session
        self._trust = trust

    async def continue_inspection(self, data: dict[str, Any]) -> Answer:
        """Hand in the inventory; accepted only while Ironic waits for it."""
        return await self._call("POST", "/v1/continue_inspection", json=data)

    async def lookup(self, macs: tuple[str, ...]) -> Answer:
        """Ask which node this is; answered only in states in which an agent is expected."""
        return await self._call("GET", "/v1/lookup", params={"addresses": ",".join(macs)})

    async def heartbeat(self, node: str, body: dict[str, Any]) -> Answer:
        """Say that the agent is alive, and where."""
        return await self._call("POST", f"/v1/heartbeat/{node}", json=body)

    async def _call(self, method: str, path: str, **arguments: Any) -> Answer:
        headers = {"X-OpenStack-Ironic-API-Version": API_VERSION}
        request = self._session.request(
            method, self._url + path, headers=headers, ssl=self._trust, **arguments
        )
        try:
            async with request as reply:
                return Answer(status=reply.status, body=await _body(reply))
        except (aiohttp.ClientError, TimeoutError, asyncio.IncompleteReadError):
            return Answer(status=UNREACHABLE, body={})


async def _body(reply: aiohttp.ClientResponse) -> dict[str, Any]:
    try:
        content: object = json.loads(await reply.content.read(MAX_ANSWER))
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
