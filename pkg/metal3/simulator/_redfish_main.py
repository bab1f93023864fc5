"""Entry of the child that plays the BMCs: ``python -m metal3.simulator._redfish_main SETTINGS``.

sushy-tools' own web application, with our systems behind it, faults in front of it, and one path
of our own by which an agent switches its machine off from inside.
"""

import hmac
import importlib
import logging
import re
import ssl
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from . import _bmc_events, _watchdog
from ._bmc_faults import FaultFile
from ._bmc_settings import BMCSettings
from ._ports import LOOPBACK
from ._redfish_driver import RedfishDriver
from ._systems import System, SystemStore

Environ = dict[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], object]
WSGIApplication = Callable[[Environ, StartResponse], Iterable[bytes]]

UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
POWERED_OFF = "/simulator/powered-off/"
TOKEN_HEADER = "HTTP_X_SIMULATOR_TOKEN"  # noqa: S105  # its name, not its value
JSON = [("Content-Type", "application/json")]
UNAUTHORIZED = b'{"error": {"code": "Base.1.0.GeneralError", "message": "Incorrect password"}}'


class Front:
    """WSGI middleware: faults of BMCs, and the lab's own path."""

    def __init__(
        self, app: WSGIApplication, *, store: SystemStore, faults: FaultFile, token: str
    ) -> None:
        self._app = app
        self._store = store
        self._faults = faults
        self._token = token

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer, or let sushy-tools answer."""
        path = str(environ.get("PATH_INFO", ""))
        found = UUID.search(path)
        if not found:
            return self._app(environ, start_response)
        if path.startswith(POWERED_OFF):
            return self._powered_off(found.group(), environ, start_response)
        faults = self._faults.of(found.group())
        if faults.delay:
            time.sleep(faults.delay)
        if faults.down:
            return _hang_up(environ, start_response)
        if faults.wrong_password:
            start_response("401 Unauthorized", JSON)
            return [UNAUTHORIZED]
        return self._app(environ, start_response)

    def _powered_off(
        self, system: str, environ: Environ, start_response: StartResponse
    ) -> Iterable[bytes]:
        token = str(environ.get(TOKEN_HEADER, ""))
        if not hmac.compare_digest(token.encode(), self._token.encode()):
            start_response("403 Forbidden", JSON)
            return [b"{}"]
        self._store.power_off_from_inside(system)
        start_response("204 No Content", [])
        return []


def main() -> None:
    """Serve until ended."""
    _watchdog.start()
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    settings = BMCSettings.read(Path(sys.argv[1]))
    faults = FaultFile(Path(settings.faults_file))
    store = SystemStore(
        systems=[System(**system) for system in settings.systems],
        state_file=Path(settings.state_file),
        faults=faults,
        power_delay=settings.power_delay,
        tell=_bmc_events.sender(settings.control_url),
    )
    app = _application(settings, RedfishDriver(store))
    app.wsgi_app = Front(app.wsgi_app, store=store, faults=faults, token=settings.control_token)
    app.run(host=LOOPBACK, port=settings.port, ssl_context=_tls(settings), threaded=True)


def _application(settings: BMCSettings, driver: RedfishDriver) -> Any:
    """sushy-tools' Flask application, which has no types."""
    module = importlib.import_module("sushy_tools.emulator.main")
    # A memoized property without a setter upstream: the class is where it can be replaced.
    module.Application.systems = driver
    module.app.configure(
        extra_config={
            "SUSHY_EMULATOR_AUTH_FILE": settings.htpasswd,
            "SUSHY_EMULATOR_STATE_DIR": settings.media_dir,
        }
    )
    return module.app


def _tls(settings: BMCSettings) -> ssl.SSLContext | None:
    if not (settings.cert_file and settings.key_file):
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(settings.cert_file, settings.key_file)
    return context


def _hang_up(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Close the connection without an answer, as a BMC that has just lost its power."""
    environ["werkzeug.socket"].shutdown(2)
    start_response("503 Service Unavailable", JSON)
    return []


if __name__ == "__main__":
    main()
