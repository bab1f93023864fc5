"""The server as a whole: configuration, start, stop."""

import asyncio
import base64
import logging
import secrets
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import yaml
from aiohttp import web

from metal3.apiserver.collector import Collector, EventExpiry
from metal3.apiserver.endpoints import API, App, Call, Target
from metal3.apiserver.jsonvalue import Obj
from metal3.apiserver.resources import CRD_RESOURCE, Registry
from metal3.apiserver.storage import Event, Hub, Key, Limits, Store
from metal3.apiserver.webhooks import Admission, WebhookClient, conversion_of
from metal3.pki import write_private

from ._tls import ensure_certificates, server_context

log = logging.getLogger(__name__)

_NAMESPACES: Final = ("default", "kube-system", "kube-public", "kube-node-lease")
_STOP_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """How to run a server.

    ``port`` 0 takes a free one. ``token`` None makes one, or reuses the one in ``data_dir``.
    ``services`` maps ``namespace/name`` of webhook services to base URLs, as this server has no
    cluster network to find them in. ``limits`` bounds the history kept for watches.
    """

    data_dir: Path
    host: str = "127.0.0.1"
    port: int = 0
    token: str | None = field(default=None, repr=False)
    tls: bool = True
    services: Mapping[str, str] = field(default_factory=dict[str, str])
    limits: Limits = field(default_factory=Limits)


class Server:
    """An embedded Kubernetes API server; use it as an async context manager."""

    def __init__(self, config: Config) -> None:
        """Nothing happens before the context is entered."""
        self._config = config
        self._stack = AsyncExitStack()
        self._tasks: asyncio.TaskGroup | None = None
        self._port = 0
        self._token = ""
        self._ca_file: Path | None = None
        self._ready = False

    @property
    def url(self) -> str:
        """Where the server listens."""
        scheme = "https" if self._config.tls else "http"
        host = f"[{self._config.host}]" if ":" in self._config.host else self._config.host
        return f"{scheme}://{host}:{self._port}"

    @property
    def token(self) -> str:
        """The bearer token that may do everything."""
        return self._token

    @property
    def ca_file(self) -> Path | None:
        """The authority that signed the server's certificate; None without TLS."""
        return self._ca_file

    def write_kubeconfig(self, path: Path, namespace: str = "default") -> None:
        """Write a kubeconfig that only its owner can read."""
        write_private(path, yaml.safe_dump(self._kubeconfig(namespace)).encode())

    def _kubeconfig(self, namespace: str) -> Obj:
        cluster: Obj = {"server": self.url}
        if self._ca_file:
            data = base64.b64encode(self._ca_file.read_bytes()).decode()
            cluster["certificate-authority-data"] = data
        context = {"cluster": "metal3", "user": "metal3", "namespace": namespace}
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "metal3", "cluster": cluster}],
            "users": [{"name": "metal3", "user": {"token": self._token}}],
            "contexts": [{"name": "metal3", "context": context}],
            "current-context": "metal3",
        }

    async def __aenter__(self) -> Self:
        """Start; raises DatabaseError or OSError when that is not possible."""
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop: end the watches, let requests finish, put everything on disk."""
        await self._stack.__aexit__(kind, error, trace)

    async def _start(self) -> None:
        directory = self._config.data_dir
        await asyncio.to_thread(self._prepare, directory)
        store = Store(directory / "state.db", self._config.limits)
        self._stack.push_async_callback(store.close)
        await store.open()
        client = WebhookClient(self._config.services)
        self._stack.push_async_callback(client.close)
        self._tasks = await self._stack.enter_async_context(asyncio.TaskGroup())
        self._tasks.create_task(store.run(), name="apiserver-store")
        self._stack.callback(store.stop)
        hub, registry = Hub(), Registry(lambda crd: conversion_of(client, crd))
        _follow(store, hub, registry)
        api = API(store, hub, registry, Admission(store, client), token=self._token)
        await _bootstrap(api)
        collector = Collector(store, registry, api.writer, api.deleter)
        worker = self._tasks.create_task(collector.run(), name="apiserver-collector")
        self._stack.callback(worker.cancel)
        expiry = self._tasks.create_task(EventExpiry(store).run(), name="apiserver-events")
        self._stack.callback(expiry.cancel)
        await self._listen(api, hub)
        self._ready = True

    def _prepare(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self._config.tls:
            self._ca_file = ensure_certificates(directory, self._config.host)
        path = directory / "token"
        if self._config.token:
            self._token = self._config.token
        elif path.exists():
            self._token = path.read_text().strip()
        else:
            self._token = secrets.token_urlsafe(32)
        write_private(path, self._token.encode())

    async def _listen(self, api: API, hub: Hub) -> None:
        app = App(api, token=self._token, ready=lambda: self._ready)
        self._stack.callback(app.close)
        server = web.Server(app.handle, access_log=None)
        runner = web.ServerRunner(server, access_log=None, shutdown_timeout=_STOP_SECONDS)
        await runner.setup()
        self._stack.push_async_callback(_close, server, runner)
        # Watches would keep the runner waiting: they end first.
        self._stack.callback(hub.end)
        context = server_context(self._config.data_dir) if self._config.tls else None
        site = web.TCPSite(
            runner, self._config.host, self._config.port, ssl_context=context, backlog=1024
        )
        await site.start()
        self._port = int(runner.addresses[0][1])


async def _close(server: web.Server, runner: web.ServerRunner) -> None:
    """End all connections, those too whose clients never say goodbye to TLS."""
    transports = [one.transport for one in server.connections if one.transport is not None]
    await runner.cleanup()
    for transport in transports:
        transport.abort()


def _follow(store: Store, hub: Hub, registry: Registry) -> None:
    """Keep the registry and the watchers up to date with the store."""
    for record in store.records(CRD_RESOURCE):
        registry.define(record.load())

    def on_event(event: Event) -> None:
        hub.dispatch(event)
        if event.record.key.resource != CRD_RESOURCE:
            return
        crd = event.record.load()
        changed = event.type == "DELETED" or registry.define(crd)
        if event.type == "DELETED":
            registry.forget(crd)
        if changed:
            # What a watch shows may have changed with the schema: its client lists again.
            spec = crd["spec"]
            hub.end(f"{spec['group']}/{spec['names']['plural']}")

    store.on_event.append(on_event)


async def _bootstrap(api: API) -> None:
    """Create the namespaces every cluster has."""
    resource = api.registry.find("", "namespaces")
    version = resource.version("v1") if resource else None
    if resource is None or version is None:
        raise RuntimeError("namespaces are not served")
    for name in _NAMESPACES:
        if api.store.get(Key("/namespaces", "", name)) is None:
            call = Call(target=Target(resource=resource, version=version))
            await api.writer.create(call, {"metadata": {"name": name}})


async def serve(config: Config, stop_event: asyncio.Event) -> None:
    """Run a server until ``stop_event`` is set."""
    async with Server(config) as server:
        log.info("API server listens on %s", server.url)
        await stop_event.wait()
