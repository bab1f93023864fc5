"""Reading Secrets that others made, and marking those that the operator depends on.

Only labelled Secrets are cached and watched. One without the label is read from the server once
and labelled, so that from then on its changes wake the host.
"""

from metal3.api.core import v1 as corev1
from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.client import Client, ConflictError, NotFoundError, Patch, PatchType, Reader
from metal3.runtime.types import NamespacedName


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
    secret = await _find(client, live, key)
    try:
        return await _mark(client, secret, owner=owner, finalizer=finalizer)
    except ConflictError:
        # Hosts that share a Secret mark it at the same time.
        secret = await _find_live(live, key)
        return await _mark(client, secret, owner=owner, finalizer=finalizer)


async def _mark(
    client: Client, secret: corev1.Secret, *, owner: metav1.Object | None, finalizer: bool
) -> corev1.Secret:
    meta = secret.metadata
    changed = meta.labels.get(metal3api.ENVIRONMENT_LABEL) != metal3api.ENVIRONMENT_LABEL_VALUE
    meta.labels[metal3api.ENVIRONMENT_LABEL] = metal3api.ENVIRONMENT_LABEL_VALUE
    if owner is not None:
        changed |= metav1.set_owner_reference(secret, metav1.owner_reference(owner))
    if finalizer and meta.deletion_timestamp is None:
        changed |= metav1.add_finalizer(secret, metal3api.SECRET_FINALIZER)
    return await client.patch(secret, _marks(secret)) if changed else secret


async def _find(client: Client, live: Reader, key: NamespacedName) -> corev1.Secret:
    try:
        return await client.get(corev1.Secret, key)
    except NotFoundError:
        pass
    return await _find_live(live, key)


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
