"""Ironic as a backend: one connection, one informer, shared by all hosts."""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack

from metal3.provisioner import HostData, Machine, NotReadyError, Publisher, Wake
from metal3.runtime.client import Reader

from ._client import Client
from ._config import Config, read_config
from ._errors import IronicError
from ._feed import listening
from ._located import LocatedTransport
from ._memory import Memory
from ._nodes import NodeInformer
from ._provisioner import IronicProvisioner
from ._session import Session
from ._transport import HTTPTransport, Transport


class IronicBackend:
    """See the seam's Backend; ``transport`` carries the requests."""

    def __init__(self, config: Config, transport: Transport) -> None:
        self._config = config
        self._transport = transport
        self._memory = Memory()
        self.client = Client(transport)
        self.informer = NodeInformer(self.client)
        self._checked_at = float("-inf")
        self._checking = asyncio.Lock()

    async def run(self, wake: Wake) -> None:
        """Watch Ironic's nodes until cancelled; connections are closed at the end.

        Raises ConfigurationError when the address for notifications is taken.
        """
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self.aclose)
            config = self._config
            if config.notifications is not None:
                heard, token_file = self.informer.heard, config.notifications_token_file
                ear = listening(config.notifications, heard, token_file)
                await stack.enter_async_context(ear)
            await self.informer.run(wake)

    async def provisioner(self, host: HostData, publish: Publisher) -> IronicProvisioner:
        """Work on one host; raises NotReadyError."""
        if self.informer.is_running:
            await self.informer.admit(host.key)
        else:
            await self._check()
        session = Session(
            client=self.client,
            config=self._config,
            informer=self.informer,
            memory=self._memory,
            host=host,
            publish=publish,
        )
        return IronicProvisioner(session=session)

    def use_cluster(self, reader: Reader) -> None:
        """See the seam; needed to find an Ironic that is only known by its resource."""
        if isinstance(self._transport, LocatedTransport):
            self._transport.reader = reader

    def machines(self) -> list[Machine] | None:
        """See the seam."""
        informer = self.informer
        if not informer.is_ready:
            return None
        return [
            Machine(id=n.uuid, name=n.name or n.uuid, state=n.state, host=informer.key_of(n))
            for n in informer.snapshot.nodes.values()
        ]

    async def aclose(self) -> None:
        """Let go of all connections; a later request opens new ones."""
        await self.client.aclose()

    async def _check(self) -> None:
        """Without the informer: ask Ironic itself, but not for every host anew."""
        async with self._checking:
            now = asyncio.get_running_loop().time()
            if now - self._checked_at < self._config.cache_ttl.total_seconds():
                return
            try:
                await self.client.negotiate()
            except IronicError as error:
                raise NotReadyError(str(error)) from error
            self._checked_at = now


def new_factory(environment: Mapping[str, str]) -> IronicBackend:
    """The backend for an environment; raises ConfigurationError naming the variable at fault."""
    config = read_config(environment)
    if config.resource is not None:
        return IronicBackend(config, LocatedTransport(config))
    return IronicBackend(config, HTTPTransport(config))
