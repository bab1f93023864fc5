"""Copies of the claim's Secrets in the namespace of its host.

A host reads Secrets of its own namespace only. Each copy has a name made of the claim's UID, so
that nobody can put another Secret in its place beforehand; it is marked with that UID, and owned by
the host, so that it goes with it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from metal3.api.core import v1 as corev1
from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers.baremetal.host.environment import Environment
from metal3.controllers.baremetal.host.secret_access import SecretNotFoundError, acquire_secret
from metal3.runtime.client import AlreadyExistsError, NotFoundError, Preconditions
from metal3.runtime.types import NamespacedName, key_of

from .wakeups import CLAIM_ANNOTATION

Reason = metal3api.HostClaimConditionReason

UID_LABEL: Final = "metal3.io/hostclaim-uid"
OPAQUE: Final = "Opaque"
"""Type of a Secret that names none."""


class Use(StrEnum):
    """What a Secret is for; the end of its copy's name."""

    USER_DATA = "userdata"
    META_DATA = "metadata"
    NETWORK_DATA = "networkdata"
    PULL_SECRET = "pullsecret"  # noqa: S105 - a word of a name


_REASONS: Final = {
    Use.USER_DATA: Reason.USER_DATA_SECRET_SYNC_FAILURE,
    Use.META_DATA: Reason.META_DATA_SECRET_SYNC_FAILURE,
    Use.NETWORK_DATA: Reason.NETWORK_DATA_SECRET_SYNC_FAILURE,
    Use.PULL_SECRET: Reason.BARE_METAL_HOST_NOT_SYNCHRONIZED,
}


class DataSecretError(Exception):
    """A Secret that could not be copied; the text names it, never what is in it."""

    def __init__(self, use: Use, message: str) -> None:
        super().__init__(message)
        self.reason = _REASONS[use]


@dataclass(frozen=True, slots=True)
class _Source:
    use: Use
    name: str
    namespace: str


def copy_name(claim: metal3api.HostClaim, use: Use) -> str:
    """The name of a copy."""
    return f"hostclaim-{claim.metadata.uid}-{use}"


async def copy_secrets(
    env: Environment, claim: metal3api.HostClaim, host: metal3api.BareMetalHost
) -> dict[Use, str]:
    """Bring the copies up to date and give their names; raises DataSecretError."""
    names: dict[Use, str] = {}
    for source in _sources(claim):
        secret = await _read(env, claim, source)
        await _write(env, _copy(claim, host, source.use, secret), source.use)
        names[source.use] = copy_name(claim, source.use)
    return names


async def remove_copies(
    env: Environment, claim: metal3api.HostClaim, namespace: str, *, keep: frozenset[Use]
) -> None:
    """Take away the copies that are not needed; the host must not name them any more."""
    for use in Use:
        if use not in keep:
            await _remove(env, claim, NamespacedName(namespace, copy_name(claim, use)))


async def remove_stale_copies(
    env: Environment, claim: metal3api.HostClaim, namespace: str, *, keep: frozenset[Use]
) -> None:
    """As remove_copies, but only those that the cache knows of: cheap enough for each look."""
    for use in Use:
        key = NamespacedName(namespace, copy_name(claim, use))
        if use in keep:
            continue
        try:
            await env.client.get(corev1.Secret, key)
        except NotFoundError:
            continue
        await _remove(env, claim, key)


def _sources(claim: metal3api.HostClaim) -> Iterator[_Source]:
    spec = claim.spec
    for use, reference in (
        (Use.USER_DATA, spec.user_data),
        (Use.META_DATA, spec.meta_data),
        (Use.NETWORK_DATA, spec.network_data),
    ):
        if reference is not None and reference.name:
            yield _Source(use, reference.name, reference.namespace or "")
    if spec.image is not None and spec.image.oci_auth_secret_name:
        yield _Source(Use.PULL_SECRET, spec.image.oci_auth_secret_name, "")


async def _read(env: Environment, claim: metal3api.HostClaim, source: _Source) -> corev1.Secret:
    own = claim.metadata.namespace
    if source.namespace not in {"", own}:
        # Whoever may write claims must not thereby read the Secrets of others.
        raise DataSecretError(
            source.use,
            f"Secret {source.namespace}/{source.name} ({source.use}) is in another namespace: "
            f"only Secrets beside the claim, in {own!r}, may be used",
        )
    try:
        return await acquire_secret(env.client, env.live, NamespacedName(own, source.name))
    except SecretNotFoundError:
        message = f"waiting for Secret {source.name!r} ({source.use}) in namespace {own!r}"
        raise DataSecretError(source.use, message) from None


def _copy(
    claim: metal3api.HostClaim, host: metal3api.BareMetalHost, use: Use, source: corev1.Secret
) -> corev1.Secret:
    copy = corev1.Secret.named(
        copy_name(claim, use), host.metadata.namespace, type=source.type, data=dict(source.data)
    )
    copy.metadata.labels = {
        UID_LABEL: claim.metadata.uid,
        metal3api.ENVIRONMENT_LABEL: metal3api.ENVIRONMENT_LABEL_VALUE,
    }
    copy.metadata.annotations = {CLAIM_ANNOTATION: str(key_of(claim))}
    copy.metadata.owner_references = [metav1.owner_reference(host)]
    return copy


async def _write(env: Environment, copy: corev1.Secret, use: Use) -> None:
    """Create the copy, or change the one that is there."""
    key = key_of(copy)
    try:
        there = await env.client.get(corev1.Secret, key)
    except NotFoundError:
        try:
            await env.client.create(copy)
        except AlreadyExistsError:
            there = await env.live.get(corev1.Secret, key)
        else:
            return
    if there.metadata.labels.get(UID_LABEL) != copy.metadata.labels[UID_LABEL]:
        message = f"there is a Secret {key} that somebody else made: delete or rename it"
        raise DataSecretError(use, message)
    if (there.type or OPAQUE) != (copy.type or OPAQUE):
        # The type of a Secret cannot be changed; the next look makes it anew.
        await env.client.delete(there)
        raise DataSecretError(use, f"Secret {key} is made anew, as its type changed")
    if there.data != copy.data:
        there.data = copy.data
        await env.client.update(there)


async def _remove(env: Environment, claim: metal3api.HostClaim, key: NamespacedName) -> None:
    try:
        there = await env.live.get(corev1.Secret, key)
    except NotFoundError:
        return
    if there.metadata.labels.get(UID_LABEL) != claim.metadata.uid:
        return
    try:
        uid = Preconditions(uid=there.metadata.uid)
        await env.client.delete(there, preconditions=uid)
    except NotFoundError:
        return
