"""Putting client and cache together."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from metal3.runtime import rest
from metal3.runtime.cache import Cache, CachedClient
from metal3.runtime.client import Client, ListerWatcher, RestClient

if TYPE_CHECKING:
    from ._options import ManagerOptions


class ServerClient(Client, ListerWatcher, Protocol):
    """Talks to a server without a cache in between: RestClient, FakeClient."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """One API server, read in two ways."""

    config: rest.Config | None
    live: ServerClient
    cache: Cache
    client: Client

    @asynccontextmanager
    async def connected(self) -> AsyncGenerator[None]:
        """Close the connections afterwards, if they are ours."""
        try:
            yield
        finally:
            if self.config is not None and isinstance(self.live, RestClient):
                await self.live.aclose()


def assemble(server: rest.Config | ServerClient, options: "ManagerOptions") -> Cluster:
    """Client, cache over it, and a client that reads from the cache."""
    config = server if isinstance(server, rest.Config) else None
    live = RestClient(server) if isinstance(server, rest.Config) else server
    cache = Cache(live, options.cache)
    client = CachedClient(cache, live, uncached=options.uncached)
    return Cluster(config=config, live=live, cache=cache, client=client)
