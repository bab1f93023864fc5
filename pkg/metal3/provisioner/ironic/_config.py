"""Settings of the backend, read from the environment variables upstream deployments set."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final, NamedTuple, TypedDict
from urllib.parse import urlsplit

from metal3.runtime.types import NamespacedName

from ._errors import ConfigurationError

DEFAULT_CA: Final = "/opt/metal3/certs/ca/tls.crt"
DEFAULT_CLIENT_CERT: Final = "/opt/metal3/certs/client/tls.crt"
DEFAULT_CLIENT_KEY: Final = "/opt/metal3/certs/client/tls.key"
DEFAULT_AUTH_ROOT: Final = "/opt/metal3/auth"
PERSISTENT_BOOT: Final = ("Default", "Always", "Never")
MAX_PORT: Final = 65535
_GO_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class TLSFiles:
    """Where certificates are; a file that does not exist is not used, ``ca_data`` wins over it."""

    ca: Path = Path(DEFAULT_CA)
    client_certificate: Path = Path(DEFAULT_CLIENT_CERT)
    client_key: Path = Path(DEFAULT_CLIENT_KEY)
    ca_data: str = ""
    insecure: bool = False
    skip_hostname_verification: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """HTTP basic login; empty for an Ironic without authentication."""

    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    def __bool__(self) -> bool:
        """Whether there is a login at all."""
        return bool(self.username)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployImages:
    """What boots the deploy agent when images are not built per host."""

    kernel_url: str = ""
    ramdisk_url: str = ""
    iso_url: str = ""


class ListenAddress(NamedTuple):
    """Where a server listens; port 0 is any free one."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    def __str__(self) -> str:
        """As it is written in the environment."""
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything the backend needs to know.

    ``endpoint`` and ``login`` are empty while ``resource``, an object of kind Ironic, tells them.
    ``provisioning_limit`` counts the hosts that boot over the provisioning network at one time.
    ``build_preprovisioning_images`` tells that each host gets a boot image of its own.
    ``notifications`` is where Ironic may push what happens to nodes, and
    ``notifications_token_file`` holds what it has to know for that.
    """

    endpoint: str
    resource: NamespacedName | None = None
    login: Login = Login()
    tls: TLSFiles = TLSFiles()
    timeout: timedelta = timedelta(seconds=30)
    cache_ttl: timedelta = timedelta(seconds=5)
    concurrency: int = 16
    images: DeployImages = DeployImages()
    build_preprovisioning_images: bool = False
    provisioning_limit: int = 20
    provisioning_network_disabled: bool = False
    direct_force_persistent_boot: str = "Default"
    live_iso_force_persistent_boot: str = "Default"
    external_url_v6: str = ""
    notifications: ListenAddress | None = None
    notifications_token_file: Path | None = None


def read_config(environment: Mapping[str, str]) -> Config:
    """Read the environment; raises ConfigurationError naming the variable at fault."""
    build = _flag(environment, "BUILD_PREPROVISIONING_IMAGE")
    resource = _resource(environment)
    return Config(
        endpoint=_endpoint(environment) if resource is None else "",
        resource=resource,
        login=_login(environment) if resource is None else Login(),
        tls=_tls(environment),
        timeout=_duration(environment, "IRONIC_CLIENT_TIMEOUT", timedelta(seconds=30)),
        cache_ttl=_duration(environment, "IRONIC_CLIENT_CACHE_TTL", timedelta(seconds=5)),
        images=_images(environment, build=build),
        build_preprovisioning_images=build,
        provisioning_limit=_positive(environment, "PROVISIONING_LIMIT", 20),
        provisioning_network_disabled=_flag(environment, "PROVISIONING_NETWORK_DISABLED"),
        direct_force_persistent_boot=_persistent(
            environment, "DIRECT_DEPLOY_FORCE_PERSISTENT_BOOT_DEVICE"
        ),
        live_iso_force_persistent_boot=_persistent(
            environment, "LIVE_ISO_FORCE_PERSISTENT_BOOT_DEVICE"
        ),
        external_url_v6=environment.get("IRONIC_EXTERNAL_URL_V6", ""),
        **_notifications(environment),
    )


def _endpoint(environment: Mapping[str, str]) -> str:
    """The API's root without a version: paths are written ``/v1/...`` everywhere else."""
    text = environment.get("IRONIC_ENDPOINT", "").strip()
    if not text:
        raise ConfigurationError(
            "IRONIC_ENDPOINT is required: the URL of Ironic's API (or IRONIC_NAME: the name of an "
            "Ironic resource)"
        )
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigurationError(f"IRONIC_ENDPOINT: {text!r} is not an http or https URL")
    if parts.username or parts.password:
        raise ConfigurationError(
            "IRONIC_ENDPOINT must not hold a login: put it into METAL3_AUTH_ROOT_DIR"
        )
    return text.rstrip("/").removesuffix("/v1")


def _resource(environment: Mapping[str, str]) -> NamespacedName | None:
    """The Ironic resource to look up; it wins over IRONIC_ENDPOINT."""
    name = environment.get("IRONIC_NAME", "").strip()
    if not name:
        return None
    places = ("IRONIC_NAMESPACE", "POD_NAMESPACE", "WATCH_NAMESPACE")
    namespace = next((v for place in places if (v := environment.get(place, "").strip())), "")
    if not namespace or "," in namespace:
        raise ConfigurationError(f"IRONIC_NAMESPACE is required: where the Ironic {name!r} is")
    return NamespacedName(namespace, name)


