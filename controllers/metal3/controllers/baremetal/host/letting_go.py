"""Taking the operator's finalizers off objects that may be newer than the cache knows."""

from metal3.api.meta import v1 as metav1
from metal3.runtime.client import ConflictError, NotFoundError
from metal3.runtime.patch import drop_finalizer
from metal3.runtime.types import NamespacedName

from .environment import Environment


async def let_go(
    env: Environment, kind: type[metav1.Object], key: NamespacedName, finalizer: str
) -> None:
    """Drop the finalizer; an object that is gone, or never was, is fine.

    The cache may show what was true before our own last write: then the server is asked.
    """
    try:
        await drop_finalizer(env.client, await env.client.get(kind, key), finalizer)
    except (ConflictError, NotFoundError):
        await _let_go_live(env, kind, key, finalizer)


async def _let_go_live(
    env: Environment, kind: type[metav1.Object], key: NamespacedName, finalizer: str
) -> None:
    try:
        await drop_finalizer(env.client, await env.live.get(kind, key), finalizer)
    except NotFoundError:
        return
