"""Where a BMC finds what Ironic serves: one that is reached over IPv6 fetches over IPv6, too."""

import asyncio
import ipaddress
import socket
from typing import Final

from ._config import Config

LOOKUP: Final = 5.0
"""Seconds that resolving a BMC's name may take."""


async def external_url(config: Config, host: str) -> str | None:
    """The URL to give to the BMC; None for Ironic's usual one."""
    if not config.external_url_v6 or not host:
        return None
    return config.external_url_v6 if await _is_ipv6_only(host) else None


async def _is_ipv6_only(host: str) -> bool:
    try:
        return isinstance(ipaddress.ip_address(host), ipaddress.IPv6Address)
    except ValueError:
        pass
    try:
        async with asyncio.timeout(LOOKUP):
            found = await asyncio.get_running_loop().getaddrinfo(host, None)
    except OSError:  # TimeoutError is one
        return False
    return bool(found) and all(family == socket.AF_INET6 for family, *_ in found)
