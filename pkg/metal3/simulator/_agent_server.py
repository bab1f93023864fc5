"""Where the agents listen: one HTTP server, one path a host.

A machine that is off does not answer, so the connection is closed instead. Commands need the
token that the agent got from Ironic.
"""

import hmac
import json
from collections.abc import Mapping

from aiohttp import web

from ._agent import Agent
from ._agent_commands import RUNNING, Command
from ._machine import Machine

MAX_BODY = 64 << 20


class AgentServer:
    """The HTTP application of all agents of a lab, by the UUID of the host's system."""

    def __init__(self, machines: Mapping[str, Machine]) -> None:
        self._machines = machines

    def application(self) -> web.Application:
        """The routes."""
        app = web.Application(client_max_size=MAX_BODY)
        app.add_routes(
            [
                web.get("/{system}/", self._root),
                web.get("/{system}/v1/", self._root),
                web.get("/{system}/v1/commands/", self._list),
                web.post("/{system}/v1/commands/", self._run),
                web.get("/{system}/v1/commands/{id}", self._show),
            ]
        )
        return app

    async def _root(self, request: web.Request) -> web.StreamResponse:
        if self._agent(request) is None:
            return _hang_up(request)
        return web.json_response({"versions": [{"id": "v1"}], "default_version": {"id": "v1"}})

    async def _list(self, request: web.Request) -> web.StreamResponse:
        agent = self._agent(request)
        if agent is None:
            return _hang_up(request)
        if not _is_allowed(agent, request):
            return _fault(401, "the token is not valid")
        return web.json_response({"commands": [command.render() for command in agent.commands]})

    async def _show(self, request: web.Request) -> web.StreamResponse:
        agent = self._agent(request)
        if agent is None:
            return _hang_up(request)
        if not _is_allowed(agent, request):
            return _fault(401, "the token is not valid")
        wanted = request.match_info["id"]
        found = next((command for command in agent.commands if command.id == wanted), None)
        if found is None:
            return _fault(404, f"there is no command {wanted}")
        return await _answer(found, request)

    async def _run(self, request: web.Request) -> web.StreamResponse:
        agent = self._agent(request)
        if agent is None:
            return _hang_up(request)
        if not _is_allowed(agent, request):
            return _fault(401, "the token is not valid")
        if agent.commands and agent.commands[-1].status == RUNNING:
            return _fault(409, f"busy with {agent.commands[-1].name}")
        try:
            body = await request.json()
            name, params = str(body["name"]), dict(body.get("params") or {})
        except (json.JSONDecodeError, KeyError, TypeError, ValueError):
            return _fault(400, "a command is an object with a name and params")
        try:
            command = agent.execute(name, params)
        except KeyError:
            return _fault(404, f"there is no command {name}")
        return await _answer(command, request)

    def _agent(self, request: web.Request) -> Agent | None:
        machine = self._machines.get(request.match_info["system"])
        return machine.agent if machine else None


async def _answer(command: Command, request: web.Request) -> web.StreamResponse:
    if request.query.get("wait") == "true":
        await command.done.wait()
    return _hang_up(request) if command.abandoned else web.json_response(command.render())


def _is_allowed(agent: Agent, request: web.Request) -> bool:
    shown = request.query.get("agent_token", "")
    return agent.token is not None and hmac.compare_digest(shown.encode(), agent.token.encode())


def _hang_up(request: web.Request) -> web.StreamResponse:
    if request.transport:
        request.transport.close()
    return web.Response(status=503)


def _fault(status: int, text: str) -> web.Response:
    """An error as the agent words it; Ironic shows ``faultstring``."""
    body = {"faultcode": "Client", "faultstring": text, "code": status, "message": text}
    return web.json_response(body, status=status)
