"""Certificate authorities made here, and the certificates they sign.

Used wherever nobody brings certificates: the embedded API, webhooks without cert-manager, the
metrics endpoint, test environments, the simulator. Elliptic curve keys (P-256) throughout.
"""

from ._authority import Authority, KeyPair, is_valid_for
from ._files import write_private

__all__ = ["Authority", "KeyPair", "is_valid_for", "write_private"]
