"""Starts and stops the process that plays the BMCs, and sets their faults."""

import ssl
import sys
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path

import aiohttp

from . import _bmc_faults
from ._bmc_faults import BMCFaults
from ._bmc_settings import BMCSettings
from ._config import LabConfig, LabPaths
from ._credentials import BMC_LOGIN
from ._hosts import SimulatedHost, host_name, macs, system_uuid
from ._ironic import PROBE_TIMEOUT, child_environment
from ._ports import LOOPBACK, Ports
from ._process import ChildProcess
from ._systems import System

MAIN = "metal3.simulator._bmc_main"
SYSTEMS = "/redfish/v1/Systems"
TOKEN_HEADER = "X-Simulator-Token"  # noqa: S105  # its name, not its value


def describe(config: LabConfig, ports: Ports) -> tuple[SimulatedHost, ...]:
    """The hosts of a lab, as an operator is told about them."""
    return tuple(
        SimulatedHost(
            index=index,
            name=host_name(index),
            system_uuid=system_uuid(index),
            macs=macs(index),
            bmc_address=_address(config, ports, index),
            username=BMC_LOGIN.username,
            password=BMC_LOGIN.password,
            disable_certificate_verification=config.tls and config.bmc == "redfish",
        )
        for index in range(config.hosts)
    )


def _address(config: LabConfig, ports: Ports, index: int) -> str:
    if config.bmc == "ipmi":
        return f"ipmi://{LOOPBACK}:{ports.ipmi + index}"
    kind = "redfish-virtualmedia" if config.boot == "vmedia" else "redfish"
    place = f"{LOOPBACK}:{ports.redfish + index}{SYSTEMS}/{system_uuid(index)}"
    return f"{kind}+{config.scheme}://{place}"


class BMCServer:
    """One process with the BMCs of all hosts."""

    def __init__(
        self,
        config: LabConfig,
        paths: LabPaths,
        ports: Ports,
        *,
        hosts: tuple[SimulatedHost, ...],
        token: str,
        trust: ssl.SSLContext,
    ) -> None:
        self._config = config
        self._paths = paths
        self._ports = ports
        self._hosts = hosts
        self._token = token
        self._trust = trust
        self._faults: dict[str, BMCFaults] = {}
        self._child: ChildProcess | None = None

    @property
    def log_file(self) -> Path:
        """What it wrote."""
        return self._paths.logs / "bmc.log"

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._child.pid if self._child else None

    async def start(self) -> None:
        """Start it and wait until it answers; raises :class:`StartError`."""
        _bmc_faults.write(self._paths.faults, self._faults)
        self._settings().write(self._paths.emulator_settings)
        self._child = ChildProcess(
            name="bmc",
            argv=(sys.executable, "-m", MAIN, str(self._paths.emulator_settings)),
            env=child_environment(self._paths),
            log_file=self.log_file,
        )
        await self._child.start()
        async with aiohttp.ClientSession(timeout=PROBE_TIMEOUT) as session:
            await self._child.wait_ready(lambda: self._answers(session), self._config.start_timeout)

    async def stop(self) -> None:
        """End it; there is nothing it would have to finish."""
        child, self._child = self._child, None
        if child:
            await child.stop(timedelta(0))

    def set_faults(self, system: str, faults: BMCFaults) -> None:
        """Replace what is wrong with one BMC, for all requests that come from now on."""
        self._faults[system] = faults
        _bmc_faults.write(self._paths.faults, self._faults)

    def faults(self, system: str) -> BMCFaults:
        """What is wrong with one BMC now."""
        return self._faults.get(system, _bmc_faults.HEALTHY)

    async def power_off_from_inside(self, session: aiohttp.ClientSession, system: str) -> None:
        """Let a machine switch itself off, as its operating system does."""
        headers = {TOKEN_HEADER: self._token}
        host = next(host for host in self._hosts if host.system_uuid == system)
        url = f"{self._url(host)}/simulator/powered-off"
        async with session.post(url, headers=headers, ssl=self._trust) as reply:
            reply.raise_for_status()

    def _settings(self) -> BMCSettings:
        shortest, longest = self._config.power_delay
        tls = self._config.tls
        return BMCSettings(
            port=self._ports.redfish,
            ipmi_port=self._ports.ipmi if self._config.bmc == "ipmi" else None,
            htpasswd=str(self._paths.bmc_htpasswd),
            state_file=str(self._paths.root / "systems.json"),
            media_dir=str(self._paths.root / "media"),
            faults_file=str(self._paths.faults),
            control_url=f"http://{LOOPBACK}:{self._ports.control}/{self._token}/power",
            control_token=self._token,
            power_delay=(shortest.total_seconds(), longest.total_seconds()),
            systems=[_system(host) for host in self._hosts],
            cert_file=str(self._paths.cert_file) if tls else None,
            key_file=str(self._paths.key_file) if tls else None,
        )

    def _url(self, host: SimulatedHost) -> str:
        return f"{self._config.scheme}://{LOOPBACK}:{self._ports.redfish + host.index}"

    async def _answers(self, session: aiohttp.ClientSession) -> bool:
        """The last BMC is the last to listen."""
        if not self._hosts:
            return True
        url = f"{self._url(self._hosts[-1])}/redfish/v1/"
        try:
            async with session.get(url, ssl=self._trust) as reply:
                return reply.status < HTTPStatus.INTERNAL_SERVER_ERROR
        except (aiohttp.ClientError, TimeoutError):
            return False


def _system(host: SimulatedHost) -> dict[str, object]:
    system = System(uuid=host.system_uuid, name=host.name, macs=list(host.macs))
    return {"uuid": system.uuid, "name": system.name, "macs": system.macs}
