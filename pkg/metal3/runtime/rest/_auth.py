"""Proving who we are in a header; each provider knows how to get a fresh credential."""

import asyncio
import base64
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from ._errors import UnauthorizedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """An Authorization header, a client certificate with its key, or neither."""

    header: str | None = field(default=None, repr=False)
    certificate: tuple[bytes, bytes] | None = field(default=None, repr=False)
    expires: datetime | None = None


class AuthProvider(Protocol):
    """Gives the credential of each request."""

    async def credential(self, *, refresh: bool = False) -> Credential:
        """The current one; ``refresh`` after the server refused it.

        Raises UnauthorizedError when none can be had; the message shows no secret.
        """
        ...


@dataclass(frozen=True, slots=True)
class Anonymous:
    """No header; the client certificate of the TLS configuration may say enough."""

    async def credential(self, *, refresh: bool = False) -> Credential:
        """Nothing."""
        return Credential()


@dataclass(frozen=True, slots=True)
class BearerToken:
    """A token that stays."""

    token: str = field(repr=False)

    async def credential(self, *, refresh: bool = False) -> Credential:
        """The token."""
        return Credential(header=f"Bearer {self.token}")


@dataclass(frozen=True, slots=True)
class BasicAuth:
    """User and password."""

    username: str
    password: str = field(repr=False)

    async def credential(self, *, refresh: bool = False) -> Credential:
        """Both, encoded."""
        pair = f"{self.username}:{self.password}".encode()
        return Credential(header=f"Basic {base64.b64encode(pair).decode()}")


@dataclass(slots=True)
class TokenFile:
    """A token in a file that somebody renews, as the kubelet does; read once a minute."""

    path: Path
    period: timedelta = timedelta(minutes=1)
    _token: str = field(default="", repr=False)
    _read_at: float = 0

    async def credential(self, *, refresh: bool = False) -> Credential:
        """The token; a file that vanished for a moment leaves the old one in use."""
        now = asyncio.get_running_loop().time()
        if refresh or not self._token or now - self._read_at >= self.period.total_seconds():
            await self._read()
            self._read_at = now
        return Credential(header=f"Bearer {self._token}")

    async def _read(self) -> None:
        try:
            text = (await asyncio.to_thread(self.path.read_text)).strip()
        except (OSError, UnicodeDecodeError) as e:
            if not self._token:
                raise UnauthorizedError(f"token file {self.path}: {type(e).__name__}") from e
            return
        if text:
            self._token = text
        elif not self._token:
            raise UnauthorizedError(f"token file {self.path}: empty")


def is_fresh(credential: Credential | None) -> bool:
    """Whether a cached credential is good for another while."""
    if credential is None:
        return False
    return credential.expires is None or credential.expires - datetime.now(UTC) > timedelta(
        seconds=30
    )
