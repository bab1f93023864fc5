"""The HTTPS client for webhooks. Each call has a timeout, and answers have a size limit."""

import asyncio
import base64
import binascii
import io
import ssl
from collections import OrderedDict
from collections.abc import Mapping
from typing import Final

import aiohttp

from metal3.apiserver.jsonvalue import Obj, dumps, is_map, loads, map_at, text_at

MAX_ANSWER: Final = 8 << 20
_CONTEXTS: Final = 64
_CONNECTIONS: Final = 64


class WebhookError(Exception):
    """The webhook could not be asked, or did not answer as it should."""


class WebhookClient:
    """Posts reviews. Services are found in a mapping, since nothing here resolves them."""

    def __init__(self, services: Mapping[str, str]) -> None:
        """``services`` maps ``namespace/name`` to a base URL such as https://127.0.0.1:9443."""
        self._services = dict(services)
        self._contexts: OrderedDict[str, ssl.SSLContext] = OrderedDict()
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the connections."""
        if self._session:
            await self._session.close()

    async def post(self, config: Obj, review: Obj, timeout: float) -> Obj:  # noqa: ASYNC109 - sent with the call
        """Post a review within ``timeout`` seconds; raises WebhookError."""
        url, server_name = self._address(config)
        context = self._context(text_at(config, "caBundle"))
        try:
            async with asyncio.timeout(timeout):
                return await self._exchange(url, server_name, context, review)
        except TimeoutError as e:
            raise WebhookError(f"no answer within {timeout:g} seconds") from e
        except (aiohttp.ClientError, OSError, ValueError) as e:
            raise WebhookError(f"{type(e).__name__}: {e}") from e

    async def _exchange(
        self, url: str, server_name: str | None, context: ssl.SSLContext, review: Obj
    ) -> Obj:
        session = self._session = self._session or aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=_CONNECTIONS)
        )
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        async with session.post(
            url,
            data=io.BytesIO(dumps(review)),  # in pieces: a review may be large
            headers=headers,
            ssl=context,
            server_hostname=server_name,
            allow_redirects=False,
        ) as response:
            body = await response.content.read(MAX_ANSWER + 1)
            while len(body) <= MAX_ANSWER and not response.content.at_eof():
                body += await response.content.read(MAX_ANSWER + 1 - len(body))
            if response.status != 200:  # noqa: PLR2004 - OK
                raise WebhookError(f"the webhook answered with status {response.status}")
        if len(body) > MAX_ANSWER:
            raise WebhookError("the answer is too large")
        answer = loads(body)
        header = ("apiVersion", "kind")
        if not is_map(answer) or any(answer.get(name) != review[name] for name in header):
            wanted = f"{review['apiVersion']}, Kind={review['kind']}"
            raise WebhookError(f"expected webhook response of {wanted}")
        return answer

    def _address(self, config: Obj) -> tuple[str, str | None]:
        url = text_at(config, "url")
        if url:
            return url, None
        service = map_at(config, "service")
        namespace, name = text_at(service, "namespace"), text_at(service, "name")
        base = self._services.get(f"{namespace}/{name}")
        if base is None:
            raise WebhookError(f'service "{namespace}/{name}" is not known to this server')
        path = text_at(service, "path")
        return base.rstrip("/") + (path or "/"), f"{name}.{namespace}.svc"

    def _context(self, bundle: str) -> ssl.SSLContext:
        context = self._contexts.pop(bundle, None)
        if context is None:
            try:
                pem = base64.b64decode(bundle).decode() if bundle else None
                context = ssl.create_default_context(cadata=pem)
            except (binascii.Error, ValueError, ssl.SSLError) as e:
                raise WebhookError("the caBundle cannot be read") from e
        self._contexts[bundle] = context
        while len(self._contexts) > _CONTEXTS:
            self._contexts.popitem(last=False)
        return context
