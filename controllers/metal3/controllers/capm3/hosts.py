"""The hosts there are and the machines that wait for one, fed by the cache."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.cache import Cache
from metal3.runtime.types import NamespacedName

from .hostview import HostView
from .ownwrites import OwnWrites
from .seekers import Seekers


@dataclass(kw_only=True)
class Hosts:
    """One for each manager. ``wake`` has a machine looked at; it may be called at any time."""

    wake: Callable[[NamespacedName], None]
    view: HostView = field(default_factory=HostView, init=False)
    seekers: Seekers = field(init=False)
    own_writes: OwnWrites = field(default_factory=OwnWrites, init=False)
    """Of hosts, by the controller of machines."""
    _told: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    def __post_init__(self) -> None:
        """Whoever waits hears of what becomes free."""
        self.seekers = Seekers(view=self.view, wake=self.wake)
        self.view.listener = self.seekers

    async def follow(self, cache: Cache) -> None:
        """Have the cache tell of every host; returns when all that exist were told."""
        informer = await cache.get_informer(metal3api.BareMetalHost)
        registration = informer.add_event_handler(self.view)
        await registration.wait_synced()
        self._told.set()

    async def wait_told(self) -> None:
        """Until all hosts are in view: who looks earlier finds none."""
        await self._told.wait()
