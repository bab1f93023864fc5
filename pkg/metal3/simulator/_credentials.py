"""Logins and certificates of a lab: made for it, valid on loopback only."""

import datetime as dt
import ipaddress
from dataclasses import dataclass
from pathlib import Path

import bcrypt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ._config import LabConfig, LabPaths
from ._ports import LOOPBACK

VALIDITY = dt.timedelta(days=30)
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
    ca_key, key = _key(), _key()
    authority = _authority(ca_key)
    certificate = _certificate(key, ca_key, authority)
    paths.ca_file.write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    paths.cert_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    _write_secret(paths.key_file, pem.decode())


def _htpasswd(login: Login) -> str:
    digest = bcrypt.hashpw(login.password.encode(), bcrypt.gensalt(BCRYPT_ROUNDS))
    return f"{login.username}:{digest.decode()}\n"


def _write_secret(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)


def _key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(key: ec.EllipticCurvePrivateKey, subject: x509.Name) -> x509.CertificateBuilder:
    begin = dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + VALIDITY)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _authority(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    subject = _name("simulator authority")
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        _builder(key, subject)
        .issuer_name(subject)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
    )


def _certificate(
    key: ec.EllipticCurvePrivateKey,
    ca_key: ec.EllipticCurvePrivateKey,
    authority: x509.Certificate,
) -> x509.Certificate:
    names = x509.SubjectAlternativeName(
        [x509.IPAddress(ipaddress.ip_address(LOOPBACK)), x509.DNSName("localhost")]
    )
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
    return (
        _builder(key, _name(LOOPBACK))
        .issuer_name(authority.subject)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(names, critical=False)
        .add_extension(issuer, critical=False)
        .sign(ca_key, hashes.SHA256())
    )
