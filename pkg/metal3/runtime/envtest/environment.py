"""The test environment: a control plane that is ready, prepared, and gone afterwards."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Protocol, Self
from urllib.parse import quote

from ._admin import AdminClient
from ._crds import install_crds
from ._embedded import EmbeddedControlPlane
from ._errors import EnvtestError
from ._kube import KubeControlPlane
from ._kubeconfig import Credentials, write_kubeconfig
from ._manifests import CRD_KIND, WEBHOOK_KINDS, read_manifests
from ._webhooks import (
    WebhookInstallOptions,
    WebhookServing,
    install_webhooks,
    lead_conversions_here,
    prepare_serving,
)

ENV_API: Final = "METAL3_TEST_API"
ADMIN: Final = "envtest-admin"
ADMIN_GROUP: Final = "system:masters"


class _ControlPlane(Protocol):
    enforces_rbac: bool

    @property
    def url(self) -> str: ...
    @property
    def ca_file(self) -> Path: ...
    @property
    def admin(self) -> AdminClient: ...
    def running(self) -> AbstractAsyncContextManager[None]: ...
    async def start_apiserver(self) -> None: ...
    async def stop_apiserver(self, *, graceful: bool) -> None: ...
    def credentials(self, name: str, groups: Sequence[str] = ()) -> Credentials: ...


@dataclass(kw_only=True)
class Environment:
    """A control plane for the length of an ``async with``.

    Entering raises BinariesNotFoundError when the real server is wanted and not built (skip the
    test, loudly), StartError when a server does not come up, InstallError for a bad manifest.
    Everything is on loopback and in one temporary folder; leaving ends each process and removes it.
    """

    crds: Sequence[Path] = ()
    """Files or folders with CRDs to install before entering returns."""
    webhooks: WebhookInstallOptions | None = None
    """Webhook configurations to install, led to a local port (see ``webhook_serving``)."""
    api: Literal["embedded", "kube"] | None = None
    """Which server; METAL3_TEST_API decides when not given, and ``embedded`` when that is not set."""
    controller_manager: bool = False
    """Also run kube-controller-manager: garbage collection, namespaces, service accounts. The
    embedded server does the first two by itself and takes no notice."""
    apiserver_flags: Sequence[str] = ()
    """More flags for kube-apiserver, such as an audit policy; ValueError on the embedded server."""
    ready_within: timedelta = timedelta(minutes=2)
    """How long a server or a CRD may take to be ready; generous, for a busy machine."""

    _stack: AsyncExitStack = field(default_factory=AsyncExitStack, init=False, repr=False)
    _folder: Path = field(init=False, repr=False)
    _plane: _ControlPlane = field(init=False, repr=False)
    _kubeconfig: Path = field(init=False, repr=False)
    _serving: WebhookServing | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        """Choose the server. Raises ValueError for one that does not exist or takes no flags."""
        chosen = self.api or os.environ.get(ENV_API) or "embedded"
        if chosen not in {"embedded", "kube"}:
            raise ValueError(f"{ENV_API}: {chosen!r} is neither 'embedded' nor 'kube'")
        self.api = "kube" if chosen == "kube" else "embedded"
        if self.apiserver_flags and self.api == "embedded":
            raise ValueError("apiserver_flags are kube-apiserver's; the embedded server has none")

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self._kubeconfig

    @property
    def url(self) -> str:
        """Where the API server answers; the same after a restart."""
        return self._plane.url

    @property
    def ca_file(self) -> Path:
        """PEM of the authority that signed the server's certificate."""
        return self._plane.ca_file

    @property
    def enforces_rbac(self) -> bool:
        """Whether users have only the rights they were given (else ``add_user`` is unsupported)."""
        return self._plane.enforces_rbac

    @property
    def webhook_serving(self) -> WebhookServing:
        """Where the code under test must serve its webhooks; EnvtestError when none were asked for."""
        if self._serving is None:
            raise EnvtestError("this environment was made without webhooks")
        return self._serving

    def log_file(self, name: str) -> Path:
        """Give the log of ``etcd``, ``kube-apiserver`` or ``kube-controller-manager``."""
        return self._folder / f"{name}.log"

    async def __aenter__(self) -> Self:
        """Start all, install all."""
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End each process and remove the folder."""
        await self._stack.aclose()

    async def add_user(self, name: str, groups: Sequence[str] = ()) -> Path:
        """Give a kubeconfig for a user who has no rights until RBAC objects grant some.

        May be repeated; the file is replaced. Raises UnsupportedError on the embedded server.
        """
        return await self._write_kubeconfig(self._plane.credentials(name, groups))

    async def install_crds(self, paths: Sequence[Path]) -> None:
        """Install the CRDs in files or folders and wait until they are served; may be repeated.

        Raises InstallError.
        """
        await self._install_crds(paths, self._serving)

    async def add_webhooks(
        self, name: str, options: WebhookInstallOptions, *, crds: Sequence[Path] = ()
    ) -> WebhookServing:
        """Wire one more webhook server, with its own port and certificate, and say where it must be.

        Conversions of ``crds`` lead there too, and the CRDs are installed. Raises InstallError.
        """
        cert_dir = self._folder / f"webhooks-{name}"
        serving = await asyncio.to_thread(prepare_serving, options, cert_dir)
        if crds:
            await self._install_crds(crds, serving)
        await self._install_webhooks(options, serving)
        return serving

    async def stop_apiserver(self, *, graceful: bool = False) -> None:
        """Take the API server away, as a crash does unless graceful; its data stays.

        The embedded server lives in this process and always ends gracefully. May be repeated.
        """
        await self._plane.stop_apiserver(graceful=graceful)

    async def start_apiserver(self) -> None:
        """Bring the API server back on the same address and wait until it is ready.

        Raises StartError, also when it runs already.
        """
        await self._plane.start_apiserver()

    async def _start(self) -> None:
        self._folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="envtest-"))
        self._stack.push_async_callback(asyncio.to_thread, shutil.rmtree, self._folder)
        self._plane = self._make_plane()
        await self._stack.enter_async_context(self._plane.running())
        admin = self._plane.credentials(ADMIN, [ADMIN_GROUP])
        self._kubeconfig = await self._write_kubeconfig(admin)
        if self.webhooks:
            cert_dir = self._folder / "webhooks"
            self._serving = await asyncio.to_thread(prepare_serving, self.webhooks, cert_dir)
        if self.crds:
            await self.install_crds(self.crds)
        if self.webhooks:
            await self._install_webhooks(self.webhooks, self.webhook_serving)

    async def _install_crds(self, paths: Sequence[Path], serving: WebhookServing | None) -> None:
        crds = await asyncio.to_thread(read_manifests, paths, kinds=CRD_KIND)
        local = lead_conversions_here(crds, serving) if serving else crds
        await install_crds(self._plane.admin, local, within=self.ready_within)

    async def _install_webhooks(
        self, options: WebhookInstallOptions, serving: WebhookServing
    ) -> None:
        if not options.manifests:
            return
        manifests = await asyncio.to_thread(read_manifests, options.manifests, kinds=WEBHOOK_KINDS)
        await install_webhooks(self._plane.admin, manifests, serving)

    def _make_plane(self) -> _ControlPlane:
        if self.api == "kube":
            return KubeControlPlane(
                folder=self._folder,
                ready_within=self.ready_within,
                controller_manager=self.controller_manager,
                more_flags=self.apiserver_flags,
            )
        return EmbeddedControlPlane(folder=self._folder, ready_within=self.ready_within)

    async def _write_kubeconfig(self, user: Credentials) -> Path:
        ca = await asyncio.to_thread(self.ca_file.read_bytes)
        # A user may be called system:serviceaccount:a:b or anything else.
        path = self._folder / "users" / f"{quote(user.name, safe='')}.kubeconfig"
        return await asyncio.to_thread(write_kubeconfig, path, url=self.url, ca=ca, user=user)
