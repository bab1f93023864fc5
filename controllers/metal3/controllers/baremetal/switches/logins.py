"""The login of a switch, from its Secret."""

from dataclasses import dataclass, field
from typing import Final

from metal3.api.core import v1 as corev1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers.baremetal.host.environment import Environment
from metal3.controllers.baremetal.host.secret_access import SecretNotFoundError, acquire_secret
from metal3.runtime.types import NamespacedName

USERNAME: Final = "username"
PASSWORD: Final = "password"  # noqa: S105 - the name of a key
PRIVATE_KEY: Final = "ssh-privatekey"
ADMIN_PASSWORD: Final = "admin-password"  # noqa: S105 - the name of a key


class SwitchLoginError(Exception):
    """The Secret cannot be used; the text says why, and holds nothing of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchLogin:
    """What the service needs to log in. A private key wins over a password."""

    username: str
    password: str = field(default="", repr=False)
    private_key: bytes = field(default=b"", repr=False)
    admin_password: str = field(default="", repr=False)


async def read_login(env: Environment, switch: metal3api.BareMetalSwitch) -> SwitchLogin:
    """Read and mark the Secret, of which the switch becomes an owner; raises SwitchLoginError."""
    reference, namespace = switch.spec.credentials, switch.metadata.namespace
    if reference is None or not reference.name:
        raise SwitchLoginError("spec.credentials is empty: name the Secret with the login")
    if reference.namespace and reference.namespace != namespace:
        raise SwitchLoginError(
            f"spec.credentials names a Secret in namespace {reference.namespace!r}, but only "
            f"Secrets beside the switch, in {namespace!r}, may be used"
        )
    key = NamespacedName(namespace, reference.name)
    try:
        secret = await acquire_secret(env.client, env.live, key, owner=switch)
    except SecretNotFoundError as error:
        text = f"Secret {reference.name!r} does not exist in namespace {namespace!r}"
        raise SwitchLoginError(text) from error
    return _login(secret)


def _login(secret: corev1.Secret) -> SwitchLogin:
    name = secret.metadata.name
    try:
        data = corev1.secret_data(secret)
    except ValueError as error:
        raise SwitchLoginError(f"Secret {name!r} is broken: {error}") from error
    login = SwitchLogin(
        username=_line(name, data, USERNAME),
        password=_line(name, data, PASSWORD),
        private_key=data.get(PRIVATE_KEY, b""),
        admin_password=_line(name, data, ADMIN_PASSWORD),
    )
    if not login.username:
        raise SwitchLoginError(f"Secret {name!r} has no value for the key {USERNAME!r}")
    if not login.password and not login.private_key:
        text = f"Secret {name!r} has neither the key {PRIVATE_KEY!r} nor {PASSWORD!r}"
        raise SwitchLoginError(text)
    return login


def _line(name: str, data: dict[str, bytes], key: str) -> str:
    """One line: anything more would be read as further settings."""
    value = data.get(key, b"").decode(errors="replace").strip()
    if not value.isprintable():
        text = f"Secret {name!r}: the value of {key!r} holds line breaks or control characters"
        raise SwitchLoginError(text)
    return value
