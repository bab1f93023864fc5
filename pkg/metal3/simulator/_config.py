"""What a lab looks like: the choices of its user, and the places of its files."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Literal

from ._ports import MAX_HOSTS

DEFAULT_CUSTOM_STEPS = ("custom_deploy",)


@dataclass(frozen=True, kw_only=True)
class LabConfig:
    """The choices for one lab.

    ``state_dir``: where everything is kept; ``None`` takes a temporary folder that goes at the end
    unless ``keep`` is set. ``base_port``: 0 looks for free ports; otherwise Ironic listens on
    ``base_port + 385``, so that 6000 gives its customary 6385. ``power_delay``: shortest and
    longest time a power change takes. ``heartbeat``: how often a simulated agent calls Ironic.
    ``step_time``: how long a cleaning, deploy or service step takes. ``boot_time``: from power on
    to the agent's first call. ``ironic_options``: more settings, as ``"section.key": "value"``.
    ``notify_url``: where Ironic POSTs its notifications; ``notify_token_file``: the token it
    sends along. ``boot`` and ``bmc`` decide which BMC address the hosts are announced with.
    """

    state_dir: Path | None = None
    hosts: int = 3
    base_port: int = 0
    tls: bool = False
    auth: Literal["noauth", "http_basic"] = "noauth"
    boot: Literal["vmedia", "ipxe"] = "vmedia"
    bmc: Literal["redfish", "ipmi"] = "redfish"
    power_delay: tuple[timedelta, timedelta] = (
        timedelta(milliseconds=200),
        timedelta(milliseconds=500),
    )
    heartbeat: timedelta = timedelta(seconds=3)
    step_time: timedelta = timedelta(milliseconds=200)
    boot_time: timedelta = timedelta(0)
    start_timeout: timedelta = timedelta(seconds=90)
    stop_timeout: timedelta = timedelta(seconds=10)
    ironic_options: Mapping[str, str] = field(default_factory=dict[str, str])
    custom_deploy_steps: tuple[str, ...] = DEFAULT_CUSTOM_STEPS
    notify_url: str | None = None
    notify_token_file: Path | None = None
    keep: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot work, before anything is started."""
        if not 0 <= self.hosts <= MAX_HOSTS:
            raise ValueError(f"hosts must be between 0 and {MAX_HOSTS}")
        shortest, longest = self.power_delay
        if not timedelta(0) <= shortest <= longest:
            raise ValueError("power_delay must be two times, the shorter one first")
        for name in self.ironic_options:
            section, dot, key = name.partition(".")
            if not (section and dot and key):
                raise ValueError(f"an Ironic option is named section.key, not {name!r}")

    @property
    def scheme(self) -> str:
        """``https`` with TLS, else ``http``."""
        return "https" if self.tls else "http"


@dataclass(frozen=True, kw_only=True)
class LabPaths:
    """Where a lab keeps its files, all below ``root``."""

    root: Path

    @property
    def http(self) -> Path:
        """What the file server serves; Ironic publishes its boot scripts here."""
        return self.root / "http"

    @property
    def images(self) -> Path:
        """The instance image and the ramdisk's files."""
        return self.http / "images"

    @property
    def logs(self) -> Path:
        """One log a process."""
        return self.root / "log"

    @property
    def tools(self) -> Path:
        """Put first on Ironic's PATH: our stand-in for mkisofs."""
        return self.root / "bin"

    @property
    def certs(self) -> Path:
        """The lab's own authority and the server certificate."""
        return self.root / "certs"

    @property
    def auth(self) -> Path:
        """``METAL3_AUTH_ROOT_DIR``: ``ironic/username`` and ``ironic/password`` with basic auth."""
        return self.root / "auth"

    @property
    def ca_file(self) -> Path:
        """The authority that signed the server certificate."""
        return self.certs / "ca.crt"

    @property
    def cert_file(self) -> Path:
        """The certificate of every server of the lab."""
        return self.certs / "server.crt"

    @property
    def key_file(self) -> Path:
        """The key of :attr:`cert_file`."""
        return self.certs / "server.key"

    @property
    def ironic_config(self) -> Path:
        """The configuration file that Ironic reads."""
        return self.root / "ironic.conf"

    @property
    def ironic_htpasswd(self) -> Path:
        """Who may use Ironic's API with basic auth."""
        return self.root / "htpasswd"

    @property
    def bmc_htpasswd(self) -> Path:
        """Who may use the BMCs."""
        return self.root / "bmc-htpasswd"

    @property
    def database(self) -> Path:
        """Ironic's database."""
        return self.root / "ironic.sqlite"

    @property
    def emulator_settings(self) -> Path:
        """What the BMC process reads at its start."""
        return self.root / "bmc.json"

    @property
    def faults(self) -> Path:
        """Faults of the BMCs, read by the BMC process whenever the file changes."""
        return self.root / "faults.json"

    @property
    def base_port(self) -> Path:
        """Remembers the ports, which are part of what Ironic's database says."""
        return self.root / "base-port"

    def create(self) -> None:
        """Make the folders; those that hold secrets are the owner's alone."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        shared = (self.images, self.http / "tmp", self.logs, self.tools, self.root / "tmp")
        ironic = ("lib", "locks", "master_images", "master_iso", "tftpboot/master_images")
        for folder in (*shared, *(self.root / name for name in ironic)):
            folder.mkdir(parents=True, exist_ok=True)
        (self.root / "tftpboot/pxelinux.cfg").mkdir(exist_ok=True)
        for secret in (self.certs, self.auth):
            secret.mkdir(mode=0o700, exist_ok=True)
