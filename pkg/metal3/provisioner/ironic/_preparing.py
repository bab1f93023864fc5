"""Manual cleaning before a host is available, and servicing while it is provisioned.

Both change RAID or firmware by steps; one starts from manageable, the other from active.
"""

from collections.abc import Mapping, Sequence

from metal3 import bmc
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.provisioner import BackendError, PrepareData, Result, ServicingData

from ._client import JSON
from ._node import IN_FLIGHT, Node, State, Target
from ._patches import field_patch
from ._raid import RAIDError, logical_disks, raid_interface, raid_steps
from ._session import Session

Outcome = tuple[Result, bool]


def firmware_steps(data: PrepareData | ServicingData) -> list[JSON]:
    """Steps for settings that differ, then for firmware to be flashed."""
    steps: list[JSON] = []
    if settings := _changed(data.target_firmware_settings, data.actual_firmware_settings):
        steps.append(_step("bios", "apply_configuration", settings))
    if updates := _updates(data.target_firmware_components):
        steps.append(_step("firmware", "update", updates))
    return steps


def _changed(target: Mapping[str, int | str], actual: Mapping[str, str]) -> list[JSON]:
    """Numbers and texts are compared as texts, and sent as what they are."""
    return [
        {"name": name, "value": value}
        for name, value in sorted(target.items())
        if str(value) != actual.get(name)
    ]


def _updates(components: Sequence[metal3api.FirmwareUpdate]) -> list[JSON]:
    return [{"component": update.component, "url": update.url} for update in components]


def _step(interface: str, step: str, settings: list[JSON]) -> JSON:
    return {"interface": interface, "step": step, "args": {"settings": settings}}


async def prepare(  # noqa: PLR0911 - a row per state
    session: Session, data: PrepareData, *, unprepared: bool, restart_on_failure: bool
) -> Outcome:
    """See the seam; the flag is also true when there turned out to be nothing to do."""
    node = await session.require()
    try:
        match node.state:
            case State.AVAILABLE if unprepared and _clean_steps(session, data):
                return await session.move(node, Target.MANAGE), False
            case State.AVAILABLE:
                return Result.complete(), unprepared
            case State.MANAGEABLE if unprepared:
                return await _start_cleaning(session, node, data)
            case State.MANAGEABLE:
                return Result.complete(), False
            case State.CLEAN_FAILED if session.must_tell(node, restart=restart_on_failure):
                raw = await session.why_failed(node)
                return session.failed("preparing failed", raw), False
            case State.CLEAN_FAILED | State.INSPECT_FAILED | State.ADOPT_FAILED:
                return await session.move(node, Target.MANAGE), False
            case state if state in IN_FLIGHT:
                return session.wait(), False
            case _:
                raise BackendError(f"node in state {node.state!r} cannot be prepared")
    except RAIDError as error:
        return Result.failed(str(error)), False


def _clean_steps(session: Session, data: PrepareData) -> list[JSON]:
    interface = raid_interface(data, driver_default=_driver_raid(session))
    logical_disks(data, interface)
    return raid_steps(data, interface) + firmware_steps(data)


def _driver_raid(session: Session) -> str:
    return bmc.parse(session.host.bmc_address).raid_interface


async def _start_cleaning(session: Session, node: Node, data: PrepareData) -> Outcome:
    steps = _clean_steps(session, data)
    if not steps:
        return Result.complete(), True
    interface = raid_interface(data, driver_default=_driver_raid(session))
    if raid_steps(data, interface):
        node = await session.patch(node, field_patch(node, {"raid_interface": interface}))
        if disks := logical_disks(data, interface):
            await session.set_raid(node, {"logical_disks": disks})
    return await session.move(node, Target.CLEAN, clean_steps=steps), True


async def service(
    session: Session, data: ServicingData, *, unprepared: bool, restart_on_failure: bool
) -> Outcome:
    """See the seam."""
    node = await session.require()
    match node.state:
        case State.ACTIVE if unprepared:
            return await _start_servicing(session, node, data)
        case State.ACTIVE:
            return Result.complete(), False
        case State.SERVICE_WAIT | State.SERVICE_FAILED if not data.has_firmware_spec:
            return await session.move(node, Target.ABORT), False
        case State.SERVICE_FAILED if not session.must_tell(node, restart=restart_on_failure):
            return await _start_servicing(session, node, data)
        case State.SERVICE_FAILED:
            raw = await session.why_failed(node)
            return session.failed("servicing failed", raw), False
        case state if state in IN_FLIGHT:
            return session.wait(), False
        case _:
            raise BackendError(f"node in state {node.state!r} cannot be serviced")


async def _start_servicing(session: Session, node: Node, data: ServicingData) -> Outcome:
    steps = firmware_steps(data)
    if steps:
        return await session.move(node, Target.SERVICE, service_steps=steps), True
    if node.state == State.SERVICE_FAILED:
        return await session.move(node, Target.ABORT), False
    return Result.complete(), False
