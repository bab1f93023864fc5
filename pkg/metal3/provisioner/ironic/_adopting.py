"""Taking over a machine that runs its image already."""

from metal3.provisioner import BackendError, Result

from ._node import State, Target
from ._session import POWER_FAULT, Session


async def adopt(  # noqa: PLR0911 - a row per state
    session: Session, *, state: str, restart_on_failure: bool
) -> Result:
    """See the seam."""
    node = await session.require()
    match node.state:
        case State.ENROLL | State.VERIFYING:
            raise BackendError(f"node in state {node.state!r} cannot be adopted yet")
        case State.MANAGEABLE if state == "deprovisioning":
            # It is cleaned anyway: what runs on it is no longer of interest.
            return Result.complete()
        case State.MANAGEABLE:
            return await session.move(node, Target.ADOPT)
        case State.ADOPTING:
            return session.wait()
        case State.ADOPT_FAILED if not session.must_tell(node, restart=restart_on_failure):
            return await session.move(node, Target.ADOPT)
        case State.ADOPT_FAILED:
            return session.failed("adopting failed", node.last_error)
        case State.ACTIVE if node.maintenance and node.fault != POWER_FAULT:
            await session.clear_maintenance(node)
            return Result.again()
        case _:
            return Result.complete()
