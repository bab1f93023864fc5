"""TLS as flags describe it, in Go's names."""

import ssl

import pytest

from metal3.runtime.certwatcher import TLSOptions, tls_version
from metal3.runtime.certwatcher._tls import CIPHERS


def context(**options):
    """A server context with these options."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    TLSOptions(**options).apply(made)
    return made


def test_versions_bound_the_handshake():
    """Both ends of the range are set."""
    made = context(minimum=ssl.TLSVersion.TLSv1_3)
    assert (made.minimum_version, made.maximum_version) == (
        ssl.TLSVersion.TLSv1_3,
        ssl.TLSVersion.TLSv1_3,
    )


def test_cipher_suites_go_by_their_iana_names():
    """Of TLS 1.2 only those named are left; TLS 1.3 keeps its own."""
    made = context(
        cipher_suites=[
            "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
            "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
            "TLS_AES_128_GCM_SHA256",
        ]
    )
    old = {c["name"] for c in made.get_ciphers() if c["protocol"] != "TLSv1.3"}
    assert old == {"ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-CHACHA20-POLY1305"}


@pytest.mark.parametrize("name", sorted(CIPHERS))
def test_every_suite_in_the_table_is_known_to_the_library(name):
    """A typing error in the table would switch a suite off unseen."""
    context(cipher_suites=[name])


def test_curves_the_library_lacks_are_passed_over():
    """A list made for a newer Go starts with groups this Python cannot choose."""
    context(curves=["X25519MLKEM768", "CurveP384"])


@pytest.mark.parametrize(
    "options",
    [
        {"cipher_suites": ["TLS_ROT13"]},
        {"curves": ["Flat"]},
        {"minimum": ssl.TLSVersion.TLSv1_3, "maximum": ssl.TLSVersion.TLSv1_2},
    ],
)
def test_what_makes_no_sense_is_refused(options):
    """At the start, with the name."""
    with pytest.raises(ValueError, match=r"ROT13|Flat|minimum"):
        TLSOptions(**options)


def test_versions_have_two_spellings():
    """Upstream's managers differ in theirs."""
    assert tls_version("TLS12") is tls_version("VersionTLS12") is ssl.TLSVersion.TLSv1_2
    with pytest.raises(ValueError, match="TLS10"):
        tls_version("TLS10")
