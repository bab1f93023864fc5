"""The HTTP application: authentication, limits, routing, and errors as Status objects."""

import asyncio
import gzip
import hmac
import logging
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, contextmanager
from typing import Final

from aiohttp import web

from metal3.apiserver import errors
from metal3.apiserver.discovery import AGGREGATED, Discovery, OpenAPI
from metal3.apiserver.errors import StatusError
from metal3.apiserver.jsonvalue import EncodeError, Obj, dumps

from ._api import API, Answer, Asked
from ._request import parse_path
from ._watching import Watch

log = logging.getLogger(__name__)

MAX_BODY: Final = 3 << 20
REQUEST_SECONDS: Final = 60.0
WRITE_SECONDS: Final = 30.0
_MOST_REQUESTS: Final = 600
_MOST_WATCHES: Final = 10_000
_COMPRESS_FROM: Final = 128 << 10
_OPEN_PATHS: Final = frozenset({"/healthz", "/livez", "/readyz", "/version"})
VERSION: Final[Obj] = {
    "major": "1",
    "minor": "36",
    "gitVersion": "v1.36.0-metal3",
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "none",
    "compiler": "cpython",
    "platform": "linux/amd64",
}


class App:
    """Handles every request of the server."""

    def __init__(self, api: API, *, token: str, ready: Callable[[], bool]) -> None:
        self._api = api
        self._token = token.encode()
        self._ready = ready
        self._discovery = Discovery(api.registry)
        self._openapi = OpenAPI(api.registry)
        self._compressor = ThreadPoolExecutor(1, thread_name_prefix="apiserver-gzip")
        self._requests = 0
        self._watches = 0

    def close(self) -> None:
        """Stop the worker thread."""
        self._compressor.shutdown(wait=False, cancel_futures=True)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a request, whatever happens."""
        try:
            return await self._handle(request)
        except StatusError as e:
            return _failure(e)
        except TimeoutError:
            return _failure(errors.timed_out("the request was not done in time"))
        except (RecursionError, EncodeError):
            text = "the object is nested too deeply, or a number is too large"
            return _failure(errors.bad_request(text))
        except ConnectionError:
            raise
        except Exception:
            log.exception("request failed: %s %s", request.method, request.path)
            return _failure(errors.internal("see the log of the server"))

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.path
        if path in _OPEN_PATHS or path.startswith(("/livez/", "/readyz/", "/healthz/")):
            return self._health(path)
        self._authenticate(request)
        with self._counted():
            async with asyncio.timeout(REQUEST_SECONDS):
                answer = await self._answer(request)
            if answer.watch is None:
                return await self._respond(request, answer)
        return await self._stream(request, answer.watch)

    def _authenticate(self, request: web.BaseRequest) -> None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(
            token.strip().encode(), self._token
        ):
            raise errors.unauthorized()

    @contextmanager
    def _counted(self) -> Generator[None]:
        if self._requests >= _MOST_REQUESTS:
            raise errors.too_many_requests()
        self._requests += 1
        try:
            yield
        finally:
            self._requests -= 1

    def _health(self, path: str) -> web.Response:
        if path == "/version":
            return _json(dumps(VERSION))
        if path.startswith("/readyz") and not self._ready():
            return web.Response(status=500, text="not ready")
        return web.Response(text="ok")

    async def _answer(self, request: web.BaseRequest) -> Answer:
        path = parse_path(request.path)
        if path is None:
            return self._document(request)
        asked = Asked(
            method=request.method,
            path=path,
            query=request.query,
            headers=request.headers,
            body=await _read_body(request),
        )
        return await self._api.answer(asked)

    def _document(self, request: web.BaseRequest) -> Answer:
        if request.method not in {"GET", "HEAD"}:
            raise errors.no_such_path()
        accept = request.headers.get("Accept", "")
        found = self._find_document(request.path.strip("/"), accept)
        if found is None:
            raise errors.no_such_path()
        return Answer(body=found if isinstance(found, bytes) else dumps(found))

    def _find_document(self, path: str, accept: str) -> Obj | bytes | None:
        if path in {"api", "apis"}:
            if "as=APIGroupDiscoveryList" in accept and "v=v2" in accept.replace("v=v2beta1", ""):
                return self._discovery.aggregated(core=path == "api")
            return self._discovery.core_versions() if path == "api" else self._discovery.groups()
        if path.startswith("openapi/"):
            return self._find_openapi(path.removeprefix("openapi/"), accept)
        match path.split("/"):
            case ["api", version]:
                return self._discovery.resources("", version)
            case ["apis", group, *versions]:
                return self._find_group(group, versions)
            case _:
                return None

    def _find_group(self, group: str, versions: Sequence[str]) -> Obj | None:
        if not versions:
            return self._discovery.group(group)
        return self._discovery.resources(group, versions[0]) if len(versions) == 1 else None

    def _find_openapi(self, path: str, accept: str) -> Obj | bytes | None:
        if path == "v3":
            return self._openapi.index()
        if path == "v2":
            return self._legacy_openapi(accept)
        return self._openapi.document(path.removeprefix("v3/"))

    def _legacy_openapi(self, accept: str) -> Obj:
        if accept and "json" not in accept and "*/*" not in accept:
            raise errors.not_acceptable()
        return self._openapi.legacy()

    async def _respond(self, request: web.BaseRequest, answer: Answer) -> web.Response:
        headers = [("Warning", _warning(text)) for text in answer.warnings]
        body = answer.body
        if len(body) > _COMPRESS_FROM and "gzip" in request.headers.get("Accept-Encoding", ""):
            loop = asyncio.get_running_loop()
            body = await loop.run_in_executor(self._compressor, gzip.compress, body, 1)
            headers.append(("Content-Encoding", "gzip"))
            headers.append(("Vary", "Accept-Encoding"))
        response = _json(body, code=answer.code)
        response.headers.extend(headers)
        if request.path in {"/api", "/apis"} and b'"APIGroupDiscoveryList"' in answer.body[:60]:
            response.headers["Content-Type"] = AGGREGATED
        return response

    async def _stream(self, request: web.BaseRequest, watch: Watch) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        response.enable_chunked_encoding()
        try:
            if self._watches >= _MOST_WATCHES:
                raise errors.too_many_requests()
            self._watches += 1
            try:
                await response.prepare(request)
                await self._write_lines(request, response, watch)
            finally:
                self._watches -= 1
        finally:
            watch.close()
        return response

    async def _write_lines(
        self, request: web.BaseRequest, response: web.StreamResponse, watch: Watch
    ) -> None:
        try:
            async with aclosing(watch.lines()) as lines:
                async for line in lines:
                    if request.transport is None or request.transport.is_closing():
                        return
                    if line:
                        async with asyncio.timeout(WRITE_SECONDS):
                            await response.write(line)
        except StatusError as e:
            await response.write(b'{"type":"ERROR","object":' + dumps(e.to_status()) + b"}\n")
        except (TimeoutError, ConnectionError):
            # The client does not read, or is gone: nothing more can be said to it.
            if request.transport is not None:
                request.transport.abort()


async def _read_body(request: web.BaseRequest) -> bytes:
    if not request.can_read_body:
        return b""
    if (request.content_length or 0) > MAX_BODY:
        raise errors.too_large(f"the request body is larger than {MAX_BODY} bytes")
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.content.iter_any():
        size += len(chunk)
        if size > MAX_BODY:
            raise errors.too_large(f"the request body is larger than {MAX_BODY} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


def _json(body: bytes, *, code: int = 200) -> web.Response:
    return web.Response(
        body=body,
        status=code,
        headers={"Content-Type": "application/json", "Cache-Control": "no-cache, private"},
    )


def _failure(error: StatusError) -> web.Response:
    response = _json(dumps(error.to_status()), code=error.code)
    response.headers.update(error.headers)
    return response


def _warning(text: str) -> str:
    clean = "".join(c if c.isprintable() else " " for c in text)
    quoted = clean.replace("\\", "\\\\").replace('"', '\\"')
    return f'299 - "{quoted}"'
