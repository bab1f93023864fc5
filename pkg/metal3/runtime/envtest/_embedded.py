"""The embedded API server as a control plane for tests, in this process and event loop."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from metal3.apiserver import Config, Server

from ._admin import AdminClient, admin_client
from ._errors import StartError, UnsupportedError
from ._kubeconfig import Credentials
from ._process import free_port


@dataclass(kw_only=True)
class EmbeddedControlPlane:
    """One server over one folder. It collects garbage itself and lets its one user do anything."""

    folder: Path
    ready_within: timedelta
    enforces_rbac: bool = False
    _config: Config = field(init=False)
    _server: Server = field(init=False)
    _admin: AdminClient = field(init=False)
    _serving: AsyncExitStack | None = field(default=None, init=False)

    @property
    def url(self) -> str:
        """Where the server answers; the same after a restart."""
        return self._server.url

    @property
    def ca_file(self) -> Path:
        """The authority of the server's certificate."""
        if self._server.ca_file is None:
            raise StartError("the embedded API server was started without TLS")
        return self._server.ca_file

    @property
    def admin(self) -> AdminClient:
        """The administrator's client; valid while the control plane runs."""
        return self._admin

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None, None]:
        """Run from ready to gone."""
        self._config = Config(data_dir=self.folder / "data", port=free_port())
        try:
            await self.start_apiserver()
            async with admin_client(
                self.url, self.ca_file, token=self._server.token
            ) as self._admin:
                yield
        finally:
            await self.stop_apiserver(graceful=True)

    async def start_apiserver(self) -> None:
        """Serve the folder's data on the same address as before. Raises StartError."""
        if self._serving is not None:
            raise StartError("the embedded API server runs already")
        async with AsyncExitStack() as stack:
            self._server = await stack.enter_async_context(Server(self._config))
            self._serving = stack.pop_all()

    async def stop_apiserver(self, *, graceful: bool) -> None:
        """Stop serving; always gracefully, since the server lives in this process."""
        serving, self._serving = self._serving, None
        if serving is not None:
            await serving.aclose()

    def credentials(self, name: str, groups: Sequence[str] = ()) -> Credentials:
        """Give the only credentials there are; another user than the administrator is refused."""
        if name != "envtest-admin":
            raise UnsupportedError("the embedded API server has one user and enforces no RBAC")
        return Credentials(name=name, token=self._server.token)
