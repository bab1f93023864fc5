"""Where the API server is and how it is talked to."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from ._auth import Anonymous, AuthProvider
from ._tls import TLSConfig

DEFAULT_USER_AGENT: Final = "metal3"


class ConfigError(Exception):
    """No usable configuration; the message names the file and the field, never a value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """One cluster, one identity.

    ``timeout`` bounds a whole request (streams excepted), retries excluded. ``qps`` and ``burst``
    limit requests at the client; without ``qps`` flow control is the server's, but for
    ``writes_at_once``: more writes on their way would only wait in a busy server, and keep it from
    sending the events of watches in time; 0 is no limit. Reads and Leases are never kept waiting.
    ``compression`` asks for gzip, which pays off unless the server is on the same machine.
    """

    host: str
    tls: TLSConfig = field(default_factory=TLSConfig)
    auth: AuthProvider = field(default_factory=Anonymous)
    namespace: str = "default"
    proxy: str | None = None
    user_agent: str = DEFAULT_USER_AGENT
    timeout: timedelta = timedelta(seconds=60)
    qps: float | None = None
    burst: int = 10
    writes_at_once: int = 16
    compression: bool = True
