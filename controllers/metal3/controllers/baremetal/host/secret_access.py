"""Reading Secrets that others made, and marking those that the operator depends on.

Only labelled Secrets are cached and watched. One without the label is labelled, which gives it back
as a read would, and from then on its changes wake the host.
"""

from typing import Any, Final

from metal3.api.core import v1 as corev1
from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.client import (
    Client,
    ConflictError,
    InvalidError,
    NotFoundError,
    Patch,
    PatchType,
    Reader,
)
from metal3.runtime.types import NamespacedName

_LABELS: Final = {metal3api.ENVIRONMENT_LABEL: metal3api.ENVIRONMENT_LABEL_VALUE}


class SecretNotFoundError(Exception):
    """There is no such Secret."""

    def __init__(self, key: NamespacedName) -> None:
        super().__init__(f"Secret {key} does not exist")
        self.key = key


async def acquire_secret(
    client: Client,
    live: Reader,
    key: NamespacedName,
    *,
    owner: metav1.Object | None = None,
    finalizer: bool = False,
) -> corev1.Secret:
    """Read a Secret and mark it; raises SecretNotFoundError.

    ``owner`` becomes an owner that is not the controller; ``finalizer`` keeps the Secret until the
    host is gone.
    """
    try:
        secret = await _find_cached(client, key)
        if secret is None:
            return await _mark_unread(client, key, owner=owner, finalizer=finalizer)
        return await _mark(client, secret, owner=owner, finalizer=finalizer)
    except (ConflictError, InvalidError):
        # Hosts that share a Secret mark it at the same time, or it is being deleted.
        secret = await _find_live(live, key)
        return await _mark(client, secret, owner=owner, finalizer=finalizer)


async def _mark_unread(
    client: Client, key: NamespacedName, *, owner: metav1.Object | None, finalizer: bool
) -> corev1.Secret:
    """One request instead of two; a strategic patch adds to lists that were never seen.

    Raises SecretNotFoundError, InvalidError for one that is being deleted: it takes no finalizer.
    """
    meta: dict[str, Any] = {"labels": _LABELS}
    if owner is not None:
        meta["ownerReferences"] = [metav1.owner_reference(owner).to_dict()]
    if finalizer:
        meta["finalizers"] = [metal3api.SECRET_FINALIZER]
    named = corev1.Secret.named(key.name, key.namespace)
    try:
        return await client.patch(named, Patch(PatchType.STRATEGIC, {"metadata": meta}))
    except NotFoundError as error:
        raise SecretNotFoundError(key) from error


async def _mark(
    client: Client, secret: corev1.Secret, *, owner: metav1.Object | None, finalizer: bool
) -> corev1.Secret:
    meta = secret.metadata
    changed = not _LABELS.items() <= meta.labels.items()
    meta.labels.update(_LABELS)
    if owner is not None:
        changed |= metav1.set_owner_reference(secret, metav1.owner_reference(owner))
    if finalizer and meta.deletion_timestamp is None:
        changed |= metav1.add_finalizer(secret, metal3api.SECRET_FINALIZER)
    return await client.patch(secret, _marks(secret)) if changed else secret


async def _find_cached(client: Client, key: NamespacedName) -> corev1.Secret | None:
    try:
        return await client.get(corev1.Secret, key)
    except NotFoundError:
        return None


async def _find_live(live: Reader, key: NamespacedName) -> corev1.Secret:
    try:
        return await live.get(corev1.Secret, key)
    except NotFoundError as error:
        raise SecretNotFoundError(key) from error


def _marks(secret: corev1.Secret) -> Patch:
    """Label, owners and finalizers only, and only on the revision that was read."""
    meta = secret.metadata.to_dict()
    names = ("labels", "ownerReferences", "finalizers")
    marks = {name: meta[name] for name in names if name in meta}
    marks.setdefault("finalizers", [])
    body = {"metadata": {**marks, "resourceVersion": secret.metadata.resource_version}}
    return Patch(PatchType.MERGE, body)
