"""Entry of the child that plays the BMCs: ``python -m metal3.simulator._bmc_main SETTINGS``.

Redfish is sushy-tools' own web application with our systems behind it, once for each BMC: each has
a port of its own, as each real one has an address of its own, and shows the one system that it
manages. IPMI is pyghmi's server; there HTTP is only for the agent that switches its machine off.
"""

import importlib
import logging
import ssl
import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from werkzeug.serving import make_server

from . import _bmc_events, _ipmi_bmc, _watchdog
from ._bmc_faults import FaultFile
from ._bmc_settings import BMCSettings
from ._credentials import BMC_LOGIN
from ._ipmi_bmc import IPMIBMC
from ._ports import LOOPBACK
from ._redfish_driver import RedfishDriver
from ._redfish_front import Environ, Front, StartResponse, WSGIApplication
from ._systems import System, SystemStore


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
    if settings.ipmi_port is None:
        _serve_http(settings, application(settings, RedfishDriver(store)), store, faults)
        threading.Event().wait()
    else:
        bmcs = _ipmi(settings, settings.ipmi_port, store, faults)
        _serve_http(settings, _nothing, store, faults)
        if bmcs:
            _ipmi_bmc.listen()
        threading.Event().wait()


def _ipmi(settings: BMCSettings, port: int, store: SystemStore, faults: FaultFile) -> list[IPMIBMC]:
    return [
        IPMIBMC(
            store=store, faults=faults, system=system["uuid"], port=port + index, login=BMC_LOGIN
        )
        for index, system in enumerate(settings.systems)
    ]


def _serve_http(
    settings: BMCSettings, app: WSGIApplication, store: SystemStore, faults: FaultFile
) -> None:
    for index, system in enumerate(settings.systems):
        front = Front(
            app, system=system["uuid"], store=store, faults=faults, token=settings.control_token
        )
        server = make_server(
            LOOPBACK, settings.port + index, front, threaded=True, ssl_context=_tls(settings)
        )
        threading.Thread(target=server.serve_forever, daemon=True).start()


def _nothing(_: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("404 Not Found", [("Content-Type", "text/plain")])
    return [b"this BMC speaks IPMI"]


def application(settings: BMCSettings, driver: RedfishDriver) -> Any:
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


if __name__ == "__main__":
    main()
