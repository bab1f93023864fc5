"""Where the BMC process tells what happened: power changes of the machines."""

import json
from collections.abc import Mapping

from aiohttp import web

from ._machine import Machine
from ._systems import PowerEvent


class ControlServer:
    """Takes events below a path that only the lab's own children know."""

    def __init__(self, machines: Mapping[str, Machine], token: str) -> None:
        self._machines = machines
        self._token = token

    def application(self) -> web.Application:
        """The routes."""
        app = web.Application()
        app.add_routes([web.post(f"/{self._token}/power", self._power)])
        return app

    async def _power(self, request: web.Request) -> web.Response:
        try:
            event = PowerEvent(**await request.json())
            machine = self._machines[event.system]
        except (json.JSONDecodeError, KeyError, TypeError):
            return web.Response(status=400)
        machine.power_changed(event)
        return web.Response(status=204)
