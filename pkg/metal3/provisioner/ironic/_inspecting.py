"""Looking at the hardware, with the agent or through the BMC alone."""

from typing import Final

from metal3 import bmc
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.provisioner import BackendError, InspectData, Result

from ._errors import NotFoundError
from ._hardware import hardware_details
from ._node import IN_FLIGHT, Node, State, Target
from ._patches import entry_patch, field_patch
from ._session import Session
from ._settings import FAST_INSPECTION, merge_capabilities

Inspected = tuple[Result, bool, metal3api.HardwareDetails | None]

_ABORTED: Final = "aborted"


async def inspect_hardware(  # noqa: PLR0911 - a row per state
    session: Session,
    data: InspectData,
    *,
    restart_on_failure: bool,
    refresh: bool,
    force_reboot: bool,
) -> Inspected:
    """See the seam."""
    node = await session.require()
    match node.state:
        case State.AVAILABLE:
            return await session.move(node, Target.MANAGE), False, None
        case State.MANAGEABLE:
            return await _manageable(
                session, node, data, refresh=refresh, restart=restart_on_failure
            )
        case State.INSPECT_WAIT if force_reboot:
            return await session.move(node, Target.ABORT), False, None
        case State.INSPECT_FAILED if _ABORTED in node.last_error.lower():
            return await _start(session, node, data)
        case State.INSPECT_FAILED if not session.must_tell(node, restart=restart_on_failure):
            return await _start(session, node, data)
        case State.INSPECT_FAILED:
            failed = session.failed("inspection failed", await session.why_failed(node))
            return failed, False, None
        case State.CLEAN_FAILED | State.ADOPT_FAILED:
            return await session.move(node, Target.MANAGE), False, None
        case state if state in IN_FLIGHT:
            return session.wait(), False, None
        case _:
            raise BackendError(f"node in state {node.state!r} cannot be inspected")


async def _manageable(
    session: Session, node: Node, data: InspectData, *, refresh: bool, restart: bool
) -> Inspected:
    finished = bool(node.raw.get("inspection_finished_at"))
    if refresh or not finished:
        return await _start(session, node, data)
    try:
        inventory = await session.client.get("nodes", node.uuid, "inventory")
    except NotFoundError:
        if restart:
            return await _start(session, node, data)
        message = (
            "inspection finished and Ironic kept no inventory of it: "
            "its setting [inventory]data_backend must not be none"
        )
        return Result.failed(message), False, None
    session.publish("InspectionComplete", "Hardware inspection completed")
    return Result.complete(), False, hardware_details(inventory)


async def _start(session: Session, node: Node, data: InspectData) -> Inspected:
    access = bmc.parse(session.host.bmc_address)
    fast = data.inspection_mode == FAST_INSPECTION
    interface = access.inspect_interface if fast else "agent"
    capabilities = str(node.properties.get("capabilities") or "")
    properties = {"capabilities": merge_capabilities(capabilities, data.boot_mode)}
    if data.cpu_architecture:
        properties["cpu_arch"] = data.cpu_architecture
    operations = [
        *field_patch(node, {"inspect_interface": interface}),
        *entry_patch(node, "properties", properties),
    ]
    node = await session.patch(node, operations)
    result = await session.move(node, Target.INSPECT)
    session.publish("InspectionStarted", "Hardware inspection started")
    return result, True, None
