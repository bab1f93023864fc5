"""``/metrics``: plain or over TLS, to everybody or to those the API server lets."""

import ssl
from dataclasses import dataclass, field

from aiohttp import web

from metal3.runtime import metrics
from metal3.runtime.certwatcher import TLSOptions, self_signed_context
from metal3.runtime.client import Client

from ._access import AccessReviewer, Verdict
from ._http import HTTPServer, parse_address


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsOptions:
    """``addr`` is ``[HOST]:PORT``; empty or ``0``: no endpoint."""

    addr: str = ""

    secure: bool = False
    """Serve TLS, with ``ssl_context`` or else a self-signed certificate."""

    ssl_context: ssl.SSLContext | None = None
    """Of a CertWatcher that was added to the manager, so that it follows the files."""

    authorize: bool = False
    """Ask the API server who the token belongs to, and whether they may GET ``/metrics``."""

    tls: TLSOptions = field(default_factory=TLSOptions)
    """Versions and ciphers of the self-signed endpoint."""


def metrics_server(options: MetricsOptions, client: Client) -> HTTPServer | None:
    """The server, or None when it is off; ``client`` asks for reviews."""
    address = parse_address(options.addr)
    if address is None:
        return None
    reviewer = AccessReviewer(client) if options.authorize else None

    async def answer(request: web.Request) -> web.Response:
        if reviewer is not None:
            verdict = await reviewer.review(request.headers.get("Authorization", ""), request.path)
            if verdict is not Verdict.ALLOWED:
                return web.Response(status=verdict.value, text=verdict.name.lower() + "\n")
        return web.Response(body=metrics.render(), headers={"Content-Type": metrics.CONTENT_TYPE})

    return HTTPServer("metrics", address, {"/metrics": answer}, ssl_context=_tls(options))


def _tls(options: MetricsOptions) -> ssl.SSLContext | None:
    if not options.secure:
        return None
    return options.ssl_context or self_signed_context(tls=options.tls)
