"""A certificate for the life of the process, where nobody gave one."""

import ssl
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Final

from metal3.pki import Authority, write_private

from ._context import server_context
from ._tls import TLSOptions

_VALIDITY: Final = timedelta(days=365)


def self_signed_context(
    names: tuple[str, ...] = ("localhost", "127.0.0.1"),
    *,
    tls: TLSOptions | None = None,
) -> ssl.SSLContext:
    """A server context for ``names`` (DNS names or addresses) that no client can verify.

    For the metrics endpoint, as controller-runtime does it: the traffic is encrypted, and the
    scraper skips verification.
    """
    pair = Authority.create("self-signed", life=_VALIDITY).serving(names, life=_VALIDITY)
    context = server_context(tls or TLSOptions())
    with tempfile.TemporaryDirectory() as folder:  # the ssl module reads only files
        path = Path(folder) / "tls.pem"
        write_private(path, pair.key + pair.certificate)
        context.load_cert_chain(path)
    return context
