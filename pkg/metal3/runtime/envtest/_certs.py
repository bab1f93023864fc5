"""Certificates and keys that live as long as a test environment."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from metal3.pki import Authority, KeyPair, write_private

LIFETIME: Final = timedelta(days=7)


class CertificateAuthority:
    """Signs what one environment needs; its own key never leaves memory."""

    def __init__(self, name: str) -> None:
        self._authority = Authority.create(name, life=LIFETIME)

    @property
    def certificate(self) -> bytes:
        """The authority's own certificate, PEM."""
        return self._authority.certificate

    def serving(self, hosts: Sequence[str]) -> KeyPair:
        """Give a server certificate for DNS names and IP addresses."""
        return self._authority.serving(hosts, life=LIFETIME)

    def client(self, user: str, groups: Sequence[str] = ()) -> KeyPair:
        """Give a client certificate; Kubernetes reads CN as the user and each O as a group."""
        return self._authority.client(user, groups, life=LIFETIME)


def write_pair(pair: KeyPair, folder: Path, name: str) -> tuple[Path, Path]:
    """Write ``name.crt`` and, readable by the owner only, ``name.key``."""
    folder.mkdir(parents=True, exist_ok=True)
    certificate, key = folder / f"{name}.crt", folder / f"{name}.key"
    certificate.write_bytes(pair.certificate)
    write_private(key, pair.key)
    return certificate, key


def signing_key() -> tuple[bytes, bytes]:
    """Give a private and a public key for service account tokens, PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), public