def _login(environment: Mapping[str, str]) -> Login:
    root = Path(environment.get("METAL3_AUTH_ROOT_DIR") or DEFAULT_AUTH_ROOT) / "ironic"
    if not root.is_dir():
        return Login()
    username, password = (_content(root / name) for name in ("username", "password"))
    if not username or not password:
        raise ConfigurationError(
            f"METAL3_AUTH_ROOT_DIR: {root} must hold two non-empty files, username and password"
        )
    return Login(username=username, password=password)


def _content(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def _tls(environment: Mapping[str, str]) -> TLSFiles:
    return TLSFiles(
        ca=_file(environment, "IRONIC_CACERT_FILE", DEFAULT_CA),
        client_certificate=_file(environment, "IRONIC_CLIENT_CERT_FILE", DEFAULT_CLIENT_CERT),
        client_key=_file(environment, "IRONIC_CLIENT_PRIVATE_KEY_FILE", DEFAULT_CLIENT_KEY),
        insecure=_flag(environment, "IRONIC_INSECURE"),
        skip_hostname_verification=_flag(environment, "IRONIC_SKIP_CLIENT_SAN_VERIFY"),
    )


def _file(environment: Mapping[str, str], name: str, default: str) -> Path:
    """A path that was asked for must exist; the default may not."""
    text = environment.get(name, "")
    if text and not Path(text).exists():
        raise ConfigurationError(f"{name}: {text} does not exist")
    return Path(text or default)


def _images(environment: Mapping[str, str], *, build: bool) -> DeployImages:
    images = DeployImages(
        kernel_url=environment.get("DEPLOY_KERNEL_URL", ""),
        ramdisk_url=environment.get("DEPLOY_RAMDISK_URL", ""),
        iso_url=environment.get("DEPLOY_ISO_URL", ""),
    )
    if build:
        return images
    if bool(images.kernel_url) != bool(images.ramdisk_url):
        raise ConfigurationError("DEPLOY_KERNEL_URL and DEPLOY_RAMDISK_URL must be set together")
    if not images.kernel_url and not images.iso_url:
        raise ConfigurationError(
            "DEPLOY_KERNEL_URL and DEPLOY_RAMDISK_URL, or DEPLOY_ISO_URL, must be set"
        )
    return images


class _Notifications(TypedDict):
    notifications: ListenAddress | None
    notifications_token_file: Path | None


def _notifications(environment: Mapping[str, str]) -> _Notifications:
    """Beyond the machine itself nobody may make the operator look without a token."""
    address = _listen_address(environment, "IRONIC_NOTIFICATIONS_ADDR")
    text = environment.get("IRONIC_NOTIFICATIONS_TOKEN_FILE", "").strip()
    token_file = Path(text) if text else None
    if token_file is not None and not _content(token_file):
        raise ConfigurationError(f"IRONIC_NOTIFICATIONS_TOKEN_FILE: {text} holds no token")
    if address is not None and token_file is None and not address.is_loopback:
        raise ConfigurationError(
            f"IRONIC_NOTIFICATIONS_ADDR: others can reach {address}, so "
            "IRONIC_NOTIFICATIONS_TOKEN_FILE is required"
        )
    return {"notifications": address, "notifications_token_file": token_file}


def _listen_address(environment: Mapping[str, str], name: str) -> ListenAddress | None:
    text = environment.get(name, "").strip()
    if not text:
        return None
    host, separator, port = text.rpartition(":")
    if not separator or not host or not port.isdecimal() or int(port) > MAX_PORT:
        raise ConfigurationError(f"{name}: {text!r} is not an address such as 127.0.0.1:9099")
    return ListenAddress(host.strip("[]"), int(port))


def _flag(environment: Mapping[str, str], name: str) -> bool:
    text = environment.get(name, "").strip().lower()
    if text in {"", "0", "f", "false", "no", "off"}:
        return False
    if text in {"1", "t", "true", "yes", "on"}:
        return True
    raise ConfigurationError(f"{name}: {text!r} is neither true nor false")


def _positive(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name, "").strip()
    if not text:
        return default
    if not text.isdecimal() or int(text) < 1:
        raise ConfigurationError(f"{name}: {text!r} is not a positive whole number")
    return int(text)


def _persistent(environment: Mapping[str, str], name: str) -> str:
    text = environment.get(name, "") or PERSISTENT_BOOT[0]
    if text not in PERSISTENT_BOOT:
        raise ConfigurationError(f"{name}: {text!r} is not one of {', '.join(PERSISTENT_BOOT)}")
    return text


def _duration(environment: Mapping[str, str], name: str, default: timedelta) -> timedelta:
    """Go's notation, as existing deployments have it: ``30s``, ``1m30s``, ``0``."""
    text = environment.get(name, "").strip()
    if not text:
        return default
    if text == "0":
        return timedelta(0)
    parts = _GO_DURATION.findall(text)
    if "".join(number + unit for number, unit in parts) != text:
        raise ConfigurationError(f"{name}: {text!r} is not a duration such as 30s or 1m30s")
    return timedelta(seconds=sum(float(number) * _UNITS[unit] for number, unit in parts))
