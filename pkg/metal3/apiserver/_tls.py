"""A certificate authority of its own, and the server's certificate, kept in the data directory."""

import ssl
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from metal3.pki import Authority, KeyPair, is_valid_for, write_private

CA_LIFE: Final = timedelta(days=3650)
CERT_LIFE: Final = timedelta(days=365)
RENEW_BEFORE: Final = timedelta(days=30)
NAMES: Final = ("localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc")


def ensure_certificates(directory: Path, host: str) -> Path:
    """Make or renew what is missing or near its end; returns the file of the authority."""
    names = sorted({*NAMES, "127.0.0.1", "::1", host})
    authority = _kept_authority(directory)
    if authority is None:
        # The time is in the name, so that a client never takes a new authority for the old one.
        name = f"metal3-apiserver-ca@{int(datetime.now(UTC).timestamp())}"
        authority = Authority.create(name, life=CA_LIFE)
        _keep(directory, "ca", authority.pair)
        (directory / "server.crt").unlink(missing_ok=True)
    if not _is_fresh(directory / "server.crt", names):
        _keep(directory, "server", authority.serving(names, life=CERT_LIFE))
    return directory / "ca.crt"


def server_context(directory: Path) -> ssl.SSLContext:
    """Return the TLS settings of the server."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(directory / "server.crt", directory / "server.key")
    return context


def _kept_authority(directory: Path) -> Authority | None:
    certificate, key = directory / "ca.crt", directory / "ca.key"
    if not _is_fresh(certificate) or not key.exists():
        return None
    return Authority.load(KeyPair(certificate=certificate.read_bytes(), key=key.read_bytes()))


def _keep(directory: Path, name: str, pair: KeyPair) -> None:
    write_private(directory / f"{name}.key", pair.key)
    (directory / f"{name}.crt").write_bytes(pair.certificate)


def _is_fresh(path: Path, names: Sequence[str] = ()) -> bool:
    if not path.exists():
        return False
    return is_valid_for(path.read_bytes(), names, now=datetime.now(UTC), margin=RENEW_BEFORE)
