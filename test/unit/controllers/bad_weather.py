"""What stateful tests of operators share: a bad connection, managers to be killed, virtual time.

An operator must keep its rules while its writes are slow, its watches late, its server in trouble,
and several of its managers work at once and are killed anywhere.
"""

import asyncio
import functools
import random
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import looptime

from metal3.api.meta import v1 as metav1


class Planned(NamedTuple):
    """One error to come: the next time this is done to such an object."""

    verb: str
    kind: type[metav1.Object]
    error: Exception


def in_loop(method: Callable[..., Awaitable[Any]]) -> Callable[..., Any]:
    """Run an async rule of a machine in the loop of its ``managers``."""

    @functools.wraps(method)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        return self.managers.loop.run_until_complete(method(self, *args, **kwargs))

    return wrapper


class Slow:
    """A client whose writes take time and whose watches lag: things happen in between."""

    def __init__(
        self, client: Any, rng: random.Random, lag: float, trouble: list[Planned] | None = None
    ) -> None:
        self.client, self.rng, self.lag = client, rng, lag
        self.trouble = [] if trouble is None else trouble

    def __getattr__(self, name: str) -> Any:
        """Everything that is not slow."""
        return getattr(self.client, name)

    async def pause(self) -> None:
        """Let others go first, or the manager be killed."""
        await asyncio.sleep(self.rng.random() * 0.05)

    async def create(self, obj, **kwargs):
        """Slowly."""
        return await self.slowly("create", self.client.create, obj, **kwargs)

    async def update(self, obj, **kwargs):
        """Slowly."""
        return await self.slowly("update", self.client.update, obj, **kwargs)

    async def patch(self, obj, patch, **kwargs):
        """Slowly."""
        return await self.slowly("patch", self.client.patch, obj, patch, **kwargs)

    async def delete(self, obj, **kwargs):
        """Slowly."""
        return await self.slowly("delete", self.client.delete, obj, **kwargs)

    async def on_the_way(self, call, obj, *args, **kwargs):
        """Until the request reaches the server."""
        await self.pause()

    async def slowly(self, verb, call, obj, *args, **kwargs):
        """The manager may be killed before, or after; and one error is met once."""
        await self.on_the_way(call, obj, *args, **kwargs)
        for planned in self.trouble:
            if (planned.verb, planned.kind) == (verb, type(obj)):
                self.trouble.remove(planned)
                raise planned.error
        done = await call(obj, *args, **kwargs)
        await self.pause()
        return done

    @property
    def status(self):
        """Slow, too."""
        return SlowStatus(self)

    @asynccontextmanager
    async def stream(self, *args, **kwargs):
        """The same changes, later."""
        async with self.client.stream(*args, **kwargs) as events:
            yield self._late(events)

    async def _late(self, events):
        async with aclosing(events):
            async for event in events:
                await asyncio.sleep(self.lag * self.rng.random())
                yield event


class Blind:
    """A client that tells of new things of one kind only after a minute."""

    def __init__(self, client: Any, kind: type[metav1.Object]) -> None:
        self.client, self.kind = client, kind

    def __getattr__(self, name: str) -> Any:
        """Everything that is as usual."""
        return getattr(self.client, name)

    @asynccontextmanager
    async def stream(self, kind, *args, **kwargs):
        """The same changes, later if they are of that kind."""
        async with self.client.stream(kind, *args, **kwargs) as events:
            yield self._late(events) if kind is self.kind else events

    async def _late(self, events):
        async with aclosing(events):
            async for event in events:
                await asyncio.sleep(60)
                yield event


class SlowStatus:
    """Writes status slowly."""

    def __init__(self, slow: Slow) -> None:
        self.slow = slow

    async def patch(self, obj, patch):
        """Slowly."""
        return await self.slow.slowly("patch", self.slow.client.status.patch, obj, patch)


async def end(task: "asyncio.Task[None]") -> None:
    """Cancel it until it is over; what it swallows does not save it."""
    while not task.done():
        task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.wait([task], timeout=0.1)


@dataclass
class Managers:
    """Managers that know nothing of one another, in a loop of virtual time of their own.

    ``operator`` gives one manager on a client, for the length of a block; ``connect`` says how bad
    its connection is.
    """

    operator: Callable[[Any], AbstractAsyncContextManager[Any]]
    connect: Callable[..., Any] = Slow
    loop: asyncio.AbstractEventLoop = field(default_factory=looptime.new_event_loop)
    client: Any = None
    rng: random.Random = field(default_factory=lambda: random.Random(0))  # noqa: S311 - to be repeated
    trouble: list[Planned] = field(default_factory=list[Planned])
    running: "list[asyncio.Task[None]]" = field(default_factory=list["asyncio.Task[None]"])

    def begin(self, client: Any, seed: int) -> None:
        """On this server, with chance from here."""
        self.client = client
        self.rng = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret

    def start(self, lag: float = 0.0) -> None:
        """One more, whose view may be late by so many seconds an event."""
        slow = self.connect(self.client, self.rng, lag, self.trouble)

        async def run() -> None:
            async with self.operator(slow):
                await asyncio.Event().wait()

        self.running.append(self.loop.create_task(run()))

    async def kill_one(self) -> None:
        """One of them, wherever it is."""
        if self.running:
            await self._kill(self.rng.choice(self.running))

    async def kill_all(self) -> None:
        """No one is left."""
        for manager in list(self.running):
            await self._kill(manager)

    async def _kill(self, manager: "asyncio.Task[None]") -> None:
        self.running.remove(manager)
        await end(manager)

    def plan(self, verb: str, kind: type[metav1.Object], error: Exception, times: int) -> None:
        """The server will have bad moments."""
        self.trouble += [Planned(verb, kind, error)] * times

    async def clear_up(self) -> None:
        """No faults any more, and one manager; the one that has been there longest, if any."""
        self.trouble.clear()
        for manager in self.running[1:]:
            await self._kill(manager)
        if not self.running:
            self.start()
