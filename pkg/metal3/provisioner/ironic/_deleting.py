"""Forgetting a node, whatever it is doing."""

from typing import Final

from metal3.provisioner import Result

from ._client import DEPLOY_ABORT
from ._errors import BadRequestError
from ._lookup import TakenError, find
from ._node import WAITING, WORKING, Node, State, Target
from ._patches import field_patch
from ._session import Session

REASON: Final = "The host is being removed by the Metal3 operator"


async def remove(session: Session, *, force: bool) -> Result:
    """Delete the node; complete when Ironic knows it no longer.

    With ``force`` a step that waits for the agent is aborted, else it is waited for.
    """
    try:
        node = await find(session)
    except TakenError:
        # Not ours, and ours is not there.
        return Result.complete()
    if node is None:
        return Result.complete()
    match node.state:
        case State.ENROLL | State.AVAILABLE | State.MANAGEABLE:
            node = await session.patch(node, field_patch(node, {"instance_uuid": None}))
        case state if state in WORKING:
            return session.wait()
        case state if state in WAITING:
            return await _waiting(session, node, force=force)
        case _:
            # Ironic deletes nodes in other states only while it must keep its hands off them.
            await session.set_maintenance(node, REASON)
    await session.remove(node)
    return Result.complete()


async def _waiting(session: Session, node: Node, *, force: bool) -> Result:
    if not force:
        return session.wait()
    old = node.state == State.DEPLOY_WAIT and not session.client.supports(DEPLOY_ABORT)
    try:
        return await session.move(node, Target.DELETED if old else Target.ABORT)
    except BadRequestError:
        # The step at hand cannot be aborted.
        return session.wait()
