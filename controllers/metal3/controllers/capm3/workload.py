"""Nodes of workload clusters: one connection and one watch for each cluster, shared by all.

A connection is made when a cluster is first asked for, from the Secret ``<cluster>-kubeconfig``
(Cluster API contract), anew when that Secret changes, and closed when the cluster is gone.
"""

import asyncio
import math
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Protocol, cast

import yaml

from metal3 import ctrl
from metal3.api.core import v1 as corev1
from metal3.runtime.cache import Cache, CacheOptions, CacheSyncTimeoutError
from metal3.runtime.client import Client, NotFoundError, Reader, RestClient
from metal3.runtime.rest import ApiError, Config, ConfigError
from metal3.runtime.types import NamespacedName

from .providerid import NODE_INDEXES, NodeIdentity, identity_of

KUBECONFIG_KEY: Final = "value"
READ_TIMEOUT: Final = timedelta(seconds=10)
SWEEP: Final = timedelta(minutes=10)
"""How often connections of clusters that are gone are looked for: nobody asks for those any more."""
SECRET_AGE: Final = 10.0
"""Seconds for which a Secret that was looked at is good."""
MISSING_AGE: Final = 2.0
"""The same when it was missing."""

log = ctrl.get_logger(__name__)


class WorkloadUnreachableError(Exception):
    """The cluster cannot be asked at present; the message names no secrets."""


class WorkloadClusters(Protocol):
    """Access to workload clusters by the key of their Cluster."""

    async def nodes(self, cluster: NamespacedName, fields: Mapping[str, str]) -> list[corev1.Node]:
        """Nodes by NODE_INDEXES, from a watched cache; raises WorkloadUnreachableError."""
        ...

    async def node(self, cluster: NamespacedName, name: str) -> corev1.Node | None:
        """One node, likewise; None when there is none of the name."""
        ...

    async def client(self, cluster: NamespacedName) -> Client:
        """To read and write directly; raises WorkloadUnreachableError."""
        ...


@dataclass(slots=True)
class _Connection:
    version: str
    rest: RestClient
    cache: Cache
    task: "asyncio.Task[None]"
    checked: float
    """When the Secret was last looked at, by the clock of the loop."""


@dataclass(slots=True)
class _NodeNews:
    """An event handler that says which nodes came, went, or are known otherwise now."""

    tell: Callable[[NodeIdentity], None]

    def on_add(self, obj: corev1.Node, *, is_in_initial_list: bool) -> None:
        """A node joined."""
        self.tell(identity_of(obj))

    def on_update(self, old: corev1.Node, new: corev1.Node) -> None:
        """Heartbeats are no news; how a node is known is."""
        for identity in {identity_of(old), identity_of(new)}:
            if identity_of(old) != identity_of(new):
                self.tell(identity)

    def on_delete(self, obj: corev1.Node, *, final_state_unknown: bool) -> None:
        """A node left."""
        self.tell(identity_of(obj))


