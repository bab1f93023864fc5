"""Starts, stops and empties the real Ironic."""

import os
import shutil
import ssl
import stat
import sys
from datetime import timedelta
from pathlib import Path

import aiohttp

from metal3.notifier import TOKEN_VARIABLE, URL_VARIABLE

from . import _ironic_config
from ._config import LabConfig, LabPaths
from ._credentials import IRONIC_LOGIN
from ._ironic_config import IronicURLs
from ._ports import LOOPBACK, Ports
from ._process import ChildProcess

MAIN = "metal3.simulator._ironic_main"
ISO_TOOLS = ("genisoimage", "mkisofs")
IPMI_TOOL = "ipmitool"
PROBE_TIMEOUT = aiohttp.ClientTimeout(total=5)


class IronicServer:
    """One Ironic with its own SQLite database."""

    def __init__(
        self, config: LabConfig, paths: LabPaths, ports: Ports, trust: ssl.SSLContext
    ) -> None:
        self.url = f"{config.scheme}://{LOOPBACK}:{ports.ironic}"
        self._config = config
        self._paths = paths
        self._ports = ports
        self._trust = trust
        self._child: ChildProcess | None = None

    @property
    def log_files(self) -> tuple[Path, ...]:
        """What to read when it fails."""
        return (self._paths.logs / "ironic.out", self._paths.logs / "ironic.log")

    @property
    def pid(self) -> int | None:
        """Process id of the master process while it runs."""
        return self._child.pid if self._child else None

    async def start(self) -> None:
        """Start it and wait until it answers with drivers; does nothing while it runs.

        Raises :class:`StartError`.
        """
        if self._child and self._child.is_running():
            return
        self._prepare()
        if not self._paths.database.exists():
            schema = self._process("create-schema", "dbsync.out", "create_schema")
            await schema.run(self._config.start_timeout)
        self._child = self._process("serve", "ironic.out")
        await self._child.start()
        async with aiohttp.ClientSession(timeout=PROBE_TIMEOUT) as session:
            await self._child.wait_ready(lambda: self._answers(session), self._config.start_timeout)

    async def stop(self) -> None:
        """Stop it; its database stays."""
        child, self._child = self._child, None
        if child:
            await child.stop(self._config.stop_timeout)

    async def kill(self) -> None:
        """End it without warning, as a power cut would."""
        child, self._child = self._child, None
        if child:
            await child.stop(timedelta(0))

    async def wipe(self) -> None:
        """Throw its database away; it must be stopped."""
        if self._child:
            raise RuntimeError("stop Ironic before wiping its database")
        _remove_database(self._paths.database)

    def _prepare(self) -> None:
        """Write its configuration and the tools it calls."""
        files = f"http://{LOOPBACK}:{self._ports.files}"
        urls = IronicURLs(api=self.url, files=files)
        text = _ironic_config.render(self._config, self._paths, self._ports, urls)
        self._paths.ironic_config.write_text(text)
        here = Path(__file__)
        for name in ISO_TOOLS:
            _write_script(self._paths.tools / name, here.with_name("_mkisofs.py"))
        if not shutil.which(IPMI_TOOL):
            _write_script(self._paths.tools / IPMI_TOOL, here.with_name("_ipmitool.py"))

    def _process(self, command: str, log: str, *arguments: str) -> ChildProcess:
        config_file = ("--config-file", str(self._paths.ironic_config))
        return ChildProcess(
            name="ironic" if command == "serve" else "ironic-dbsync",
            argv=(sys.executable, "-m", MAIN, command, *config_file, *arguments),
            env=self._environment(),
            log_file=self._paths.logs / log,
            more_logs=(self._paths.logs / "ironic.log",),
        )

    def _environment(self) -> dict[str, str]:
        path = os.environ.get("PATH", os.defpath)
        return child_environment(self._paths) | {
            "PATH": os.pathsep.join((str(self._paths.tools), path)),
            URL_VARIABLE: self._config.notify_url or "",
            TOKEN_VARIABLE: str(self._config.notify_token_file or ""),
        }

    async def _answers(self, session: aiohttp.ClientSession) -> bool:
        headers: dict[str, str] = {}
        if self._config.auth == "http_basic":
            login = aiohttp.encode_basic_auth(IRONIC_LOGIN.username, IRONIC_LOGIN.password)
            headers["Authorization"] = login
        url = f"{self.url}/v1/drivers"
        try:
            async with session.get(url, headers=headers, ssl=self._trust) as reply:
                return reply.ok and bool((await reply.json())["drivers"])
        except (aiohttp.ClientError, TimeoutError):
            return False


def child_environment(paths: LabPaths) -> dict[str, str]:
    """What every child is started with: loopback is never reached through a proxy."""
    return dict(os.environ) | {
        "NO_PROXY": LOOPBACK,
        "no_proxy": LOOPBACK,
        "PYTHONWARNINGS": "ignore",
        "TMPDIR": str(paths.root / "tmp"),
    }


def _remove_database(database: Path) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        Path(f"{database}{suffix}").unlink(missing_ok=True)


def _write_script(path: Path, program: Path) -> None:
    shell = shutil.which("sh") or "/bin/sh"
    path.write_text(f'#!{shell}\nexec "{sys.executable}" -I "{program}" "$@"\n')
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
