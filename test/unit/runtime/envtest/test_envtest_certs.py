"""The certificates an environment makes: accepted by TLS, readable by Kubernetes."""

import ssl
import stat

import pytest
from cryptography import x509

from metal3.pki import KeyPair, write_private
from metal3.runtime.envtest._certs import CertificateAuthority, write_pair


def handshake(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> None:
    """Run a TLS handshake in memory; raises ssl.SSLError when a side refuses."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server, server_hostname=name),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    for _ in range(4):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue


def server_context(pair: KeyPair, folder) -> ssl.SSLContext:
    """Give a context that shows the pair."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*write_pair(pair, folder, "server"))
    return context


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_client_that_trusts_the_authority_accepts_the_server(tmp_path, host):
    """Names and addresses asked for are in the certificate, and the chain verifies."""
    authority = CertificateAuthority("test")
    server = server_context(authority.serving(["127.0.0.1", "localhost"]), tmp_path)
    trusting = ssl.create_default_context(cadata=authority.certificate.decode())
    trusting.verify_flags |= ssl.VERIFY_X509_STRICT
    handshake(server, trusting, host)


def test_another_environments_server_is_refused(tmp_path):
    """Two environments never take each other's server for their own, whatever the ports."""
    server = server_context(CertificateAuthority("test").serving(["127.0.0.1"]), tmp_path)
    other = ssl.create_default_context(cadata=CertificateAuthority("test").certificate.decode())
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(server, other, "127.0.0.1")


def test_a_client_certificate_says_user_and_groups():
    """Kubernetes reads the common name as the user and each organization as a group."""
    pair = CertificateAuthority("test").client("alice", ["devs", "ops"])
    subject = x509.load_pem_x509_certificate(pair.certificate).subject
    assert [(part.rfc4514_attribute_name, part.value) for part in subject] == [
        ("O", "devs"),
        ("O", "ops"),
        ("CN", "alice"),
    ]


def test_keys_are_for_the_owner_only(tmp_path):
    """A private key is not readable by others, not even where a readable file was before."""
    path = tmp_path / "key"
    path.write_text("old")
    path.chmod(0o644)
    write_private(path, b"secret")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_bytes() == b"secret"
