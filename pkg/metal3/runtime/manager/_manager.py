"""Manager: holds what controllers share, and runs everything from start to orderly stop."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any, Final

from metal3.runtime import rest
from metal3.runtime.cache import Cache
from metal3.runtime.client import Client, Reader
from metal3.runtime.healthz import Check, Checks
from metal3.runtime.leaderelection import LeaderElector, LeadershipLostError
from metal3.runtime.log import get_logger
from metal3.runtime.recorder import Broadcaster, EventRecorder
from metal3.runtime.scheme import Scheme
from metal3.runtime.webhook import WebhookServer

from ._assembly import Cluster, ServerClient, assemble
from ._event_sink import ClientSink
from ._fence import Fence, FencedClient
from ._groups import RunnableGroups
from ._health_server import health_server
from ._http import HTTPServer, parse_address
from ._metrics_server import metrics_server
from ._options import ManagerOptions
from ._runnable import Group, Runnable, RunnableFunc, group_of

log = get_logger(__name__)

_FIRST_INSISTENCE: Final = 0.01
_LAST_INSISTENCE: Final = 1.0


class Manager:
    """One process's share of an operator.

    ``config`` says where the API server is; tests may give a client instead, such as FakeClient.
    """

    def __init__(
        self, config: rest.Config | ServerClient, options: ManagerOptions | None = None
    ) -> None:
        self.options = options or ManagerOptions()
        self._cluster: Cluster = assemble(config, self.options)
        self._fence = Fence()
        self._client = FencedClient(self._cluster.client, self._fence)
        self._events = Broadcaster(
            ClientSink(FencedClient(self._cluster.live, self._fence)), self.options.events
        )
        self._healthz, self._readyz = Checks(), Checks()
        self._names: set[str] = set()
        self._ending = asyncio.Event()
        self._failed = self._is_lost = self._was_started = False
        self._groups = RunnableGroups(self._on_failure)
        self.elected = asyncio.Event()
        """Set once this process leads, or need not ask."""
        self.health_server: HTTPServer | None = None
        self.metrics_server: HTTPServer | None = None
        self._add_own()

    @property
    def client(self) -> Client:
        """Reads from the cache, writes to the server; refuses to write when leadership is lost."""
        return self._client

    @property
    def api_reader(self) -> Reader:
        """Reads from the server, for what must not be stale or is not cached."""
        return self._cluster.live

    @property
    def cache(self) -> Cache:
        """What sources and indexes use."""
        return self._cluster.cache

    @property
    def config(self) -> rest.Config | None:
        """Where the server is; None when a client was given instead."""
        return self._cluster.config

    @property
    def scheme(self) -> Scheme:
        """As in the options."""
        return self.options.scheme

    @property
    def webhook_server(self) -> WebhookServer:
        """As in the options; raises RuntimeError when there is none."""
        if self.options.webhook_server is None:
            raise RuntimeError("this manager serves no webhooks")
        return self.options.webhook_server

    def get_event_recorder_for(self, name: str) -> EventRecorder:
        """A recorder that reports as ``name``."""
        return self._events.recorder_for(name)

    def add(self, runnable: Runnable, *, group: Group | None = None) -> None:
        """Run it with the manager; where it belongs is told by what it is, or by ``group``."""
        if group is None and getattr(runnable, "needs_warmup", False):
            warmup: Any = getattr(runnable, "warmup", None)
            self._groups.add(RunnableFunc(fn=warmup), Group.WARMUP)
        self._groups.add(runnable, group_of(runnable) if group is None else group)

    def claim_controller_name(self, name: str) -> None:
        """Take ``name``; ValueError when it is taken, as two controllers would share metrics."""
        if name in self._names:
            raise ValueError(f"there is a controller {name!r} already; give each its own name")
        self._names.add(name)

    def add_healthz_check(self, name: str, check: Check) -> None:
        """Ask ``check`` whether the process is beyond help and should be restarted."""
        self._healthz.add(name, check)

    def add_readyz_check(self, name: str, check: Check) -> None:
        """Ask ``check`` whether the process can serve."""
        self._readyz.add(name, check)

    async def start(self, stop: asyncio.Event | None = None) -> None:
        """Run until ``stop`` is set (then return), this is cancelled, or something fails.

        A runnable's error is raised as it was; LeadershipLostError when another leads. Everything
        is stopped in reverse order within ``graceful_shutdown_timeout``; what runs on after that,
        or when leadership was lost or this is cancelled again, is cancelled at once.
        """
        if self._was_started:
            raise RuntimeError("a manager can be started once")
        self._was_started = True
        try:
            async with asyncio.TaskGroup() as tasks:
                main = tasks.create_task(self._run(), name="manager")
                main.add_done_callback(lambda _: self._ending.set())
                watch = None if stop is None else tasks.create_task(self._end_on(stop))
                try:
                    await self._ending.wait()
                finally:
                    if watch is not None:
                        watch.cancel()
                    await self._wind_up(main)
        except BaseExceptionGroup as errors:
            raise _root(errors) from None
        if self._is_lost:
            # Insisting on the end may have cancelled the clean-up that carried the error.
            raise LeadershipLostError("the lease was not renewed")
        log.info("manager stopped")

    def _add_own(self) -> None:
        options = self.options
        address = parse_address(options.health_addr)
        if address is not None:
            self.health_server = health_server(address, self._healthz, self._readyz)
            self._groups.add(self.health_server, Group.HTTP_SERVERS)
        self.metrics_server = metrics_server(options.metrics, self._cluster.live)
        if self.metrics_server is not None:
            self._groups.add(self.metrics_server, Group.HTTP_SERVERS)
        if options.webhook_server is not None:
            self._groups.add(options.webhook_server, Group.WEBHOOKS)
        self._groups.add(self._cluster.cache, Group.CACHES)
        self._groups.add(self._events, Group.OTHERS)

    async def _run(self) -> None:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._cluster.connected())
            for group in Group:
                if group is not Group.LEADER_ELECTION:
                    await stack.enter_async_context(self._groups.running(group))
            if self.options.leader_election is None:
                await self._lead()
                return
            elector = LeaderElector(self._cluster.live, self.options.leader_election)
            await elector.run(lambda: self._lead_while(elector), on_lost=self._on_lost)

    async def _lead_while(self, elector: LeaderElector) -> None:
        with self._fence.guarded(lambda: elector.is_leader):
            await self._lead()

    async def _lead(self) -> None:
        async with self._groups.running(Group.LEADER_ELECTION):
            self.elected.set()
            await asyncio.Event().wait()

    async def _end_on(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._ending.set()

    def _on_failure(self) -> None:
        self._failed = True
        self._ending.set()

    def _on_lost(self) -> None:
        self._fence.close()
        self._is_lost = True
        self._ending.set()

    async def _wind_up(self, main: "asyncio.Task[None]") -> None:
        """Ask once, wait, then insist."""
        if not (self._failed or self._is_lost):
            main.cancel()  # what failed unwinds by itself, and must keep its error
        grace = self.options.graceful_shutdown_timeout.total_seconds()
        cancelled = False
        try:
            await asyncio.wait({main}, timeout=0 if self._is_lost else grace)
        except asyncio.CancelledError:
            cancelled = True
        await self._insist(main)
        if cancelled:
            raise asyncio.CancelledError

    async def _insist(self, main: "asyncio.Task[None]") -> None:
        pause = _FIRST_INSISTENCE
        while not main.done():
            log.warning("cancelling what still runs", runnables=self._groups.live)
            main.cancel()
            self._groups.cancel()
            try:
                await asyncio.wait({main}, timeout=pause)
            except asyncio.CancelledError:
                continue
            pause = min(2 * pause, _LAST_INSISTENCE)


def _root(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first error in a tree of groups: the others followed from it."""
    first: BaseException = errors
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return first
