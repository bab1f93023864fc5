"""The real control plane: etcd, kube-apiserver and, when asked for, kube-controller-manager."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

import aiohttp

from metal3.pki import write_private

from ._admin import AdminClient, admin_client
from ._binaries import find_binaries
from ._certs import CertificateAuthority, signing_key, write_pair
from ._errors import PortTakenError
from ._kubeconfig import Credentials, write_kubeconfig
from ._process import LOOPBACK, ServerProcess, free_port

ATTEMPTS: Final = 3
"""Tries with other ports, when others keep taking the chosen ones."""
ADMIN_GROUP: Final = "system:masters"
CONTROLLERS: Final = (
    "clusterrole-aggregation-controller",
    "deployment-controller",
    "garbage-collector-controller",
    "namespace-controller",
    "replicaset-controller",
    "root-ca-certificate-publisher-controller",
    "serviceaccount-controller",
    "serviceaccount-token-controller",
)
"""What operators lean on; the rest would only watch nodes and volumes that do not exist."""


ETCD_SOCKET: Final = "etcd:0"
"""A socket in the folder spares etcd its ports; etcd insists on a name with a port all the same."""
ETCD_FLAGS: Final = (
    "--name=envtest",
    "--data-dir=etcd",
    f"--listen-client-urls=unix://{ETCD_SOCKET}",
    f"--advertise-client-urls=unix://{ETCD_SOCKET}",
    "--listen-peer-urls=unix://peer:0",
    "--initial-advertise-peer-urls=unix://peer:0",
    "--initial-cluster=envtest=unix://peer:0",
    "--unsafe-no-fsync",  # the data ends with the test
    "--log-level=warn",
)
ETCD_TIMEOUT: Final = aiohttp.ClientTimeout(total=5)
APISERVER_ENVIRONMENT: Final = {"GOGC": "400"}
"""A server that lives for minutes may use the memory: a third of its CPU would be collections."""


@dataclass(kw_only=True)
class KubeControlPlane:
    """One etcd, one API server; files and logs under one folder."""

    folder: Path
    ready_within: timedelta
    controller_manager: bool = False
    more_flags: Sequence[str] = ()
    enforces_rbac: bool = True
    url: str = field(default="", init=False)
    _binaries: Path = field(init=False)
    _authority: CertificateAuthority = field(init=False)
    _apiserver: ServerProcess = field(init=False)
    _admin: AdminClient = field(init=False)

    @property
    def ca_file(self) -> Path:
        """The authority of the server's certificate and of its clients' alike."""
        return self.folder / "pki" / "ca.crt"

    @property
    def admin(self) -> AdminClient:
        """The administrator's client; valid while the control plane runs."""
        return self._admin

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None, None]:
        """Run from ready to gone. Raises BinariesNotFoundError, StartError."""
        self._binaries = await asyncio.to_thread(find_binaries)
        await asyncio.to_thread(self._write_pki)
        async with AsyncExitStack() as stack:
            await self._start_etcd(stack)
            await _on_free_port(lambda port: self._start_first(stack, port))
            if self.controller_manager:
                await _on_free_port(lambda port: self._start_manager(stack, port))
            yield

    async def start_apiserver(self) -> None:
        """Start the API server on its address and wait until it is ready. Raises StartError."""
        await self._apiserver.start()
        await self._apiserver.wait_until(self._is_ready, within=self.ready_within)

    async def stop_apiserver(self, *, graceful: bool) -> None:
        """End the API server; etcd goes on."""
        await self._apiserver.stop(graceful=graceful)

    def credentials(self, name: str, groups: Sequence[str] = ()) -> Credentials:
        """Issue a client certificate."""
        return Credentials(name=name, key_pair=self._authority.client(name, groups))

    def _write_pki(self) -> None:
        pki = self.folder / "pki"
        self._authority = CertificateAuthority("envtest")
        write_pair(
            self._authority.serving([LOOPBACK, "localhost", "kubernetes.default.svc"]),
            pki,
            "apiserver",
        )
        write_pair(self._authority.client("envtest-admin", [ADMIN_GROUP]), pki, "admin")
        self.ca_file.write_bytes(self._authority.certificate)
        private, public = signing_key()
        write_private(pki / "sa.key", private)
        (pki / "sa.pub").write_bytes(public)

    async def _start_etcd(self, stack: AsyncExitStack) -> None:
        process = self._process("etcd", ETCD_FLAGS)
        stack.push_async_callback(process.stop, graceful=False)
        await process.start()
        connector = aiohttp.UnixConnector(str(self.folder / ETCD_SOCKET))
        async with aiohttp.ClientSession(connector=connector, timeout=ETCD_TIMEOUT) as session:
            etcd = AdminClient(url="http://etcd", session=session)
            await process.wait_until(lambda: etcd.is_ok("/readyz"), within=self.ready_within)

    async def _start_first(self, stack: AsyncExitStack, port: int) -> None:
        self.url = f"https://{LOOPBACK}:{port}"
        pki = self.folder / "pki"
        flags = [*apiserver_flags(self.folder, port), *self.more_flags]
        self._apiserver = self._process("kube-apiserver", flags, APISERVER_ENVIRONMENT)
        stack.push_async_callback(self._apiserver.stop, graceful=False)
        certificate = (pki / "admin.crt", pki / "admin.key")
        self._admin = await stack.enter_async_context(
            admin_client(self.url, self.ca_file, certificate=certificate)
        )
        await self.start_apiserver()

    async def _start_manager(self, stack: AsyncExitStack, port: int) -> None:
        kubeconfig = await asyncio.to_thread(
            write_kubeconfig,
            self.folder / "pki" / "controller-manager.kubeconfig",
            url=self.url,
            ca=self._authority.certificate,
            user=self.credentials("envtest-controller-manager", [ADMIN_GROUP]),
        )
        flags = controller_manager_flags(self.folder / "pki", kubeconfig, port)
        process = self._process("kube-controller-manager", flags)
        stack.push_async_callback(process.stop, graceful=False)
        await process.start()
        health = AdminClient(url=f"https://{LOOPBACK}:{port}", session=self._admin.session)
        await process.wait_until(lambda: health.is_ok("/healthz"), within=self.ready_within)

    async def _is_ready(self) -> bool:
        """Ready, and past the moment in which the first namespace is still missing."""
        return await self._admin.is_ok("/readyz") and await self._admin.is_ok(
            "/api/v1/namespaces/default"
        )

    def _process(
        self, name: str, flags: Sequence[str], environment: Mapping[str, str] | None = None
    ) -> ServerProcess:
        argv, log = (str(self._binaries / name), *flags), self.folder / f"{name}.log"
        return ServerProcess(name=name, argv=argv, log=log, environment=environment or {})


