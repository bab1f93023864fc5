"""Credentials that need a program or a foreign service, through the ``kubernetes`` package.

That package is imported only when a kubeconfig asks for one of these: it costs a process about
17 MB and a quarter of a second (measured with 37.0.2, aiohttp already loaded), which a manager in
a pod or with a client certificate never has to pay. Its messages may quote whole kubeconfig entries,
tokens included, so they never leave this module.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib import import_module
from types import SimpleNamespace
from typing import Any

from ._auth import Credential, is_fresh
from ._errors import UnauthorizedError

Json = Mapping[str, Any]
Fetch = Callable[[], Awaitable[Credential]]


@dataclass(slots=True)
class Refreshing:
    """Keeps a credential until it expires or is refused; concurrent requests wait for one fetch."""

    name: str
    fetch: Fetch = field(repr=False)
    timeout: timedelta = timedelta(seconds=60)
    _current: Credential | None = field(default=None, repr=False)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)

    async def credential(self, *, refresh: bool = False) -> Credential:
        """The kept credential, or a new one."""
        refused = self._current
        async with self._lock:
            # Somebody may have refreshed it while we waited.
            stale = refresh and self._current is refused
            if self._current is None or stale or not is_fresh(self._current):
                self._current = await self._fetched()
            return self._current

    async def _fetched(self) -> Credential:
        try:
            async with asyncio.timeout(self.timeout.total_seconds()):
                return await self.fetch()
        except TimeoutError as e:
            raise UnauthorizedError(f"{self.name}: no answer in {self.timeout}") from e
        except UnauthorizedError:
            raise
        except Exception as e:  # noqa: BLE001  (whatever a plugin may raise)
            # From a foreign library: its text may hold secrets, so neither it nor its chain goes on.
            raise UnauthorizedError(f"{self.name}: failed ({type(e).__name__})") from None


def exec_auth(config: Json) -> Refreshing:
    """The credential of an exec plugin (client.authentication.k8s.io)."""
    command = str(config.get("command"))

    async def fetch() -> Credential:
        return _credential(await _run_exec(config), command)

    return Refreshing(f"exec plugin {command}", fetch)


async def _run_exec(config: Json) -> Json:
    node = _foreign("kube_config").ConfigNode("exec", dict(config))
    status: Json = await _foreign("exec_provider").ExecProvider(node).run()
    return status


def _credential(status: Json, command: str) -> Credential:
    token = status.get("token")
    cert, key = status.get("clientCertificateData"), status.get("clientKeyData")
    if not token and not (cert and key):
        raise UnauthorizedError(f"exec plugin {command}: neither token nor certificate")
    expires = status.get("expirationTimestamp")
    return Credential(
        header=f"Bearer {token}" if token else None,
        certificate=(str(cert).encode(), str(key).encode()) if cert and key else None,
        expires=datetime.fromisoformat(expires) if expires else None,
    )


def legacy_auth(user: Json, name: str) -> Refreshing:
    """The token of an ``auth-provider`` (oidc, gcp), refreshed as that package does."""

    async def fetch() -> Credential:
        return Credential(header=await _load_legacy(user))

    return Refreshing(f"auth-provider {name}", fetch)


async def _load_legacy(user: Json) -> str:
    loader = _foreign("kube_config").KubeConfigLoader(
        {
            "current-context": "it",
            "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
            "clusters": [{"name": "it", "cluster": {"server": "http://unused"}}],
            "users": [{"name": "it", "user": dict(user)}],
        }
    )
    configuration = SimpleNamespace(api_key={})
    await loader.load_and_set(configuration)
    header: str = configuration.api_key["BearerToken"]
    return header


def _foreign(module: str) -> Any:
    """A module of the untyped, heavy package, imported when first needed."""
    return import_module(f"kubernetes.aio.config.{module}")
