"""HTTP to one API server: pooled, authenticated, bounded, counted, patient where that is safe."""

import asyncio
import io
import json
import socket
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Mapping
from contextlib import (
    AbstractAsyncContextManager,
    asynccontextmanager,
    contextmanager,
    nullcontext,
)
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final, Self, cast
from urllib.parse import urlsplit

import aiohttp

from metal3.runtime.metrics import observe_rest_request

from ._auth import Credential
from ._config import Config
from ._errors import ApiError, ConnectionFailedError, DecodeError, StatusError, status_error
from ._limiter import Limiter
from ._lines import Lines
from ._retry import RetryPolicy, is_read, may_repeat, retry_after

MAX_BODY: Final = 512 * 1024 * 1024
"""Bytes of one answer; a page of 500 objects of the largest size etcd takes."""

MAX_LINE: Final = 16 * 1024 * 1024
"""Bytes of one event of a stream."""

_MANY: Final = 2**31
_LEASES: Final = "/apis/coordination.k8s.io/"
_CONNECT: Final = timedelta(seconds=10)
_IDLE_SLACK: Final = timedelta(seconds=30)
_MAX_MESSAGE: Final = 200
_ONE_PIECE: Final = 512 * 1024

Query = Mapping[str, str]
Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to send; ``path`` starts with a slash and is relative to the host."""

    method: str
    path: str
    query: Query = field(default_factory=dict[str, str])
    body: bytes | None = field(default=None, repr=False)
    content_type: str = "application/json"
    accept: str = "application/json"


@dataclass(slots=True)
class _Wire:
    """The parts that exist only while a loop runs."""

    session: aiohttp.ClientSession
    contexts: dict[tuple[bytes, bytes] | None, ssl.SSLContext]


class Transport:
    """Sends requests; closed by :meth:`aclose` or by leaving ``async with``.

    Made anywhere, used in one event loop: connections open with the first request.
    """

    def __init__(self, config: Config, *, retry: RetryPolicy | None = None) -> None:
        self.config = config
        self._retry = retry or RetryPolicy()
        self._limiter = Limiter(config.qps, config.burst) if config.qps else None
        self._writes = asyncio.Semaphore(config.writes_at_once or _MANY)
        self._host = urlsplit(config.host).netloc
        self._wire: _Wire | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close all connections; streams end with ConnectionFailedError."""
        wire, self._wire = self._wire, None
        if wire is not None:
            await wire.session.close()

    async def send(self, request: Request) -> bytes:
        """The body of the answer; raises the errors of this package.

        Repeats what is safe to repeat, within the retry policy; a refused credential is renewed
        once.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._retry.budget.total_seconds()
        attempt = 0
        while True:
            attempt += 1
            try:
                return await self._exchange(request)
            except ApiError as e:
                if attempt >= self._retry.attempts or not _is_repeatable(request.method, e):
                    raise
                hint = e.retry_after if isinstance(e, StatusError) else None
                delay = self._retry.delay(attempt, hint).total_seconds()
                if loop.time() + delay > deadline:
                    raise
            await asyncio.sleep(delay)

    async def _exchange(self, request: Request) -> bytes:
        timeout = self.config.timeout.total_seconds()
        try:
            async with self._place_for(request), asyncio.timeout(timeout):
                return await self._answer(request)
        except TimeoutError as e:
            raise ConnectionFailedError(f"{self.config.host}: no answer in {timeout:g} s") from e

    def _place_for(self, request: Request) -> AbstractAsyncContextManager[None]:
        """Webhooks of ours read, and must, while the write that called them keeps its place."""
        is_free = is_read(request.method) or request.path.startswith(_LEASES)
        return nullcontext() if is_free else self._writes

    async def _answer(self, request: Request) -> bytes:
        response = await self._accepted(request, None)
        with self._mapped_errors():
            async with response:
                return await _bounded_body(response)

    @asynccontextmanager
    async def stream(
        self, request: Request, *, lasts: timedelta
    ) -> AsyncGenerator[AsyncIterator[bytes], None]:
        """The lines of an answer that goes on for up to ``lasts``; never repeated."""
        timeout = self.config.timeout.total_seconds()
        try:
            async with asyncio.timeout(timeout):
                response = await self._accepted(request, lasts)
        except TimeoutError as e:
            raise ConnectionFailedError(f"{self.config.host}: no answer in {timeout:g} s") from e
        try:
            yield self._lines(response)
        finally:
            response.close()

    async def _lines(self, response: aiohttp.ClientResponse) -> AsyncGenerator[bytes, None]:
        lines = Lines(MAX_LINE)
        chunks = response.content.iter_any()
        while True:
            with self._mapped_errors():
                chunk = await anext(chunks, None)
            if chunk is None:
                break
            for line in lines.feed(chunk):
                yield line
        if rest := lines.rest():
            yield rest

    @contextmanager
    def _mapped_errors(self) -> Generator[None, None, None]:
        try:
            yield
        except (aiohttp.ClientError, OSError) as e:
            # A TimeoutError is an OSError; that of asyncio.timeout belongs to whoever set it.
            if isinstance(e, TimeoutError) and not isinstance(e, aiohttp.ServerTimeoutError):
                raise
            message = f"{self.config.host}: {type(e).__name__}: {e}"
            raise ConnectionFailedError(message) from e

    async def _accepted(
        self, request: Request, streams: timedelta | None
    ) -> aiohttp.ClientResponse:
        """A successful answer, its body unread; a refusal is raised."""
        response = await self._once(request, streams, refresh=False)
        if response.status == HTTPStatus.UNAUTHORIZED:
            response.release()
            # Certificates on disk may have been renewed as well.
            self._wire_now().contexts.clear()
            response = await self._once(request, streams, refresh=True)
        if HTTPStatus.OK <= response.status < HTTPStatus.MULTIPLE_CHOICES:
            return response
        with self._mapped_errors():
            async with response:
                raise await _refusal(response)

    async def _once(
        self, request: Request, streams: timedelta | None, *, refresh: bool
    ) -> aiohttp.ClientResponse:
        if self._limiter is not None:
            await self._limiter.wait()
        credential = await self.config.auth.credential(refresh=refresh)
        wire = self._wire_now()
        started = asyncio.get_running_loop().time()
        code = "<error>"
        try:
            with self._mapped_errors():
                response = await wire.session.request(
                    request.method,
                    self.config.host + request.path,
                    params=request.query,
                    data=_sendable(request.body),
                    headers=self._headers(request, credential),
                    ssl=await self._context(wire, credential),
                    server_hostname=self.config.tls.server_name,
                    proxy=self.config.proxy,
                    allow_redirects=False,
                    timeout=_timeouts(self.config, streams),
                )
            code = str(response.status)
        finally:
            took = asyncio.get_running_loop().time() - started
            observe_rest_request(code=code, method=request.method, host=self._host, seconds=took)
        return response

    def _headers(self, request: Request, credential: Credential) -> dict[str, str]:
        headers = {"Accept": request.accept, "User-Agent": self.config.user_agent}
        if not self.config.compression:
            headers["Accept-Encoding"] = "identity"
        if request.body is not None:
            headers["Content-Type"] = request.content_type
        if credential.header:
            headers["Authorization"] = credential.header
        return headers

    async def _context(self, wire: _Wire, credential: Credential) -> ssl.SSLContext | bool:
        if not self.config.host.startswith("https:"):
            return True
        context = wire.contexts.get(credential.certificate)
        if context is None:
            context = await asyncio.to_thread(self.config.tls.context, credential.certificate)
            # One for the configured certificate, one for a plugin's current one.
            if len(wire.contexts) > 1:
                wire.contexts.clear()
            wire.contexts[credential.certificate] = context
        return context

    def _wire_now(self) -> _Wire:
        if self._wire is None:
            connector = aiohttp.TCPConnector(
                limit=0, keepalive_timeout=60, socket_factory=_keep_alive_socket
            )
            # No cookies: an API server behind a load balancer must not pin us.
            session = aiohttp.ClientSession(
                connector=connector, cookie_jar=aiohttp.DummyCookieJar()
            )
            self._wire = _Wire(session, {})
        return self._wire


def _is_repeatable(method: str, error: ApiError) -> bool:
    if isinstance(error, StatusError):
        return may_repeat(method, error.code, retry_after=error.retry_after)
    if isinstance(error, ConnectionFailedError):
        # A connection that never was carried no request.
        never_sent = isinstance(error.__cause__, aiohttp.ClientConnectorError)
        return is_read(method) or never_sent
    return False


def _timeouts(config: Config, streams: timedelta | None) -> aiohttp.ClientTimeout:
    idle = config.timeout if streams is None else streams + _IDLE_SLACK
    return aiohttp.ClientTimeout(
        total=None, sock_connect=_CONNECT.total_seconds(), sock_read=idle.total_seconds()
    )


def _sendable(body: bytes | None) -> bytes | io.BytesIO | None:
    """Large bodies go out in pieces, so that the loop has its turn between them."""
    return io.BytesIO(body) if body and len(body) > _ONE_PIECE else body


async def _bounded_body(response: aiohttp.ClientResponse) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.content.iter_any():
        chunks.append(chunk)
        size += len(chunk)
        if size > MAX_BODY:
            raise DecodeError(f"the answer is larger than {MAX_BODY} bytes")
    return b"".join(chunks)


async def _refusal(response: aiohttp.ClientResponse) -> StatusError:
    text = await response.content.read(64 * 1024)
    wait = retry_after(response.headers)
    try:
        status: Any = json.loads(text)
    except ValueError:
        status = None
    if not isinstance(status, dict):
        excerpt = " ".join(text.decode(errors="replace").split())[:_MAX_MESSAGE]
        status = {"message": f"the server answered {response.status}: {excerpt}"}
    return status_error(response.status, cast("Json", status), retry_after=wait)


def _keep_alive_socket(info: Any) -> socket.socket:
    """A socket that notices within a minute that the other end is gone, even while it is quiet."""
    family, kind, proto, *_ = info
    made = socket.socket(family, kind, proto)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, option):
            made.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
    return made
