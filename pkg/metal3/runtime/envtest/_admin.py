"""The few requests that an environment itself sends, as the administrator.

Plain HTTP rather than the runtime's client: what is being tested must not be what sets up the test.
"""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, cast

import aiohttp

from ._errors import InstallError

TIMEOUT: Final = timedelta(seconds=10)


@dataclass(frozen=True, kw_only=True)
class AdminClient:
    """Speaks JSON to one API server."""

    url: str
    session: aiohttp.ClientSession

    async def is_ok(self, path: str) -> bool:
        """Say whether a GET answers 200; a server that cannot be reached is not ok."""
        try:
            async with self.session.get(self.url + path) as response:
                return response.status == HTTPStatus.OK
        except (aiohttp.ClientError, TimeoutError):
            return False

    async def get(self, path: str) -> Mapping[str, Any] | None:
        """Give the object at path, or None unless the answer is 200."""
        async with self.session.get(self.url + path) as response:
            if response.status != HTTPStatus.OK:
                return None
            return cast("Mapping[str, Any]", await response.json())

    async def put_in_place(self, collection: str, manifest: Mapping[str, Any]) -> None:
        """Create the object, or replace the one of its name. Raises InstallError when refused."""
        status, message = await self._send("POST", collection, manifest)
        if status == HTTPStatus.CONFLICT:
            path = f"{collection}/{manifest['metadata']['name']}"
            status, message = await self._replace(path, manifest)
        if status not in {HTTPStatus.OK, HTTPStatus.CREATED}:
            raise InstallError(f"{manifest['metadata']['name']}: {status} {message}")

    async def _replace(self, path: str, manifest: Mapping[str, Any]) -> tuple[int, str]:
        now = await self.get(path) or {"metadata": {}}
        version = {"resourceVersion": now["metadata"].get("resourceVersion")}
        merged = {**manifest, "metadata": {**manifest["metadata"], **version}}
        return await self._send("PUT", path, merged)

    async def _send(self, method: str, path: str, body: Mapping[str, Any]) -> tuple[int, str]:
        async with self.session.request(method, self.url + path, json=body) as response:
            answer = cast("Mapping[str, Any] | None", await response.json(content_type=None))
            return response.status, str((answer or {}).get("message", ""))


@asynccontextmanager
async def admin_client(
    url: str, ca: Path, *, certificate: tuple[Path, Path] | None = None, token: str | None = None
) -> AsyncGenerator[AdminClient, None]:
    """Open a client that trusts ca and shows a client certificate, a token or nothing."""
    context = await asyncio.to_thread(_trusting, ca, certificate)
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=context, force_close=True),
        headers={"Authorization": f"Bearer {token}"} if token else {},
        timeout=aiohttp.ClientTimeout(total=TIMEOUT.total_seconds()),
    ) as session:
        yield AdminClient(url=url, session=session)


def _trusting(ca: Path, certificate: tuple[Path, Path] | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(ca))
    if certificate:
        context.load_cert_chain(*map(str, certificate))
    return context
