"""Looks after a certificate and its key on disk."""

import asyncio
import hashlib
import ssl
from datetime import timedelta
from pathlib import Path
from typing import Final

from metal3.runtime.log import get_logger
from metal3.runtime.metrics import CERT_READ_ERRORS, CERT_READS

from ._context import SwappableContext, server_context
from ._tls import TLSOptions

log = get_logger(__name__)

INTERVAL: Final = timedelta(seconds=10)
"""The poll of controller-runtime; a kubelet takes a minute to show a new Secret anyhow."""


class CertWatcher:
    """Serves the pair in two files, and what they are replaced with; a Runnable.

    A pair that cannot be used (half written, key of another certificate) is counted and logged,
    and the one before stays in use until the next look finds a good one.
    """

    needs_leader_election: Final = False

    def __init__(
        self,
        cert_path: Path,
        key_path: Path,
        *,
        interval: timedelta = INTERVAL,
        tls: TLSOptions | None = None,
    ) -> None:
        self._cert_path = cert_path
        self._key_path = key_path
        self._interval = interval.total_seconds()
        self._contexts = SwappableContext(tls or TLSOptions())
        self._digest = b""

    @property
    def ssl_context(self) -> ssl.SSLContext:
        """For the server; refuses handshakes until the first :meth:`load`."""
        return self._contexts.outer

    async def load(self) -> None:
        """Read the files now; raises OSError or ssl.SSLError when they cannot be used."""
        CERT_READS.inc()
        try:
            digest, context = await asyncio.to_thread(self._read)
        except (OSError, ValueError):  # SSLError is an OSError
            CERT_READ_ERRORS.inc()
            raise
        if digest != self._digest:
            self._contexts.swap(context)
            self._digest = digest
            log.info("certificate in use", path=self._cert_path)

    async def run(self) -> None:
        """Look every interval until cancelled; the first look must have been good."""
        if not self._digest:
            await self.load()
        while True:
            await asyncio.sleep(self._interval)
            await self.reload()

    async def reload(self) -> bool:
        """Look now; False when the files cannot be used, and the pair before stays."""
        try:
            if await asyncio.to_thread(self._read_digest) != self._digest:
                await self.load()
        except (OSError, ValueError) as error:
            log.warning("certificate cannot be used", path=self._cert_path, error=error)
            return False
        return True

    def _read_digest(self) -> bytes:
        # The content, not the time of change: a Secret's volume swaps links, and may go back.
        content = self._cert_path.read_bytes() + b"\0" + self._key_path.read_bytes()
        return hashlib.sha256(content).digest()

    def _read(self) -> tuple[bytes, ssl.SSLContext]:
        before = self._read_digest()
        context = server_context(self._contexts.tls)
        # No prompt for a passphrase: a process without a terminal would hang there.
        context.load_cert_chain(self._cert_path, self._key_path, password=lambda: "")
        if self._read_digest() != before:
            raise ValueError("the files changed while they were read")
        return before, context
