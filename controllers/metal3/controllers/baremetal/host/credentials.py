"""Finding the login of a host's BMC, and saying what is wrong with it."""

from metal3 import bmc
from metal3.api.core import v1 as corev1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers.baremetal.metrics import CREDENTIALS_INVALID, CREDENTIALS_MISSING
from metal3.runtime.types import NamespacedName

from .actions import Action, Continue, Stop
from .environment import Environment
from .hostpass import HostPass, Login
from .secret_access import SecretNotFoundError, acquire_secret


class CredentialsError(Exception):
    """The host cannot be managed with what its spec and Secret say; meant for the user."""


class MissingCredentialsError(CredentialsError):
    """The Secret does not exist (yet)."""


async def find_login(env: Environment, host: metal3api.BareMetalHost) -> Login:
    """Read address and Secret; raises CredentialsError."""
    details = host.spec.bmc
    if details is None or not details.address:
        raise CredentialsError("spec.bmc.address is empty: say how the BMC is reached")
    if not details.credentials_name:
        raise CredentialsError(
            "spec.bmc.credentialsName is empty: name the Secret with the BMC's login"
        )
    key = NamespacedName(host.metadata.namespace, details.credentials_name)
    is_deleting = host.metadata.deletion_timestamp is not None
    try:
        secret = await acquire_secret(
            env.client, env.live, key, owner=host, finalizer=not is_deleting
        )
    except SecretNotFoundError as error:
        raise MissingCredentialsError(
            f"Secret {key.name!r} named in spec.bmc.credentialsName does not exist in namespace "
            f"{key.namespace!r}: create it with the keys username and password"
        ) from error
    credentials = _read(secret)
    _check_address(details)
    return Login(credentials=credentials, secret=secret)


def _read(secret: corev1.Secret) -> bmc.Credentials:
    """Blanks around the values are dropped: they come from files that end in a newline."""
    try:
        data = corev1.secret_data(secret)
    except ValueError as error:
        raise CredentialsError(f"Secret {secret.metadata.name!r} is broken: {error}") from error
    values: list[str] = []
    for key in (metal3api.CREDENTIALS_USERNAME_KEY, metal3api.CREDENTIALS_PASSWORD_KEY):
        value = data.get(key, b"").decode(errors="replace").strip()
        if not value:
            raise CredentialsError(
                f"Secret {secret.metadata.name!r} has no value for the key {key!r}: "
                "the BMC's login needs username and password"
            )
        values.append(value)
    return bmc.Credentials(*values)


def _check_address(details: metal3api.BMCDetails) -> None:
    try:
        bmc.parse(details.address)
    except bmc.BMCAddressError as error:
        raise CredentialsError(str(error)) from error


def report(p: HostPass, error: CredentialsError) -> Action:
    """Show the error on the host."""
    if isinstance(error, MissingCredentialsError):
        CREDENTIALS_MISSING.inc()
        return report_missing(p, str(error))
    CREDENTIALS_INVALID.inc()
    _show(p, str(error))
    return Stop(why=str(error))


def report_missing(p: HostPass, message: str) -> Action:
    """Show that a Secret is missing: it counts as no failure, and wakes the host when it comes."""
    _show(p, message)
    return Continue(after=p.resync, why=message)


def _show(p: HostPass, message: str) -> None:
    """The user is told by an event once, not on every look."""
    if p.status.error_message != message:
        p.warn("BMCCredentialError", message)
    p.note_error(metal3api.ErrorType.REGISTRATION_ERROR, message)
