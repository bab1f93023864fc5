"""Carrying requests to Ironic: pooled connections, time limits, certificates read again on change."""

import asyncio
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple, Protocol

import aiohttp

from ._config import Config, Login, TLSFiles
from ._errors import TimedOutError, UnreachableError

MAX_BODY: Final = 128 * 2**20
"""Largest answer that is read, in bytes: a page of 1000 nodes has about one MiB."""


class Reply(NamedTuple):
    """Status and body of an answer."""

    status: int
    body: bytes


class Transport(Protocol):
    """One request at a time, without any knowledge of what it means."""

    async def prepare(self) -> None:
        """Called before a version is agreed on; raises NotReadyError when Ironic is not there."""
        ...

    async def send(
        self, method: str, path: str, *, headers: Mapping[str, str], body: bytes | None
    ) -> Reply:
        """Send; ``path`` may have a query. Raises UnreachableError when there is no answer."""
        ...

    async def aclose(self) -> None:
        """Let go of all connections."""
        ...


class HTTPTransport:
    """The transport of a real Ironic; safe for many tasks of one event loop."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._slots = asyncio.Semaphore(config.concurrency)
        self._session: aiohttp.ClientSession | None = None
        self._tls = _TLS(config.tls) if config.endpoint.startswith("https:") else None

    async def prepare(self) -> None:
        """The address is known from the start."""

    async def send(
        self, method: str, path: str, *, headers: Mapping[str, str], body: bytes | None
    ) -> Reply:
        """Send once a slot is free; the time limit does not count the wait for the slot."""
        async with self._slots:
            context = await self._tls.context() if self._tls else True
            try:
                async with self._open().request(
                    method, self._config.endpoint + path, headers=headers, data=body, ssl=context
                ) as response:
                    return Reply(response.status, await _read(response))
            except TimeoutError as error:
                limit = self._config.timeout.total_seconds()
                raise TimedOutError(f"Ironic gave no answer within {limit:g} s") from error
            except aiohttp.ClientError as error:
                raise UnreachableError(f"Ironic cannot be reached: {error}") from error

    async def aclose(self) -> None:
        """Close; a later request opens anew."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _open(self) -> aiohttp.ClientSession:
        """Made at the first request, since it belongs to the loop that runs then."""
        if self._session is None or self._session.closed:
            login = self._config.login
            self._session = aiohttp.ClientSession(
                headers={"Authorization": _basic(login)} if login else {},
                connector=aiohttp.TCPConnector(limit=self._config.concurrency),
                timeout=aiohttp.ClientTimeout(total=self._config.timeout.total_seconds()),
            )
        return self._session


def _basic(login: Login) -> str:
    return aiohttp.encode_basic_auth(login.username, login.password)


async def _read(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_chunked(1 << 16):
        body += chunk
        if len(body) > MAX_BODY:
            raise UnreachableError(f"Ironic's answer is larger than {MAX_BODY} bytes")
    return bytes(body)


class _TLS:
    """An SSL context that follows its files, so that a renewed certificate needs no restart."""

    def __init__(self, files: TLSFiles) -> None:
        self._files = files
        self._state: tuple[float, ...] = ()
        self._context: ssl.SSLContext | None = None

    async def context(self) -> ssl.SSLContext:
        """The context for the files as they are now."""
        state = await asyncio.to_thread(self._modified)
        if self._context is None or state != self._state:
            self._context = await asyncio.to_thread(_build_context, self._files)
            self._state = state
        return self._context

    def _modified(self) -> tuple[float, ...]:
        files = self._files
        return tuple(_mtime(p) for p in (files.ca, files.client_certificate, files.client_key))


def _mtime(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _build_context(files: TLSFiles) -> ssl.SSLContext:
    try:
        cafile = str(files.ca) if files.ca.exists() and not files.ca_data else None
        context = ssl.create_default_context(cafile=cafile, cadata=files.ca_data or None)
        if files.client_certificate.exists() and files.client_key.exists():
            context.load_cert_chain(files.client_certificate, files.client_key)
    except (OSError, ssl.SSLError) as error:
        raise UnreachableError(f"Ironic's certificates cannot be loaded: {error}") from error
    if files.insecure or files.skip_hostname_verification:
        context.check_hostname = False
    if files.insecure:
        context.verify_mode = ssl.CERT_NONE
    return context
