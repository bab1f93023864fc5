"""Finding Ironic by its resource: where it is, how to log in, and whose certificate it shows.

In: an object of kind Ironic, which the operator of Ironic keeps, and the Secrets it names. Read
before the first request, and again whenever Ironic stopped answering, or refused the login: so a
change of any of them needs no restart.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, cast

from metal3.api.core import v1 as corev1
from metal3.api.meta import v1 as metav1
from metal3.provisioner import NotReadyError
from metal3.runtime.client import ApiError, NotFoundError, Reader
from metal3.runtime.types import NamespacedName

from ._config import Config, Login
from ._errors import UnreachableError
from ._transport import HTTPTransport, Reply, Transport

Ironic: Final = metav1.Unstructured.of(
    metav1.GroupVersionKind("ironic.metal3.io", "v1alpha1", "Ironic"), "ironics"
)
CERTIFICATE: Final = "tls.crt"
JSON = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """All that a request needs; without ``ca`` plain HTTP is spoken."""

    endpoint: str
    login: Login = field(default_factory=Login)
    ca: str = ""


async def find_ironic(reader: Reader, key: NamespacedName) -> Place:
    """Where Ironic is; raises NotReadyError saying what is missing."""
    try:
        found = (await reader.get(Ironic, key)).to_dict()
        _check_ready(found, key)
        spec = _mapping(found, "spec")
        certificate = str(_mapping(spec, "tls").get("certificateName") or "")
        login = str(spec.get("apiCredentialsName") or "")
        return Place(
            endpoint=f"{'https' if certificate else 'http'}://{key.name}.{key.namespace}.svc",
            login=await _login(reader, key, login) if login else Login(),
            ca=await _value(reader, key, certificate, CERTIFICATE) if certificate else "",
        )
    except NotFoundError as error:
        raise NotReadyError(f"Ironic {key} (IRONIC_NAME) cannot be used: {error}") from error
    except ApiError as error:
        raise NotReadyError(f"Ironic {key} (IRONIC_NAME) cannot be looked up: {error}") from error


def _check_ready(found: JSON, key: NamespacedName) -> None:
    """Only what its operator says of the present generation counts."""
    conditions = cast("list[JSON]", _mapping(found, "status").get("conditions") or [])
    ready: JSON = next((c for c in conditions if c.get("type") == "Ready"), {})
    if ready.get("status") != "True":
        why = ready.get("message") or ready.get("reason") or "its operator has not said so yet"
        raise NotReadyError(f"Ironic {key} (IRONIC_NAME) is not ready: {why}")
    if ready.get("observedGeneration") != _mapping(found, "metadata").get("generation"):
        raise NotReadyError(f"Ironic {key} (IRONIC_NAME) is being changed by its operator")


async def _login(reader: Reader, key: NamespacedName, name: str) -> Login:
    return Login(
        username=await _value(reader, key, name, "username"),
        password=await _value(reader, key, name, "password"),
    )


async def _value(reader: Reader, key: NamespacedName, name: str, field: str) -> str:
    secret = await reader.get(corev1.Secret, NamespacedName(key.namespace, name))
    try:
        value = corev1.secret_data(secret).get(field, b"").decode(errors="replace").strip()
    except ValueError as error:
        raise NotReadyError(f"Secret {name!r} of Ironic {key} is broken: {error}") from error
    if not value:
        raise NotReadyError(f"Secret {name!r} of Ironic {key} has no value for the key {field!r}")
    return value


def _mapping(obj: JSON, field: str) -> JSON:
    value: object = obj.get(field)
    return cast("JSON", value) if isinstance(value, dict) else {}


class LocatedTransport:
    """Carries requests to wherever Ironic was found last."""

    def __init__(self, config: Config, make: Callable[[Config], Transport] = HTTPTransport) -> None:
        self._config = config
        self._make = make
        self._place: Place | None = None
        self._inner: Transport | None = None
        self.reader: Reader | None = None
        """Reads from the API server; given before the first request."""

    async def prepare(self) -> None:
        """Find Ironic, and turn to it if it moved; raises NotReadyError."""
        key = self._config.resource
        if self.reader is None or key is None:
            raise NotReadyError("nobody gave access to the cluster to look Ironic up")
        place = await find_ironic(self.reader, key)
        if place == self._place:
            return
        await self.aclose()
        self._place, self._inner = place, self._make(self._at(place))

    async def send(
        self, method: str, path: str, *, headers: Mapping[str, str], body: bytes | None
    ) -> Reply:
        """See Transport."""
        if self._inner is None:
            raise UnreachableError("Ironic was not found yet")
        return await self._inner.send(method, path, headers=headers, body=body)

    async def aclose(self) -> None:
        """Let go of all connections; :meth:`prepare` opens new ones."""
        inner, self._inner, self._place = self._inner, None, None
        if inner is not None:
            await inner.aclose()

    def _at(self, place: Place) -> Config:
        tls = replace(self._config.tls, ca_data=place.ca)
        return replace(self._config, endpoint=place.endpoint, login=place.login, tls=tls)
