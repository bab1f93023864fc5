"""A server context whose certificate can be replaced as a whole."""

import ssl

from ._tls import TLSOptions


def server_context(tls: TLSOptions) -> ssl.SSLContext:
    """An empty context for a server: HTTP/1.1, no compression, modern ciphers."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.apply(context)
    context.set_alpn_protocols(["http/1.1"])
    return context


class SwappableContext:
    """Hands each new connection the latest context; open connections keep theirs.

    ``load_cert_chain`` on a context in use would leave it half changed when certificate and key
    do not fit, so a complete new context is built and put in place during the handshake.
    """

    def __init__(self, tls: TLSOptions) -> None:
        self.tls = tls
        self.outer = server_context(tls)
        self.outer.sni_callback = self._choose
        self._current: ssl.SSLContext | None = None

    def swap(self, context: ssl.SSLContext) -> None:
        """Use ``context`` for connections from now on."""
        self._current = context

    def _choose(
        self, connection: ssl.SSLObject, _server_name: str | None, _outer: ssl.SSLContext
    ) -> None:
        if self._current is not None:
            connection.context = self._current
