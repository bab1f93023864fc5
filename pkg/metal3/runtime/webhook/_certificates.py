"""A serving certificate of an authority made here: for clusters without cert-manager."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from metal3.pki import Authority, is_valid_for


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """PEM texts; ``ca`` is what clients must trust."""

    ca: bytes
    cert: bytes
    key: bytes = field(repr=False)

    def is_valid_for(self, names: tuple[str, ...], *, now: datetime, margin: timedelta) -> bool:
        """Whether it can still be used for all ``names`` for at least ``margin``."""
        return is_valid_for(self.cert, names, now=now, margin=margin)


def issue(names: tuple[str, ...], *, now: datetime, validity: timedelta) -> Certificate:
    """A fresh authority, used once, and a certificate of it for the DNS ``names``.

    The authority's key is thrown away: nobody can issue a second certificate that clients would
    trust. The time is in its name, so that no client takes it for the one before.
    """
    authority = Authority.create(f"metal3 webhooks {now:%Y-%m-%dT%H:%M:%S}", life=validity, now=now)
    pair = authority.serving(names, life=validity, now=now)
    return Certificate(ca=authority.certificate, cert=pair.certificate, key=pair.key)
