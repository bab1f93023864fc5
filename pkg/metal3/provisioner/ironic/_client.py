"""Ironic's REST API: versions, errors as classes, and secrets that never come back in a message."""

import collections
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast
from urllib.parse import quote, urlencode

import orjson
from prometheus_client import Counter

from metal3.provisioner import NotReadyError
from metal3.runtime.metrics import REGISTRY

from ._errors import (
    BadRequestError,
    ConflictError,
    IronicError,
    LockedError,
    NotFoundError,
    OverloadedError,
    UnauthorizedError,
    WrongStateError,
)
from ._messages import shorten
from ._transport import Reply, Transport

VERSION_HEADER: Final = "X-OpenStack-Ironic-API-Version"
MINIMUM: Final = 89
"""Minor version that brings what all steps need (1.89: attaching virtual media)."""

VMEDIA_STATUS: Final = 93
DISABLE_POWER_OFF: Final = 95
HEALTH: Final = 109
DEPLOY_ABORT: Final = 110
KNOWN: Final = (DEPLOY_ABORT, HEALTH, DISABLE_POWER_OFF, VMEDIA_STATUS, MINIMUM)

JSON = dict[str, Any]

REQUESTS: Final = Counter(
    "metal3_ironic_requests",
    "Requests to Ironic that were answered",
    ("method", "resource", "code"),
    registry=REGISTRY,
)
_SECRET_WORDS: Final = ("password", "secret", "configdrive", "network_data", "token", "httpheaders")
_MIN_SECRET: Final = 3


class Client:
    """Requests to one Ironic; the version is agreed on first."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._minor = 0
        self.requests: collections.Counter[str] = collections.Counter()
        """Requests sent so far, by method and kind of resource, such as ``GET nodes``."""

    @property
    def minor(self) -> int:
        """Minor part of the agreed version; 0 before."""
        return self._minor

    def supports(self, minor: int) -> bool:
        """Whether the agreed version is at least 1.``minor``."""
        return self._minor >= minor

    async def negotiate(self) -> None:
        """Agree on the highest version both sides know; raises NotReadyError or IronicError."""
        await self._transport.prepare()
        root = await self.request("GET", "/")
        highest = _highest_minor(root)
        if highest < MINIMUM:
            raise NotReadyError(
                f"Ironic offers API version 1.{highest}, at least 1.{MINIMUM} is needed"
            )
        self._minor = next(minor for minor in KNOWN if minor <= highest)
        drivers = await self.request("GET", "/v1/drivers")
        if not drivers.get("drivers"):
            raise NotReadyError("Ironic has no working conductor yet: it lists no drivers")

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: object = None,
    ) -> JSON:
        """Send one request and give the answer's JSON object; raises IronicError."""
        self.requests[f"{method} {_resource(path)}"] += 1
        reply = await self._transport.send(
            method,
            f"{path}?{urlencode(query, safe=',')}" if query else path,
            headers=self._headers(has_body=body is not None),
            body=None if body is None else orjson.dumps(body),
        )
        REQUESTS.labels(method=method, resource=_resource(path), code=str(reply.status)).inc()
        if reply.status >= 400:  # noqa: PLR2004 - the first status that is an error
            raise _error(reply, f"{method} {path}", secrets=tuple(_secrets(body)))
        return _decode(reply.body)

    async def get(self, *path: str, query: Mapping[str, str] | None = None) -> JSON:
        """GET ``/v1/<path>``."""
        return await self.request("GET", _join(path), query=query)

    async def put(self, *path: str, body: object) -> JSON:
        """PUT to ``/v1/<path>``."""
        return await self.request("PUT", _join(path), body=body)

    async def post(self, *path: str, body: object, query: Mapping[str, str] | None = None) -> JSON:
        """POST to ``/v1/<path>``."""
        return await self.request("POST", _join(path), body=body, query=query)

    async def patch(self, *path: str, operations: Sequence[JSON]) -> JSON:
        """PATCH ``/v1/<path>`` with JSON-patch operations."""
        return await self.request("PATCH", _join(path), body=list(operations))

    async def delete(
        self, *path: str, body: object = None, query: Mapping[str, str] | None = None
    ) -> JSON:
        """DELETE ``/v1/<path>``."""
        return await self.request("DELETE", _join(path), body=body, query=query)

    async def aclose(self) -> None:
        """Let go of all connections."""
        await self._transport.aclose()

    def _headers(self, *, has_body: bool) -> dict[str, str]:
        headers = {"Accept": "application/json"}
        if self._minor:
            headers[VERSION_HEADER] = f"1.{self._minor}"
        if has_body:
            headers["Content-Type"] = "application/json"
        return headers


