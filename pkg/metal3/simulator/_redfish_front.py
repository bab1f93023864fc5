"""What stands between the network and sushy-tools for one BMC: WSGI middleware.

It plays the BMC's faults, adds what sushy-tools 2.2.0 lacks (a firmware update that names no
target, the BMC's own firmware version), and takes the agent's word that its machine went off.
"""

import hmac
import json
import re
import time
from collections.abc import Callable, Iterable
from typing import Any, cast

from ._bmc_faults import FaultFile
from ._redfish_driver import VISIBLE
from ._systems import SystemStore

Environ = dict[str, Any]
Headers = list[tuple[str, str]]
StartResponse = Callable[..., object]
WSGIApplication = Callable[[Environ, StartResponse], Iterable[bytes]]

OWNED = re.compile(r"/(?:Systems|Managers)/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")
POWERED_OFF = "/simulator/powered-off"
PUBLIC = frozenset({"", "redfish", "redfish/v1"})
SIMPLE_UPDATE = "/redfish/v1/UpdateService/Actions/UpdateService.SimpleUpdate"
TASK = "/redfish/v1/TaskService/Tasks/42"
TOKEN_HEADER = "HTTP_X_SIMULATOR_TOKEN"  # noqa: S105  # its name, not its value
JSON: Headers = [("Content-Type", "application/json")]
MAX_BODY = 1 << 20


class Front:
    """The BMC of one system."""

    def __init__(
        self,
        app: WSGIApplication,
        *,
        system: str,
        store: SystemStore,
        faults: FaultFile,
        token: str,
    ) -> None:
        self._app = app
        self._system = system
        self._store = store
        self._faults = faults
        self._token = token

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer, or let sushy-tools answer."""
        path = str(environ.get("PATH_INFO", ""))
        if path == POWERED_OFF:
            return self._powered_off(environ, start_response)
        faults = self._faults.of(self._system)
        if faults.delay:
            time.sleep(faults.delay)
        if faults.down:
            return _hang_up(environ, start_response)
        if faults.wrong_password and path.strip("/") not in PUBLIC:
            return _refuse(start_response, "401 Unauthorized", "the password is wrong")
        named = OWNED.search(path)
        if named and named.group(1) != self._system:
            return _refuse(start_response, "404 Not Found", "another BMC has this system")
        VISIBLE.set(self._system)
        return self._answer(path, environ, start_response)

    def _answer(
        self, path: str, environ: Environ, start_response: StartResponse
    ) -> Iterable[bytes]:
        method = environ.get("REQUEST_METHOD")
        if path == SIMPLE_UPDATE and method == "POST":
            return self._simple_update(environ, start_response)
        if path == f"/redfish/v1/Managers/{self._system}" and method == "GET":
            return self._manager(environ, start_response)
        return self._app(environ, start_response)

    def _simple_update(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Take the image for our only system; whether the caller may is sushy-tools' decision."""
        probe = environ | {"REQUEST_METHOD": "GET", "PATH_INFO": "/redfish/v1/UpdateService"}
        status, body = self._ask(probe)
        if not status.startswith("200"):
            start_response(status, JSON)
            return [body]
        image = str(_read(environ).get("ImageURI", ""))
        if not image:
            return _refuse(start_response, "400 Bad Request", "there is no ImageURI")
        self._store.update_firmware(self._system, image)
        start_response("202 Accepted", [*JSON, ("Location", TASK)])
        return [self._ask(environ | {"REQUEST_METHOD": "GET", "PATH_INFO": TASK})[1]]

    def _manager(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        status, body = self._ask(environ)
        if status.startswith("200"):
            content = json.loads(body)
            with self._store.reading(self._system) as system:
                content["FirmwareVersion"] = system.bmc_version
            body = json.dumps(content).encode()
        start_response(status, JSON)
        return [body]

    def _ask(self, environ: Environ) -> tuple[str, bytes]:
        """The status and body of sushy-tools' own answer."""
        seen: list[str] = []

        def remember(status: str, *_: object) -> None:
            seen.append(status)

        # Each call reads the login out of the environment for good.
        body = b"".join(self._app(dict(environ), remember))
        return seen[-1], body

    def _powered_off(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        token = str(environ.get(TOKEN_HEADER, ""))
        if not hmac.compare_digest(token.encode(), self._token.encode()):
            return _refuse(start_response, "403 Forbidden", "the token is wrong")
        self._store.power_off_from_inside(self._system)
        start_response("204 No Content", [])
        return []


def _read(environ: Environ) -> dict[str, Any]:
    length = min(int(environ.get("CONTENT_LENGTH") or 0), MAX_BODY)
    try:
        content: object = json.loads(environ["wsgi.input"].read(length))
    except ValueError:
        return {}
    return cast("dict[str, Any]", content) if isinstance(content, dict) else {}


def _refuse(start_response: StartResponse, status: str, message: str) -> Iterable[bytes]:
    start_response(status, JSON)
    error = {"error": {"code": "Base.1.0.GeneralError", "message": message}}
    return [json.dumps(error).encode()]


def _hang_up(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Close the connection without an answer, as a BMC that has just lost its power."""
    environ["werkzeug.socket"].shutdown(2)
    start_response("503 Service Unavailable", JSON)
    return []
