"""TLS with a certificate that may be replaced while connections are open.

Servers take ``CertWatcher.ssl_context`` once; the watcher swaps what is behind it.
"""

from ._self_signed import self_signed_context
from ._tls import TLSOptions, tls_version
from ._watcher import CertWatcher

__all__ = ["CertWatcher", "TLSOptions", "self_signed_context", "tls_version"]
