"""A control plane for tests: real etcd and kube-apiserver, or the embedded API server.

``async with Environment(crds=[...]) as env`` gives a kubeconfig of an administrator, users with
rights of their own, webhooks wired to a local port, and an API server that can be taken away and
brought back. Test suites call it; the product does not. METAL3_TEST_API chooses the server.
"""

from ._errors import (
    BinariesNotFoundError,
    EnvtestError,
    InstallError,
    StartError,
    UnsupportedError,
)
from ._webhooks import WebhookInstallOptions, WebhookServing
from .environment import ENV_API, Environment

__all__ = [
    "ENV_API",
    "BinariesNotFoundError",
    "Environment",
    "EnvtestError",
    "InstallError",
    "StartError",
    "UnsupportedError",
    "WebhookInstallOptions",
    "WebhookServing",
]
