"""Kubeconfig files that hold all they need, so that they may be copied anywhere."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from metal3.pki import KeyPair, write_private


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """Who a kubeconfig speaks for: a client certificate or a bearer token."""

    name: str
    key_pair: KeyPair | None = None
    token: str | None = None

    def as_user(self) -> Mapping[str, str]:
        """Give the ``user`` entry of a kubeconfig."""
        if self.key_pair:
            return {
                "client-certificate-data": _text(self.key_pair.certificate),
                "client-key-data": _text(self.key_pair.key),
            }
        return {"token": self.token} if self.token else {}

    def __repr__(self) -> str:
        """Name the user; never show the token or key."""
        return f"Credentials(name={self.name!r})"


def write_kubeconfig(path: Path, *, url: str, ca: bytes, user: Credentials) -> Path:
    """Write a kubeconfig with one cluster, one user and one context; only the owner can read it."""
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "envtest",
        "clusters": [
            {"name": "envtest", "cluster": {"server": url, "certificate-authority-data": _text(ca)}}
        ],
        "users": [{"name": user.name, "user": dict(user.as_user())}],
        "contexts": [
            {
                "name": "envtest",
                "context": {"cluster": "envtest", "user": user.name, "namespace": "default"},
            }
        ],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    write_private(path, yaml.safe_dump(content, sort_keys=False).encode())
    return path


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()
