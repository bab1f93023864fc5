"""An ear for Ironic's notifications, so that a change is seen at once instead of within a second.

In: ``POST`` of one JSON object per event, as a notification driver inside Ironic sends it. Out: the
informer looks soon. Nothing in an event is believed, it only says that a look is worth while: lost,
repeated or forged events cost no more than a listing, and the listing stays the backstop. Whoever
is not on this machine has to show the token all the same.
"""

import asyncio
import hmac
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, cast

import orjson
from aiohttp import web

from ._config import ListenAddress
from ._errors import ConfigurationError

MAX_EVENT: Final = 64 * 1024
"""Largest event that is read, in bytes."""

Event = Mapping[str, Any]


@asynccontextmanager
async def listening(
    address: ListenAddress, heard: Callable[[Event], None], token_file: Path | None = None
) -> AsyncGenerator[int]:
    """Serve while the block runs; gives the port. Raises ConfigurationError when it is taken."""

    async def handle(request: web.Request) -> web.Response:
        if token_file is not None and not await _is_known(request, token_file):
            return web.Response(status=HTTPStatus.UNAUTHORIZED, text="a bearer token is required")
        event = _decode(await request.read())
        if event is None:
            return web.Response(status=HTTPStatus.BAD_REQUEST, text="not a JSON object")
        heard(event)
        return web.Response(status=HTTPStatus.NO_CONTENT)

    application = web.Application(client_max_size=MAX_EVENT)
    application.router.add_post("/{path:.*}", handle)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, address.host, address.port)
        try:
            await site.start()
        except OSError as error:
            raise ConfigurationError(
                f"IRONIC_NOTIFICATIONS_ADDR: cannot listen on {address}: {error.strerror}"
            ) from error
        yield cast("tuple[str, int]", runner.addresses[0])[1]
    finally:
        await runner.cleanup()


async def _is_known(request: web.Request, token_file: Path) -> bool:
    """The file is read each time: a token that is replaced needs no restart."""
    try:
        token = await asyncio.to_thread(token_file.read_text, "utf-8")
    except OSError:
        return False
    wanted = f"Bearer {token.strip()}".encode()
    given = request.headers.get("Authorization", "").encode()
    return bool(token.strip()) and hmac.compare_digest(given, wanted)


def _decode(body: bytes) -> Event | None:
    try:
        value: object = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return cast("Event", value) if isinstance(value, dict) else None
