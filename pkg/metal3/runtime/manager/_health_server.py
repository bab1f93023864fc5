"""``/healthz`` and ``/readyz``, as kubelets and people ask for them."""

from aiohttp import web

from metal3.runtime.healthz import Checks, Report

from ._http import Handler, HTTPServer


def health_server(address: tuple[str | None, int], healthz: Checks, readyz: Checks) -> HTTPServer:
    """Each endpoint, and each check of it alone under ``/<name>``; ``?verbose``, ``?exclude=``."""
    handlers: dict[str, Handler] = {}
    for name, checks in (("healthz", healthz), ("readyz", readyz)):
        handlers[f"/{name}"] = _all(name, checks)
        handlers[f"/{name}/"] = handlers[f"/{name}"]
        handlers[f"/{name}/{{check}}"] = _one(name, checks)
    return HTTPServer("health", address, handlers)


def _all(endpoint: str, checks: Checks) -> Handler:
    async def answer(request: web.Request) -> web.Response:
        report = await checks.run(exclude=request.query.getall("exclude", []))
        return _response(endpoint, report, verbose="verbose" in request.query)

    return answer


def _one(endpoint: str, checks: Checks) -> Handler:
    async def answer(request: web.Request) -> web.Response:
        report = await checks.run_one(request.match_info["check"])
        if report is None:
            return web.Response(status=404, text="no such check\n")
        return _response(endpoint, report, verbose="verbose" in request.query)

    return answer


def _response(endpoint: str, report: Report, *, verbose: bool) -> web.Response:
    return web.Response(
        status=200 if report.is_ok else 500,
        text=report.text(endpoint, verbose=verbose),
        headers={"Cache-Control": "no-cache, no-store", "X-Content-Type-Options": "nosniff"},
    )