def _join(path: tuple[str, ...]) -> str:
    return "/v1/" + "/".join(quote(part, safe="~") for part in path)


def _resource(path: str) -> str:
    """Of a path only what is no identity: metrics must not grow with the hosts."""
    parts = path.strip("/").split("/")[1:]
    return "/".join(parts[:1] + parts[2:]) or "root"


def _highest_minor(root: JSON) -> int:
    version: object = root.get("default_version") or root.get("version")
    text = str(cast("JSON", version).get("version", "")) if isinstance(version, dict) else ""
    major, _, minor = text.partition(".")
    return int(minor) if major == "1" and minor.isdecimal() else 0


def _decode(body: bytes) -> JSON:
    if not body.strip():
        return {}
    try:
        value: object = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise IronicError("Ironic's answer is not JSON") from error
    return cast("JSON", value) if isinstance(value, dict) else {}


def _error(reply: Reply, what: str, *, secrets: tuple[str, ...]) -> IronicError:
    text = _fault_text(reply.body)
    for secret in secrets:
        text = text.replace(secret, "***")
    message = f"{what} gave {reply.status}: {shorten(text)}" if text else f"{what}: {reply.status}"
    kind = _error_class(reply.status, text)
    if kind is UnauthorizedError:
        message = f"Ironic refused the operator's login (METAL3_AUTH_ROOT_DIR): {message}"
    return kind(message, status=reply.status)


def _error_class(status: int, text: str) -> type[IronicError]:  # noqa: PLR0911 - a row per status
    lowered = text.lower()
    match status:
        case 400 | 406 if "can not be performed" in lowered or "in an invalid state" in lowered:
            return WrongStateError
        case 400 | 406:
            return BadRequestError
        case 401 | 403:
            return UnauthorizedError
        case 404:
            return NotFoundError
        case 409 if "locked" in lowered or "reserved by" in lowered:
            return LockedError
        case 409:
            return ConflictError
        case 429 | 503:
            return OverloadedError
        case _:
            return IronicError


def _fault_text(body: bytes) -> str:
    """The sentence inside an error; older versions wrap it into JSON twice."""
    try:
        value: object = orjson.loads(body)
    except orjson.JSONDecodeError:
        return body[:2000].decode("utf-8", "replace")
    for _ in range(4):
        if isinstance(value, str):
            try:
                value = orjson.loads(value)
            except orjson.JSONDecodeError:
                break
        if not isinstance(value, dict):
            break
        fault = cast("JSON", value)
        value = next((fault[k] for k in ("error_message", "faultstring") if fault.get(k)), "")
    return str(value)


def _secrets(body: object, *, inside: bool = False) -> Iterator[str]:
    """Every text in a request that must not be repeated to anybody."""
    if isinstance(body, dict):
        entries = cast("JSON", body)
        secret_path = _is_secret(str(entries.get("path", ""))) and "op" in entries
        for key, value in entries.items():
            hidden = inside or _is_secret(key) or (secret_path and key == "value")
            yield from _secrets(value, inside=hidden)
    elif isinstance(body, list):
        for item in cast("list[object]", body):
            yield from _secrets(item, inside=inside)
    elif inside and isinstance(body, str) and len(body) >= _MIN_SECRET:
        yield body


def _is_secret(name: str) -> bool:
    lowered = name.lower()
    return any(word in lowered for word in _SECRET_WORDS)
