"""Reading kubeconfig files: found, merged, checked, turned into a Config.

Several files merge as kubectl does it: whoever names a thing first wins. Relative paths are
relative to the file that holds them.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard, cast
from urllib.parse import urlsplit

import yaml

from ._auth import Anonymous, AuthProvider, BasicAuth, BearerToken, TokenFile
from ._config import Config, ConfigError
from ._plugins import exec_auth, legacy_auth
from ._tls import TLSConfig

MAX_SIZE = 4 * 1024 * 1024
"""Bytes; more is no kubeconfig."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A map somewhere in a file, which it can name in messages."""

    file: Path
    where: str
    value: Mapping[str, Any]

    def error(self, field: str, why: str) -> ConfigError:
        """What is wrong with a field of this map."""
        return ConfigError(f"{self.file}: {self.where}{field}: {why}")

    def text(self, field: str) -> str | None:
        """A field that is text, None when absent or empty."""
        value = self.value.get(field)
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            raise self.error(field, "must be text")
        return value

    def flag(self, field: str) -> bool:
        """A field that is a boolean, False when absent."""
        value = self.value.get(field) or False
        if not isinstance(value, bool):
            raise self.error(field, "must be true or false")
        return value

    def map(self, field: str) -> "Entry | None":
        """A field that is a map, None when absent."""
        value = self.value.get(field)
        if value is None:
            return None
        if not _is_map(value):
            raise self.error(field, "must be a map")
        return Entry(self.file, f"{self.where}{field}.", value)

    def path(self, field: str) -> Path | None:
        """A field that names a file, which must be there."""
        text = self.text(field)
        if text is None:
            return None
        found = self.file.parent / Path(text).expanduser()
        if not found.is_file():
            raise self.error(field, f"no such file: {found}")
        return found

    def data(self, field: str) -> bytes | None:
        """A field that is base64."""
        text = self.text(field)
        try:
            return base64.b64decode(text, validate=True) if text else None
        except (binascii.Error, ValueError):
            raise self.error(field, "is not base64") from None


def read_kubeconfig(paths: list[Path], context: str | None) -> Config:
    """The Config of ``context``, or of the current one; raises ConfigError."""
    files = [_read(path) for path in paths]
    name = context or next((c for c in (f.text("current-context") for f in files) if c), None)
    if not name:
        raise files[0].error("current-context", "is not set, and no context was asked for")
    chosen = _named(files, "contexts", "context", name)
    if chosen is None:
        raise files[0].error("contexts", f"there is no {name!r}")
    return _config(files, chosen)


def _config(files: list[Entry], chosen: Entry) -> Config:
    cluster_name = chosen.text("cluster")
    cluster = _named(files, "clusters", "cluster", cluster_name) if cluster_name else None
    if cluster is None:
        raise chosen.error("cluster", f"there is no cluster {cluster_name!r}")
    user_name = chosen.text("user")
    user = _named(files, "users", "user", user_name) if user_name else None
    if user_name and user is None:
        raise chosen.error("user", f"there is no user {user_name!r}")
    user = user or Entry(chosen.file, chosen.where, {})
    return Config(
        host=_url(cluster, "server", required=True),
        tls=_tls(cluster, user),
        auth=_auth(user),
        namespace=chosen.text("namespace") or "default",
        proxy=_url(cluster, "proxy-url", required=False) or None,
    )


def _url(entry: Entry, field: str, *, required: bool) -> str:
    text = (entry.text(field) or "").rstrip("/")
    if not text:
        if required:
            raise entry.error(field, "is missing")
        return ""
    try:
        parts = urlsplit(text)
        port_is_valid = parts.port is None or parts.port > 0
    except ValueError:
        raise entry.error(field, "is no URL") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or not port_is_valid:
        raise entry.error(field, "must be an http or https URL")
    return text


def _tls(cluster: Entry, user: Entry) -> TLSConfig:
    cert, key = user.data("client-certificate-data"), user.data("client-key-data")
    cert_file = None if cert else user.path("client-certificate")
    key_file = None if key else user.path("client-key")
    if bool(cert or cert_file) != bool(key or key_file):
        raise user.error("client-key", "certificate and key are needed together")
    ca = cluster.data("certificate-authority-data")
    return TLSConfig(
        ca=ca,
        ca_file=None if ca else cluster.path("certificate-authority"),
        cert=cert,
        cert_file=cert_file,
        key=key,
        key_file=key_file,
        insecure=cluster.flag("insecure-skip-tls-verify"),
        server_name=cluster.text("tls-server-name"),
    )


def _auth(user: Entry) -> AuthProvider:
    plugin, legacy = user.map("exec"), user.map("auth-provider")
    token_file, token = user.path("tokenFile"), user.text("token")
    if plugin is not None:
        return _exec(plugin)
    if token_file is not None:
        return TokenFile(token_file)
    if token is not None:
        return BearerToken(token)
    if legacy is not None:
        return legacy_auth(user.value, legacy.text("name") or "")
    username, password = user.text("username"), user.text("password")
    if username is not None:
        return BasicAuth(username, password or "")
    return Anonymous()


def _exec(plugin: Entry) -> AuthProvider:
    for field in ("command", "apiVersion"):
        if plugin.text(field) is None:
            raise plugin.error(field, "is missing")
    command = str(plugin.value["command"])
    if "/" in command:
        # As kubectl: a path is relative to the file, a bare name is looked up in PATH.
        command = str(plugin.file.parent / command)
    return exec_auth({**plugin.value, "command": command})


def _read(path: Path) -> Entry:
    try:
        if path.stat().st_size > MAX_SIZE:
            raise ConfigError(f"{path}: larger than {MAX_SIZE} bytes")
        data = yaml.safe_load(path.read_text())
    except OSError as e:
        raise ConfigError(f"{path}: {e.strerror or type(e).__name__}") from e
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as e:
        # The library quotes the text around the error, which may be a token.
        raise ConfigError(f"{path}: not YAML{_line(e)}") from None
    if not _is_map(data):
        raise ConfigError(f"{path}: not a kubeconfig: the top must be a map")
    return Entry(path, "", data)


def _line(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    return f" (line {mark.line + 1})" if mark is not None else ""


def _named(files: list[Entry], section: str, inner: str, name: str) -> Entry | None:
    """The map ``inner`` of the first item with this name in a list of any of the files."""
    for file in files:
        items: Any = file.value.get(section) or []
        if not isinstance(items, list):
            raise file.error(section, "must be a list")
        for number, item in enumerate(cast("list[Any]", items)):  # type: ignore[redundant-cast]  # pyright needs it
            if not _is_map(item):
                raise file.error(f"{section}[{number}]", "must be a map")
            if item.get("name") == name:
                found = Entry(file.file, f"{section}[{name}].", item).map(inner)
                return found or Entry(file.file, f"{section}[{name}].{inner}.", {})
    return None


def _is_map(value: Any) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(value, dict)
