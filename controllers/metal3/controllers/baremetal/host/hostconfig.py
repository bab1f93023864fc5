"""What the instance is told: user, network and meta data from Secrets beside the host."""

from typing import Final

from metal3.api.core import v1 as corev1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers.baremetal.metrics import CONFIG_DATA_ERRORS
from metal3.provisioner import HostConfig
from metal3.runtime.types import NamespacedName

from .hostpass import HostPass
from .secret_access import SecretNotFoundError, acquire_secret

_REQUIRED: Final = frozenset({metal3api.USER_DATA_KEY, metal3api.META_DATA_KEY})


class HostConfigError(Exception):
    """Data for the instance is not there yet; names the Secret, and the key if that is missing."""


async def host_config(p: HostPass) -> HostConfig:
    """All three texts; raises HostConfigError."""
    spec = p.host.spec
    network = spec.network_data
    if network is None and spec.preprovisioning_network_data_name:
        network = metal3api.SecretReference(name=spec.preprovisioning_network_data_name)
    return HostConfig(
        user_data=await _text(p, spec.user_data, metal3api.USER_DATA_KEY),
        network_data=await _text(p, network, metal3api.NETWORK_DATA_KEY),
        meta_data=await _text(p, spec.meta_data, metal3api.META_DATA_KEY),
    )


async def preprovisioning_network_data(p: HostPass) -> str:
    """Network data for the agent; empty in a deletion whose Secret is gone already.

    Raises HostConfigError.
    """
    name = p.host.spec.preprovisioning_network_data_name
    if not name:
        return ""
    reference = metal3api.SecretReference(name=name)
    try:
        return await _text(p, reference, metal3api.NETWORK_DATA_KEY, hold=not p.is_deleting)
    except HostConfigError:
        if p.is_deleting:
            return ""
        raise


async def _text(
    p: HostPass, reference: metal3api.SecretReference | None, key: str, *, hold: bool = False
) -> str:
    if reference is None or not reference.name:
        return ""
    namespace = p.host.metadata.namespace
    if reference.namespace and reference.namespace != namespace:
        raise _missing(
            key,
            f"{key} names a Secret in namespace {reference.namespace!r}, but only "
            f"Secrets in the host's own namespace {namespace!r} may be used",
        )
    name = NamespacedName(namespace, reference.name)
    try:
        secret = await acquire_secret(p.env.client, p.env.live, name, finalizer=hold)
    except SecretNotFoundError as error:
        raise _missing(key, f"waiting for Secret {name.name!r} with the host's {key}") from error
    return _value(secret, key)


def _value(secret: corev1.Secret, key: str) -> str:
    try:
        data = corev1.secret_data(secret)
    except ValueError as error:
        raise _missing(key, f"Secret {secret.metadata.name!r} is broken: {error}") from error
    value = data.get(key, data.get(metal3api.FALLBACK_DATA_KEY))
    if value is not None:
        return value.decode(errors="replace")
    if key in _REQUIRED:
        name = secret.metadata.name
        raise _missing(key, f"Secret {name!r} has neither the key {key!r} nor the key 'value'")
    return ""


def _missing(key: str, message: str) -> HostConfigError:
    CONFIG_DATA_ERRORS.labels(host_data_type=key).inc()
    return HostConfigError(message)
