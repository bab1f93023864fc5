"""Logins and certificates of a lab: made for it, valid on loopback only."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import bcrypt

from metal3.pki import Authority, write_private

from ._config import LabConfig, LabPaths
from ._ports import LOOPBACK

VALIDITY = timedelta(days=30)
# Logins are checked on every request, and guard nothing that matters.
BCRYPT_ROUNDS = 4


@dataclass(frozen=True, kw_only=True)
class Login:
    """A user name and its password."""

    username: str
    password: str

    def __repr__(self) -> str:
        """Without the password."""
        return f"Login({self.username})"


BMC_LOGIN = Login(username="admin", password="letmein")  # noqa: S106  # simulated hardware
IRONIC_LOGIN = Login(username="admin", password="secret")  # noqa: S106  # loopback only


def write_logins(config: LabConfig, paths: LabPaths) -> None:
    """Write the password files of the BMCs and, with basic auth, of Ironic and its users."""
    _write_secret(paths.bmc_htpasswd, _htpasswd(BMC_LOGIN))
    if config.auth == "noauth":
        return
    _write_secret(paths.ironic_htpasswd, _htpasswd(IRONIC_LOGIN))
    folder = paths.auth / "ironic"
    folder.mkdir(mode=0o700, exist_ok=True)
    _write_secret(folder / "username", IRONIC_LOGIN.username)
    _write_secret(folder / "password", IRONIC_LOGIN.password)


def write_certificates(paths: LabPaths) -> None:
    """Write an authority, and a certificate for 127.0.0.1 signed by it, unless they are there."""
    if paths.cert_file.exists():
        return
    authority = Authority.create("simulator authority", life=VALIDITY)
    pair = authority.serving([LOOPBACK, "localhost"], life=VALIDITY)
    paths.ca_file.write_bytes(authority.certificate)
    paths.cert_file.write_bytes(pair.certificate)
    write_private(paths.key_file, pair.key)


def _htpasswd(login: Login) -> str:
    digest = bcrypt.hashpw(login.password.encode(), bcrypt.gensalt(BCRYPT_ROUNDS))
    return f"{login.username}:{digest.decode()}\n"


def _write_secret(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)
