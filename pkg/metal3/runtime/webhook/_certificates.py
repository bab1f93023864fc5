"""A CA and a serving certificate, made here: for clusters without cert-manager."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

BACKDATE: Final = timedelta(minutes=5)  # clocks of API servers differ a little


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """PEM texts; ``ca`` is what clients must trust."""

    ca: bytes
    cert: bytes
    key: bytes = field(repr=False)

    @property
    def not_after(self) -> datetime:
        """When the serving certificate ends; raises ValueError on broken PEM."""
        return x509.load_pem_x509_certificate(self.cert).not_valid_after_utc

    def is_valid_for(self, names: tuple[str, ...], *, now: datetime, margin: timedelta) -> bool:
        """Whether it can still be used for all ``names`` for at least ``margin``."""
        try:
            cert = x509.load_pem_x509_certificate(self.cert)
            san = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except (ValueError, x509.ExtensionNotFound):
            return False
        named = set(san.get_values_for_type(x509.DNSName))
        return cert.not_valid_after_utc - now > margin and named >= set(names)


def issue(names: tuple[str, ...], *, now: datetime, validity: timedelta) -> Certificate:
    """A fresh CA, used once, and a certificate of it for the DNS ``names``.

    The CA's key is thrown away: nobody can issue a second certificate that clients would trust.
    """
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, f"metal3 webhooks {now:%Y-%m-%d}")]
    )
    end = now.astimezone(UTC) + validity
    ca = (
        _builder(ca_name, ca_name, ca_key.public_key(), now, end)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(sign_certificates=True), critical=True)
        .sign(ca_key, hashes.SHA256())
    )
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
    cert = (
        _builder(subject, ca_name, key.public_key(), now, end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(sign_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False
        )
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False
        )
        .sign(ca_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    return Certificate(
        ca=ca.public_bytes(pem),
        cert=cert.public_bytes(pem),
        key=key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: ec.EllipticCurvePublicKey,
    now: datetime,
    end: datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATE)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _usage(*, sign_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=sign_certificates,
        crl_sign=sign_certificates,
        encipher_only=False,
        decipher_only=False,
    )
