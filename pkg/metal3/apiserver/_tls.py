"""A certificate authority of its own, and the server's certificate, kept in the data directory."""

import ipaddress
import os
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CA_LIFE: Final = timedelta(days=3650)
CERT_LIFE: Final = timedelta(days=365)
RENEW_BEFORE: Final = timedelta(days=30)
NAMES: Final = ("localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc")


def write_private(path: Path, data: bytes) -> None:
    """Write a file only its owner can read, whole or not at all."""
    temporary = path.with_suffix(".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as handle:
        handle.write(data)
    temporary.replace(path)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _is_fresh(path: Path, hosts: Sequence[str] = ()) -> bool:
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError):
        return False
    if certificate.not_valid_after_utc - datetime.now(UTC) < RENEW_BEFORE:
        return False
    if not hosts:
        return True
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    known = {str(a) for a in names.get_values_for_type(x509.IPAddress)}
    return set(hosts) <= known | set(names.get_values_for_type(x509.DNSName))


def _builder(subject: x509.Name, issuer: x509.Name, life: timedelta) -> x509.CertificateBuilder:
    start = datetime.now(UTC) - timedelta(minutes=5)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + life)
    )


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def _make_ca(directory: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    # The time is in the name, so that a client never takes a new authority for the old one.
    name = _name(f"metal3-apiserver-ca@{int(datetime.now(UTC).timestamp())}")
    certificate = (
        _builder(name, name, CA_LIFE)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(authority=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    write_private(directory / "ca.key", _key_pem(key))
    (directory / "ca.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _make_server(directory: Path, hosts: Sequence[str]) -> None:
    authority = x509.load_pem_x509_certificate((directory / "ca.crt").read_bytes())
    signer = serialization.load_pem_private_key((directory / "ca.key").read_bytes(), None)
    if not isinstance(signer, ec.EllipticCurvePrivateKey):
        raise TypeError("ca.key is not of the kind this server makes")
    key = ec.generate_private_key(ec.SECP256R1())
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    certificate = (
        _builder(_name("metal3-apiserver"), authority.subject, CERT_LIFE)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.SubjectAlternativeName([_alternative(h) for h in hosts]), critical=False
        )
        .add_extension(identifier, critical=False)
        .add_extension(issuer, critical=False)
        .sign(signer, hashes.SHA256())
    )
    write_private(directory / "server.key", _key_pem(key))
    (directory / "server.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


def ensure_certificates(directory: Path, host: str) -> Path:
    """Make or renew what is missing or near its end; returns the file of the authority."""
    authority = directory / "ca.crt"
    hosts = sorted({*NAMES, "127.0.0.1", "::1", host})
    if not _is_fresh(authority) or not (directory / "ca.key").exists():
        _make_ca(directory)
        (directory / "server.crt").unlink(missing_ok=True)
    if not _is_fresh(directory / "server.crt", hosts):
        _make_server(directory, hosts)
    return authority


def server_context(directory: Path) -> ssl.SSLContext:
    """Return the TLS settings of the server."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(directory / "server.crt", directory / "server.key")
    return context
