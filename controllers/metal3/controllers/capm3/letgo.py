"""Deleting what nothing but a finalizer of ours holds."""

from metal3.api.meta import v1 as metav1
from metal3.runtime.client import NotFoundError, Preconditions
from metal3.runtime.patch import drop_finalizer
from metal3.runtime.types import key_of

from .environment import Environment
from .related import find


async def let_go(env: Environment, obj: metav1.Object, finalizer: str) -> None:
    """Delete this very object and take our finalizer back; may be repeated.

    Names are used again, and a request may land late: another object of the name is left alone.
    Raises ConflictError when there is one, or when the object changes meanwhile.
    """
    there: metav1.Object | None = obj
    if not obj.metadata.deletion_timestamp:
        try:
            await env.client.delete(obj, preconditions=Preconditions(uid=obj.metadata.uid))
        except NotFoundError:
            return
        there = await find(env.live, type(obj), *key_of(obj))
    if there is not None and there.metadata.uid == obj.metadata.uid:
        await drop_finalizer(env.client, there, finalizer)
