"""An authority and what it signs, as PEM texts."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

BACKDATE: Final = timedelta(minutes=5)  # clocks differ a little
LONGEST_COMMON_NAME: Final = 64

_PEM: Final = serialization.Encoding.PEM


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPair:
    """A certificate and its private key."""

    certificate: bytes
    key: bytes = field(repr=False)


class Authority:
    """Signs certificates. Its key stays in memory unless :attr:`pair` is written down."""

    def __init__(self, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        self._certificate = certificate
        self._key = key

    @classmethod
    def create(cls, name: str, *, life: timedelta, now: datetime | None = None) -> Self:
        """A new one. Names should differ: clients mix up authorities of one name."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _name(name)
        certificate = (
            _builder(subject, subject, key.public_key(), life, now)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(authority=True), critical=True)
            .sign(key, hashes.SHA256())
        )
        return cls(certificate, key)

    @classmethod
    def load(cls, pair: KeyPair) -> Self:
        """One that was written down; raises ValueError when it is broken or of another kind."""
        key = serialization.load_pem_private_key(pair.key, None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise ValueError("the authority's key is not of the kind that is made here")  # noqa: TRY004 - bad data, not a bad call
        return cls(x509.load_pem_x509_certificate(pair.certificate), key)

    @property
    def certificate(self) -> bytes:
        """What clients must trust."""
        return self._certificate.public_bytes(_PEM)

    @property
    def pair(self) -> KeyPair:
        """The authority itself, to be loaded again."""
        return KeyPair(certificate=self.certificate, key=_key_pem(self._key))

    def serving(
        self, names: Sequence[str], *, life: timedelta, now: datetime | None = None
    ) -> KeyPair:
        """For a server with these DNS names and IP addresses; the first is its common name."""
        alternatives = x509.SubjectAlternativeName([_alternative(name) for name in names])
        subject = _name(names[0][:LONGEST_COMMON_NAME])
        usage = ExtendedKeyUsageOID.SERVER_AUTH
        return self._issue(subject, usage, life, now, alternatives)

    def client(
        self,
        user: str,
        groups: Sequence[str] = (),
        *,
        life: timedelta,
        now: datetime | None = None,
    ) -> KeyPair:
        """For a user of Kubernetes, which reads CN as the name and each O as a group."""
        attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
        attributes.append(x509.NameAttribute(NameOID.COMMON_NAME, user))
        return self._issue(x509.Name(attributes), ExtendedKeyUsageOID.CLIENT_AUTH, life, now)

    def _issue(
        self,
        subject: x509.Name,
        usage: x509.ObjectIdentifier,
        life: timedelta,
        now: datetime | None,
        *extensions: x509.ExtensionType,
    ) -> KeyPair:
        key = ec.generate_private_key(ec.SECP256R1())
        issuer = self._certificate.subject
        builder = (
            _builder(subject, issuer, key.public_key(), life, now)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(authority=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        )
        # Python 3.13 and newer refuse a chain without it.
        signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        for extension in (signer, *extensions):
            builder = builder.add_extension(extension, critical=False)
        signed = builder.sign(self._key, hashes.SHA256())
        return KeyPair(certificate=signed.public_bytes(_PEM), key=_key_pem(key))


def is_valid_for(
    certificate: bytes, names: Sequence[str] = (), *, now: datetime, margin: timedelta
) -> bool:
    """Whether a certificate has all ``names`` and at least ``margin`` of its life left.

    A text that is no certificate is not valid for anything.
    """
    try:
        read = x509.load_pem_x509_certificate(certificate)
    except ValueError:
        return False
    if read.not_valid_after_utc - now <= margin:
        return False
    return not names or set(names) <= _names_of(read)


def _names_of(certificate: x509.Certificate) -> set[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return set()
    addresses = {str(address) for address in names.get_values_for_type(x509.IPAddress)}
    return addresses | set(names.get_values_for_type(x509.DNSName))


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    life: timedelta,
    now: datetime | None,
) -> x509.CertificateBuilder:
    start = (now or datetime.now(UTC)).astimezone(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start - BACKDATE)
        .not_valid_after(start + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
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


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
