"""Trust in the server, and proof of who the client is."""

import ssl
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from ._errors import ConnectionFailedError


@dataclass(frozen=True, slots=True, kw_only=True)
class TLSConfig:
    """PEM text, or files that are read again when the server refuses us.

    Without ``ca`` the system's authorities are trusted. ``server_name`` is expected of the
    certificate in place of the host's.
    """

    ca: bytes | None = field(default=None, repr=False)
    ca_file: Path | None = None
    cert: bytes | None = field(default=None, repr=False)
    cert_file: Path | None = None
    key: bytes | None = field(default=None, repr=False)
    key_file: Path | None = None
    insecure: bool = False
    server_name: str | None = None

    def context(self, client: tuple[bytes, bytes] | None = None) -> ssl.SSLContext:
        """A new context; ``client`` is a certificate and key that take the place of ours.

        Reads files: call it in a thread. Raises ConnectionFailedError naming what is unusable.
        """
        try:
            context = self._trust()
            certificate = client or self._client()
            if certificate:
                _present(context, *certificate)
        except (OSError, ValueError) as e:
            # ssl.SSLError is an OSError; none of them quotes key material.
            raise ConnectionFailedError(f"TLS configuration: {e}") from e
        return context

    def _trust(self) -> ssl.SSLContext:
        ca = self.ca or (self.ca_file.read_bytes() if self.ca_file else None)
        context = ssl.create_default_context(cadata=ca.decode() if ca else None)
        if self.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context

    def _client(self) -> tuple[bytes, bytes] | None:
        cert = self.cert or (self.cert_file.read_bytes() if self.cert_file else None)
        key = self.key or (self.key_file.read_bytes() if self.key_file else None)
        return (cert, key) if cert and key else None


def _present(context: ssl.SSLContext, cert: bytes, key: bytes) -> None:
    # The standard library takes key pairs only from files: one, unreadable to others, then gone.
    with tempfile.NamedTemporaryFile(suffix=".pem") as pair:
        pair.write(cert + b"\n" + key)
        pair.flush()
        context.load_cert_chain(pair.name, password=lambda: "")