@dataclass(kw_only=True)
class SharedConnections:
    """The WorkloadClusters of a running manager; a Runnable."""

    secrets: Reader
    on_node: Callable[[NamespacedName, NodeIdentity], None] = lambda _, __: None
    _open: dict[NamespacedName, _Connection] = field(
        default_factory=dict[NamespacedName, _Connection], init=False
    )
    _locks: dict[NamespacedName, asyncio.Lock] = field(
        default_factory=dict[NamespacedName, asyncio.Lock], init=False
    )
    _missing: dict[NamespacedName, float] = field(
        default_factory=dict[NamespacedName, float], init=False
    )
    """When a cluster's Secret was last found missing."""
    _tasks: asyncio.TaskGroup | None = field(default=None, init=False)

    async def run(self) -> None:
        """Hold the connections until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                while True:
                    await asyncio.sleep(SWEEP.total_seconds())
                    await self._sweep()
        finally:
            self._tasks = None

    async def nodes(self, cluster: NamespacedName, fields: Mapping[str, str]) -> list[corev1.Node]:
        """As in WorkloadClusters."""
        connection = await self._connection(cluster)
        with _in_time(cluster):
            return (await connection.cache.list(corev1.Node, fields=fields)).items

    async def node(self, cluster: NamespacedName, name: str) -> corev1.Node | None:
        """As in WorkloadClusters."""
        connection = await self._connection(cluster)
        with _in_time(cluster):
            try:
                return await connection.cache.get(corev1.Node, NamespacedName("", name))
            except NotFoundError:
                return None

    async def client(self, cluster: NamespacedName) -> Client:
        """As in WorkloadClusters."""
        return (await self._connection(cluster)).rest

    async def _sweep(self) -> None:
        for cluster in list(self._open):
            with suppress(ApiError):  # nobody knows: it stays
                try:
                    await self._secret(cluster)
                except WorkloadUnreachableError:
                    self._close(cluster)

    def _close(self, cluster: NamespacedName) -> None:
        """Its lock stays: somebody may hold it, and two would connect at once."""
        connection = self._open.pop(cluster, None)
        if connection is not None:
            connection.task.cancel()

    async def _connection(self, cluster: NamespacedName) -> _Connection:
        """Hundreds of machines ask at once: the Secret is looked at now and then, for all of them."""
        now = asyncio.get_running_loop().time()
        known = self._open.get(cluster)
        if known is not None and not known.task.done() and now - known.checked < SECRET_AGE:
            return known
        async with self._locks.setdefault(cluster, asyncio.Lock()):
            return await self._checked(cluster, self._open.get(cluster))

    async def _checked(self, cluster: NamespacedName, known: _Connection | None) -> _Connection:
        now = asyncio.get_running_loop().time()
        is_alive = known is not None and not known.task.done()
        if known is not None and is_alive and now - known.checked < SECRET_AGE:
            return known
        secret = await self._secret(cluster)
        if known is not None and is_alive and known.version == secret.metadata.resource_version:
            known.checked = now
            return known
        self._close(cluster)
        connection = await self._connect(cluster, secret)
        self._open[cluster] = connection
        return connection

    async def _secret(self, cluster: NamespacedName) -> corev1.Secret:
        key = NamespacedName(cluster.namespace, f"{cluster.name}-kubeconfig")
        now = asyncio.get_running_loop().time()
        unreachable = WorkloadUnreachableError(f"Secret {key.name} is not there yet")
        if now - self._missing.get(cluster, -math.inf) < MISSING_AGE:
            raise unreachable
        try:
            secret = await self.secrets.get(corev1.Secret, key)
        except NotFoundError:
            self._missing[cluster] = now
            raise unreachable from None
        self._missing.pop(cluster, None)
        return secret

    async def _connect(self, cluster: NamespacedName, secret: corev1.Secret) -> _Connection:
        if self._tasks is None:
            raise WorkloadUnreachableError("connections are not running")
        try:
            text = corev1.secret_data(secret)[KUBECONFIG_KEY]
            config = await asyncio.to_thread(config_of, text)
        except (KeyError, ValueError, ConfigError) as error:
            raise WorkloadUnreachableError(
                f"Secret {secret.metadata.name} holds no kubeconfig"
            ) from error
        rest = RestClient(config)
        cache = Cache(rest, CacheOptions(read_timeout=READ_TIMEOUT))
        for index, extract in NODE_INDEXES.items():
            cache.index_field(corev1.Node, index, extract)
        informer = await cache.get_informer(corev1.Node)
        informer.add_event_handler(_NodeNews(lambda identity: self.on_node(cluster, identity)))
        task = self._tasks.create_task(_hold(rest, cache, cluster), name=f"workload {cluster}")
        now = asyncio.get_running_loop().time()
        return _Connection(secret.metadata.resource_version, rest, cache, task, now)


@contextmanager
def _in_time(cluster: NamespacedName) -> Generator[None]:
    try:
        yield
    except CacheSyncTimeoutError as error:
        raise WorkloadUnreachableError(
            f"cluster {cluster.name}: nodes could not be listed in time"
        ) from error


async def _hold(rest: RestClient, cache: Cache, cluster: NamespacedName) -> None:
    """Watch until cancelled; trouble with one cluster must not reach the others."""
    try:
        with suppress(ApiError):
            await cache.run()
    except Exception as error:  # noqa: BLE001 - whatever it is, the other clusters go on
        log.warning("watching a workload cluster failed", cluster=cluster, error=error)
    finally:
        await rest.aclose()


def config_of(kubeconfig: bytes) -> Config:
    """From the text of a kubeconfig; reads and writes files. Raises ConfigError.

    Whoever may write the Secret must not get to run programs or read files of the manager.
    """
    try:
        parsed: Any = yaml.safe_load(kubeconfig)
    except yaml.YAMLError:
        raise ConfigError("it is no YAML") from None
    if _reaches_out(parsed):
        raise ConfigError("it runs programs or names files, which is not allowed here")
    with TemporaryDirectory() as folder:
        path = Path(folder) / "kubeconfig"
        path.touch(mode=0o600)
        path.write_bytes(kubeconfig)
        return ctrl.load_config(path)


_FORBIDDEN: Final = frozenset(
    {
        "exec",
        "auth-provider",
        "tokenFile",
        "certificate-authority",
        "client-certificate",
        "client-key",
    }
)


def _reaches_out(value: Any) -> bool:
    if isinstance(value, dict):
        found = cast("dict[str, Any]", value)
        return bool(_FORBIDDEN & found.keys()) or any(_reaches_out(v) for v in found.values())
    if isinstance(value, list):
        items: list[Any] = value
        return any(_reaches_out(item) for item in items)
    return False
