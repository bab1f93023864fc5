"""The annotation by which a user says: try again now."""

from typing import Final

from .hostpass import HostPass

RETRY_ANNOTATION: Final = "baremetalhost.metal3.io/retry"
"""Ours: clears the backoff and the counts of failures; taken away once it is seen."""


async def take_retry_request(p: HostPass) -> None:
    """Start over with a clean count, at once."""
    if RETRY_ANNOTATION not in p.host.metadata.annotations:
        return
    await p.writer.remove_annotations(p.host, RETRY_ANNOTATION)
    p.status.error_count = 0
    p.status.provisioning_fail_count = 0
    p.env.retries.release(p.key)
    p.publish("RetryRequested", "Trying again at once, as the annotation asked")
