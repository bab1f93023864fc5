"""What ends the backoff of a failed host early: a change of its user's, or his annotation."""

from collections.abc import Hashable
from typing import Final

from metal3.api.metal3_io import v1alpha1 as metal3api

from .firmware import wish_generations
from .hostpass import HostPass

RETRY_ANNOTATION: Final = "baremetalhost.metal3.io/retry"
"""Ours: clears the backoff and the counts of failures; taken away once it is seen."""

_FIRMWARE: Final = frozenset(
    {metal3api.ErrorType.PREPARATION_ERROR, metal3api.ErrorType.SERVICING_ERROR}
)


async def what_users_control(p: HostPass) -> Hashable:
    """A fingerprint: when it changes, a failed host is tried again at once.

    Wishes for firmware are a part of it for those that failed over them, and no others: the
    operator makes these objects itself.
    """
    meta, secret = p.host.metadata, p.login.secret
    return (
        meta.uid,
        meta.generation,
        meta.deletion_timestamp,
        tuple(sorted(meta.annotations.items())),
        secret.metadata.resource_version if secret else "",
        await wish_generations(p) if p.error_type in _FIRMWARE else (),
    )


async def take_retry_request(p: HostPass) -> bool:
    """Start over with a clean count, at once; whether that was asked for."""
    if RETRY_ANNOTATION not in p.host.metadata.annotations:
        return False
    await p.writer.remove_annotations(p.host, RETRY_ANNOTATION)
    p.status.error_count = 0
    p.status.provisioning_fail_count = 0
    p.env.retries.release(p.key)
    p.publish("RetryRequested", "Trying again at once, as the annotation asked")
    return True
