"""A certificate for the life of the process, where nobody gave one."""

import ipaddress
import ssl
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ._context import server_context
from ._tls import TLSOptions

_VALIDITY: Final = timedelta(days=365)
_BACKDATE: Final = timedelta(hours=1)  # clocks differ


def self_signed_context(
    names: tuple[str, ...] = ("localhost", "127.0.0.1"),
    *,
    tls: TLSOptions | None = None,
) -> ssl.SSLContext:
    """A server context for ``names`` (DNS names or addresses) that no client can verify.

    For the metrics endpoint, as controller-runtime does it: the traffic is encrypted, and the
    scraper skips verification.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    cert = _certificate(names, key)
    context = server_context(tls or TLSOptions())
    with tempfile.TemporaryDirectory() as folder:  # mode 0700; the ssl module reads only files
        path = Path(folder) / "tls.pem"
        path.touch(mode=0o600)
        path.write_bytes(_key_pem(key) + cert.public_bytes(serialization.Encoding.PEM))
        context.load_cert_chain(path)
    return context


def _certificate(names: tuple[str, ...], key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    now = datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATE)
        .not_valid_after(now + _VALIDITY)
        .add_extension(x509.SubjectAlternativeName([_name(n) for n in names]), critical=False)
        .sign(key, hashes.SHA256())
    )


def _name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
