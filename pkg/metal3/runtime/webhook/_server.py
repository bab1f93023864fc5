"""The HTTPS server the API server calls for admission and conversion.

Bounded in every direction: size of a body, time of an answer, requests at once. A handler that
breaks costs one answer (500), never the server.
"""

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final

import orjson
from aiohttp import web

from metal3.runtime.log import get_logger
from metal3.runtime.metrics import observe_webhook, webhook_in_flight

from ._admission import MalformedReviewError, mutate, validate
from ._conversion import Converters, convert
from ._interface import AdmissionWebhook

CONVERT_PATH: Final = "/convert"
MIB: Final = 1 << 20

Json = dict[str, Any]
Handler = Callable[[Mapping[str, Any]], Awaitable[Json]]
Observer = Callable[[str, int, float], None]
"""Told of each answer: path, HTTP code, seconds."""

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookOptions:
    """Where to listen and how much to take; port 0 picks a free one."""

    host: str = "0.0.0.0"  # noqa: S104 - the API server calls from outside the pod
    port: int = 9443
    max_body: int = 16 * MIB  # a review holds two objects; a conversion a page of them
    timeout: timedelta = timedelta(seconds=10)
    max_in_flight: int = 100
    shutdown_timeout: timedelta = timedelta(seconds=5)


class WebhookServer:
    """Serves what was registered before :meth:`run`; a Runnable that needs no leadership."""

    needs_leader_election: Final = False

    def __init__(
        self,
        options: WebhookOptions | None = None,
        *,
        ssl_context: ssl.SSLContext | None = None,
        observer: Observer | None = None,
    ) -> None:
        self.options = options or WebhookOptions()
        self.converters = Converters()
        self.started = asyncio.Event()
        self.port = 0
        self._ssl = ssl_context
        self._observe = observer or observe_webhook
        self._handlers: dict[str, Handler] = {CONVERT_PATH: self._convert}
        self._in_flight = asyncio.Semaphore(self.options.max_in_flight)

    @property
    def paths(self) -> frozenset[str]:
        """All paths that are served."""
        return frozenset(self._handlers)

    def register(self, webhook: AdmissionWebhook[Any]) -> None:
        """Serve a kind's admission paths; ValueError when one is taken."""
        if webhook.validator is not None:
            self._add(webhook.validate_path, lambda review: validate(webhook, review))
        if webhook.defaulter is not None:
            self._add(webhook.mutate_path, lambda review: mutate(webhook, review))

    async def run(self) -> None:
        """Serve until cancelled; running requests may finish within the shutdown timeout."""
        app = web.Application(client_max_size=self.options.max_body)
        app.router.add_post("/{path:.*}", self._serve)
        runner = web.AppRunner(
            app,
            access_log=None,
            shutdown_timeout=self.options.shutdown_timeout.total_seconds(),
        )
        await runner.setup()
        try:
            site = web.TCPSite(runner, self.options.host, self.options.port, ssl_context=self._ssl)
            await site.start()
            self.port = runner.addresses[0][1]
            self.started.set()
            log.info("webhooks are served", port=self.port, paths=sorted(self.paths))
            await asyncio.Event().wait()
        finally:
            self.started.clear()
            await runner.cleanup()

    async def check(self) -> None:
        """Readiness: raises RuntimeError until the server listens."""
        if not self.started.is_set():
            raise RuntimeError("the webhook server does not listen yet")

    def _add(self, path: str, handler: Handler) -> None:
        if path in self._handlers:
            raise ValueError(f"two webhooks for {path}")
        self._handlers[path] = handler

    async def _convert(self, review: Mapping[str, Any]) -> Json:
        return convert(self.converters, review)

    async def _serve(self, request: web.Request) -> web.Response:
        start = time.monotonic()
        # Paths nobody serves share one series, or a scanner could make as many as it likes.
        path = request.path if request.path in self._handlers else "unknown"
        with webhook_in_flight(path):
            code, body = await self._answer(request)
        self._observe(path, code, time.monotonic() - start)
        return web.Response(status=code, body=body, content_type="application/json")

    async def _answer(self, request: web.Request) -> tuple[int, bytes]:
        handler = self._handlers.get(request.path)
        if handler is None:
            return _problem(HTTPStatus.NOT_FOUND, f"no webhook at {request.path}")
        if request.content_type != "application/json":
            return _problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "send application/json")
        if self._in_flight.locked():
            return _problem(HTTPStatus.TOO_MANY_REQUESTS, "too many reviews at once, try again")
        async with self._in_flight:
            return await self._bounded(handler, request)

    async def _bounded(self, handler: Handler, request: web.Request) -> tuple[int, bytes]:
        try:
            async with asyncio.timeout(self.options.timeout.total_seconds()):
                review = orjson.loads(await request.read())
                if not isinstance(review, dict):
                    raise MalformedReviewError("the body is no JSON object")  # noqa: TRY301 - one place that answers
                return HTTPStatus.OK, orjson.dumps(await handler(review))
        except web.HTTPRequestEntityTooLarge:
            limit = f"the review is larger than {self.options.max_body} bytes"
            return _problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, limit)
        except (MalformedReviewError, orjson.JSONDecodeError) as error:
            return _problem(HTTPStatus.BAD_REQUEST, str(error))
        except TimeoutError:
            return _problem(HTTPStatus.GATEWAY_TIMEOUT, "the webhook took too long")
        except Exception:
            log.exception("a webhook broke", path=request.path)
            return _problem(HTTPStatus.INTERNAL_SERVER_ERROR, "the webhook broke; its log says why")


def _problem(code: HTTPStatus, message: str) -> tuple[int, bytes]:
    return int(code), orjson.dumps({"message": message, "code": int(code)})
