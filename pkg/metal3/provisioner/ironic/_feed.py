"""An ear for Ironic's notifications, so that a change is seen at once instead of within a second.

In: ``POST`` of one JSON object per event, as a notification driver inside Ironic sends it. Out: the
informer looks soon. Nothing in an event is believed, it only says that a look is worth while: lost,
repeated or forged events cost no more than a listing, and the listing stays the backstop.
"""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, Final, cast

import orjson
from aiohttp import web

from ._config import ListenAddress
from ._errors import ConfigurationError

MAX_EVENT: Final = 64 * 1024
"""Largest event that is read, in bytes."""

Event = Mapping[str, Any]


@asynccontextmanager
async def listening(address: ListenAddress, heard: Callable[[Event], None]) -> AsyncGenerator[int]:
    """Serve while the block runs; gives the port. Raises ConfigurationError when it is taken."""

    async def handle(request: web.Request) -> web.Response:
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


def _decode(body: bytes) -> Event | None:
    try:
        value: object = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return cast("Event", value) if isinstance(value, dict) else None