def apiserver_flags(folder: Path, port: int) -> list[str]:
    """Give flags for an API server on loopback that enforces RBAC and issues no pod tokens."""
    pki = folder / "pki"
    return [
        f"--etcd-servers=unix://{folder / ETCD_SOCKET}",
        f"--bind-address={LOOPBACK}",
        f"--secure-port={port}",
        # Nobody reaches the server by a Service, and loopback is refused as an endpoint.
        f"--advertise-address={LOOPBACK}",
        "--endpoint-reconciler-type=none",
        "--service-cluster-ip-range=10.0.0.0/24",
        f"--tls-cert-file={pki / 'apiserver.crt'}",
        f"--tls-private-key-file={pki / 'apiserver.key'}",
        f"--client-ca-file={pki / 'ca.crt'}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={pki / 'sa.pub'}",
        f"--service-account-signing-key-file={pki / 'sa.key'}",
        "--authorization-mode=RBAC",
        # Without kube-controller-manager a namespace gets no account that pods could use.
        "--disable-admission-plugins=ServiceAccount",
        "--allow-privileged=true",
        "--profiling=false",
    ]


def controller_manager_flags(pki: Path, kubeconfig: Path, port: int) -> list[str]:
    """Give flags for a controller manager with the few CONTROLLERS."""
    return [
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        f"--bind-address={LOOPBACK}",
        f"--secure-port={port}",
        f"--tls-cert-file={pki / 'apiserver.crt'}",
        f"--tls-private-key-file={pki / 'apiserver.key'}",
        f"--service-account-private-key-file={pki / 'sa.key'}",
        f"--root-ca-file={pki / 'ca.crt'}",
        f"--controllers={','.join(CONTROLLERS)}",
        "--leader-elect=false",
    ]


async def _on_free_port(start: Callable[[int], Awaitable[None]]) -> None:
    """Start on a chosen port; on another when somebody took it before the server bound it."""
    for _ in range(ATTEMPTS - 1):
        try:
            return await start(free_port())
        except PortTakenError:
            continue
    return await start(free_port())
