"""Logins for images that come from a container registry."""

import base64
import binascii
import json
from typing import Any, Final
from urllib.parse import urlsplit

from metal3.api.core import v1 as corev1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.types import NamespacedName

from .hostpass import HostPass
from .secret_access import SecretNotFoundError, acquire_secret

CONFIG_KEYS: Final = {
    "kubernetes.io/dockerconfigjson": ".dockerconfigjson",
    "kubernetes.io/dockercfg": ".dockercfg",
}
_HUB: Final = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})


class PullSecretError(Exception):
    """The login cannot be used; ``reason`` names the event. Holds no part of the login."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class MissingPullSecretError(Exception):
    """The Secret is not there yet; it wakes the host when it comes."""


async def image_pull_secret(p: HostPass) -> str:
    """``user:password`` for the image's registry, or empty.

    Raises MissingPullSecretError, PullSecretError.
    """
    image = p.host.spec.image
    if image is None or not metal3api.is_oci(image) or not image.oci_auth_secret_name:
        return ""
    key = NamespacedName(p.host.metadata.namespace, image.oci_auth_secret_name)
    try:
        secret = await acquire_secret(p.env.client, p.env.live, key)
    except SecretNotFoundError as error:
        raise MissingPullSecretError(
            f"waiting for Secret {key.name!r}, which is named in spec.image.ociAuthSecretName"
        ) from error
    return _login(secret, registry_of(image.url))


def registry_of(url: str) -> str:
    """Host and port of the registry an ``oci://`` URL names."""
    return urlsplit(url).netloc.rpartition("@")[2].lower()


def _login(secret: corev1.Secret, registry: str) -> str:
    name = secret.metadata.name
    key = CONFIG_KEYS.get(secret.type)
    if key is None:
        raise PullSecretError(
            "ImageAuthFormatUnsupported",
            f"Secret {name!r} is of type {secret.type!r}, but a registry login is one of "
            + ", ".join(sorted(CONFIG_KEYS)),
        )
    try:
        config: Any = json.loads(corev1.secret_data(secret).get(key, b""))
        entries = config.get("auths", {}) if key == ".dockerconfigjson" else config
        found = [v for k, v in entries.items() if _same_registry(k, registry)]
        return _pair(found[0]) if found else _none(name, registry)
    except (ValueError, AttributeError, TypeError, binascii.Error):
        # Not chained: the cause would quote the login.
        raise PullSecretError(
            "ImageAuthParseError", f"Secret {name!r} holds no readable registry login under {key}"
        ) from None


def _pair(entry: dict[str, Any]) -> str:
    if entry.get("auth"):
        pair = base64.b64decode(entry["auth"], validate=True).decode()
    else:
        pair = f"{entry.get('username', '')}:{entry.get('password', '')}"
    if ":" not in pair.strip(":"):
        raise ValueError("no user and password")
    return pair


def _none(name: str, registry: str) -> str:
    raise PullSecretError(
        "ImageAuthParseError", f"Secret {name!r} has no login for registry {registry!r}"
    )


def _same_registry(key: str, registry: str) -> bool:
    """Keys are hosts or URLs; all names of Docker Hub mean the same."""
    host = urlsplit(key if "://" in key else f"//{key}").netloc.lower()
    return host == registry or (host in _HUB and registry in _HUB)
