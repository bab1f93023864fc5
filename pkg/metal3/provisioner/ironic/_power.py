"""Switching machines on and off."""

import asyncio
from datetime import timedelta
from typing import Final

from metal3.provisioner import RebootMode, Result

from ._errors import BadRequestError, WrongStateError
from ._memory import PowerRequest
from ._node import IN_FLIGHT, Node, Power, State, Target
from ._session import LOCKED, Session
from ._settings import CLEANING_DISABLED

SOFT_TIMEOUT: Final = timedelta(minutes=3)
"""How long an operating system may take to stop before Ironic gives up."""

BEGINS: Final = 5.0
"""Seconds within which Ironic shows that it began a change of power."""


async def power_on(session: Session) -> Result:
    """See the seam."""
    node = await session.require()
    if node.powered_on and not node.raw.get("target_power_state"):
        session.memory.power.pop(node.uuid, None)
        return Result.complete()
    return await _change(session, node, Power.ON)


async def power_off(
    session: Session, mode: RebootMode, *, force: bool, automated_cleaning_mode: str
) -> Result:
    """See the seam. A host that must not be off is rebooted: complete means that was accepted.

    With ``force`` an operating system is no longer asked to stop.
    """
    node = await session.require()
    cleaning = automated_cleaning_mode != CLEANING_DISABLED
    if (result := await _make_way(session, node, cleaning=cleaning)) is not None:
        return result
    soft = mode == RebootMode.SOFT and not force
    if node.raw.get("disable_power_off"):
        return await _reboot(session, node, soft=soft)
    if node.powered_on is False and not node.raw.get("target_power_state"):
        session.memory.power.pop(node.uuid, None)
        return Result.complete()
    return await _change(session, node, Power.SOFT_OFF if soft else Power.OFF)


async def _make_way(session: Session, node: Node, *, cleaning: bool) -> Result | None:
    """End what would be hurt by a loss of power, or wait for it; None when the way is free."""
    match node.state:
        case State.INSPECT_WAIT:
            return await session.move(node, Target.ABORT)
        case State.INSPECT_FAILED if node.target_state:
            return await session.move(node, Target.MANAGE)
        case State.CLEAN_WAIT if not cleaning or node.target_state == State.MANAGEABLE:
            return await session.move(node, Target.ABORT)
        case state if state in IN_FLIGHT:
            return session.wait()
        case _:
            return None


async def _reboot(session: Session, node: Node, *, soft: bool) -> Result:
    if _is_moving(node):
        return session.wait()
    target = Power.SOFT_REBOOT if soft else Power.REBOOT
    await _ask(session, node, target)
    _announce(session, target)
    return Result.complete()


async def _change(session: Session, node: Node, target: Power) -> Result:
    """One request; what became of it is told once before it is repeated."""
    if _is_moving(node):
        return session.wait()
    asked = session.memory.power.get(node.uuid)
    if asked is not None and _is_recent(node, asked):
        return Result.again(LOCKED)
    session.memory.power.pop(node.uuid, None)
    if asked is not None and _is_failure(node):
        return session.failed("changing power failed", node.last_error)
    await _ask(session, node, target)
    request = PowerRequest(at=_now(), previous_error=node.last_error)
    session.memory.power[node.uuid] = request
    _announce(session, target)
    return session.wait()


def _is_moving(node: Node) -> bool:
    return node.state in IN_FLIGHT or bool(node.raw.get("target_power_state"))


def _is_recent(node: Node, asked: PowerRequest) -> bool:
    """Whether Ironic may not have begun yet: it shows the error of before, or none, till then."""
    return node.last_error == asked.previous_error and _now() - asked.at < BEGINS


def _is_failure(node: Node) -> bool:
    return bool(node.last_error) and "aborted" not in node.last_error.lower()


async def _ask(session: Session, node: Node, target: Power) -> None:
    timeout = SOFT_TIMEOUT if target == Power.SOFT_OFF else None
    try:
        await session.set_power(node, target, timeout=timeout)
    except WrongStateError:
        raise
    except BadRequestError:
        if target != Power.SOFT_OFF:
            raise
        # The driver cannot ask an operating system to stop.
        await session.set_power(node, Power.OFF, timeout=None)


def _announce(session: Session, target: Power) -> None:
    reason, text = {
        Power.ON: ("PowerOn", "Host powered on"),
        Power.OFF: ("PowerOff", "Host powered off"),
        Power.SOFT_OFF: ("PowerOff", "Host soft powered off"),
        Power.REBOOT: ("Rebooted", "Host rebooted"),
        Power.SOFT_REBOOT: ("Rebooted", "Host soft rebooted"),
    }[target]
    session.publish(reason, text)


def _now() -> float:
    return asyncio.get_running_loop().time()
