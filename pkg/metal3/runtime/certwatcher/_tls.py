"""Which TLS is spoken, in the names Go programs use for versions, cipher suites and groups."""

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

VERSIONS: Final = {
    "TLS12": ssl.TLSVersion.TLSv1_2,
    "TLS13": ssl.TLSVersion.TLSv1_3,
}
_AES_GCM: Final = {"128": "128-GCM-SHA256", "256": "256-GCM-SHA384"}
CIPHERS: Final = {
    **{
        f"TLS_ECDHE_{auth}_WITH_AES_{bits}_GCM_SHA{hash_}": f"ECDHE-{auth}-AES{_AES_GCM[bits]}"
        for auth in ("ECDSA", "RSA")
        for bits, hash_ in (("128", "256"), ("256", "384"))
    },
    **{
        f"TLS_ECDHE_{auth}_WITH_AES_{bits}_CBC_SHA": f"ECDHE-{auth}-AES{bits}-SHA"
        for auth in ("ECDSA", "RSA")
        for bits in ("128", "256")
    },
    **{
        f"TLS_ECDHE_{auth}_WITH_AES_128_CBC_SHA256": f"ECDHE-{auth}-AES128-SHA256"
        for auth in ("ECDSA", "RSA")
    },
    **{
        name: f"ECDHE-{auth}-CHACHA20-POLY1305"
        for auth in ("ECDSA", "RSA")
        for name in (
            f"TLS_ECDHE_{auth}_WITH_CHACHA20_POLY1305",
            f"TLS_ECDHE_{auth}_WITH_CHACHA20_POLY1305_SHA256",
        )
    },
    "TLS_RSA_WITH_AES_128_GCM_SHA256": "AES128-GCM-SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384": "AES256-GCM-SHA384",
    "TLS_RSA_WITH_AES_128_CBC_SHA": "AES128-SHA",
    "TLS_RSA_WITH_AES_256_CBC_SHA": "AES256-SHA",
}
"""IANA name to OpenSSL name, for TLS 1.2; the suites of TLS 1.3 cannot be chosen, as in Go."""
FIXED: Final = frozenset(
    {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}
)
CURVES: Final = {
    "X25519": "X25519",
    "CurveP256": "prime256v1",
    "CurveP384": "secp384r1",
    "CurveP521": "secp521r1",
}
NEWER: Final = frozenset({"X25519MLKEM768", "SecP256r1MLKEM768", "SecP384r1MLKEM1024"})
"""Groups that Go knows and the TLS library of this Python may not: passed over, not refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TLSOptions:
    """What a server offers; empty lists leave the choice to the TLS library.

    Raises ValueError when built with a name nobody knows or with a minimum above the maximum.
    """

    minimum: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2
    maximum: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
    cipher_suites: Sequence[str] = ()
    curves: Sequence[str] = ()

    def __post_init__(self) -> None:
        if self.minimum > self.maximum:
            raise ValueError("the minimum TLS version is above the maximum")
        _refuse_unknown("cipher suite", self.cipher_suites, {*CIPHERS, *FIXED})
        _refuse_unknown("curve", self.curves, {*CURVES, *NEWER})

    def apply(self, context: ssl.SSLContext) -> None:
        """Set it on a context."""
        context.minimum_version = self.minimum
        context.maximum_version = self.maximum
        ciphers = [CIPHERS[name] for name in self.cipher_suites if name in CIPHERS]
        if ciphers:
            context.set_ciphers(":".join(ciphers))
        known = [CURVES[name] for name in self.curves if name in CURVES]
        if known:
            # The ssl module of Python 3.11 takes one group: the one the user likes best.
            context.set_ecdh_curve(known[0])


def tls_version(name: str) -> ssl.TLSVersion:
    """``TLS12``, ``TLS13``, or the same after ``Version``; raises ValueError."""
    version = VERSIONS.get(name.removeprefix("Version"))
    if version is None:
        raise ValueError(f"TLS version {name!r} is none of {', '.join(VERSIONS)}")
    return version


def _refuse_unknown(what: str, names: Sequence[str], known: set[str]) -> None:
    unknown = sorted(set(names) - known)
    if unknown:
        raise ValueError(f"unknown {what} {', '.join(unknown)}; known: {', '.join(sorted(known))}")
