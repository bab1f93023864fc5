"""Finalizers, one small patch each; nobody else's is ever lost."""

from metal3.api.meta import v1 as metav1
from metal3.runtime.client import Client, NotFoundError, Patch, PatchType


async def ensure_finalizer(client: Client, obj: metav1.Object, name: str) -> bool:
    """Have the object wait for ``name`` before it goes; True when it had to be added.

    To be done before anything is created that has to be cleaned up. An object that is being
    deleted takes no new finalizers, and is left alone. Raises ConflictError when the object
    changed since it was read. ``obj`` is brought up to date.
    """
    if metav1.has_finalizer(obj, name) or obj.metadata.deletion_timestamp:
        return False
    await _set(client, obj, [*obj.metadata.finalizers, name])
    return True


async def drop_finalizer(client: Client, obj: metav1.Object, name: str) -> bool:
    """Let the object go as far as ``name`` is concerned; True when it had to be removed.

    That the object is gone already is fine. Raises ConflictError when it changed since it was
    read. ``obj`` is brought up to date.
    """
    if not metav1.has_finalizer(obj, name):
        return False
    try:
        await _set(client, obj, [f for f in obj.metadata.finalizers if f != name])
    except NotFoundError:
        metav1.remove_finalizer(obj, name)
    return True


async def _set(client: Client, obj: metav1.Object, finalizers: list[str]) -> None:
    body = {
        "metadata": {
            # A merge patch replaces the list: only the state it was read from may be replaced.
            "resourceVersion": obj.metadata.resource_version,
            "uid": obj.metadata.uid,
            "finalizers": finalizers or None,
        }
    }
    stored = await client.patch(obj, Patch(PatchType.MERGE, body))
    obj.metadata.finalizers = finalizers
    obj.metadata.resource_version = stored.metadata.resource_version
