"""Provisioning and its undoing: from manageable to active, and from active to available."""

from typing import Any, Final

from metal3.provisioner import BackendError, ProvisionData, Result

from ._config_drive import config_drive
from ._images import ImageError, instance_patch, is_deployed
from ._messages import shorten
from ._network_data import DocumentError
from ._node import IN_FLIGHT, Node, State, Target
from ._patches import field_patch
from ._session import POWER_FAULT, Session
from ._settings import CLEANING_DISABLED

CUSTOM_PRIORITY: Final = 80
"""Where a custom deploy method runs among Ironic's own steps (bigger is earlier)."""


async def provision(  # noqa: PLR0911 - a row per state
    session: Session, data: ProvisionData, *, force_reboot: bool
) -> Result:
    """See the seam."""
    node = await session.require()
    match node.state:
        case State.MANAGEABLE:
            return await session.move(node, Target.PROVIDE)
        case State.CLEAN_FAILED | State.INSPECT_FAILED | State.ADOPT_FAILED:
            return await session.move(node, Target.MANAGE)
        case State.AVAILABLE:
            return await _start(session, node, data)
        case State.DEPLOY_FAILED if is_deployed(node, data):
            return await _deploy_failed(session, node, data)
        case State.DEPLOY_FAILED:
            return await _start(session, node, data)
        case State.DEPLOY_WAIT if force_reboot:
            return await session.move(node, Target.DELETED)
        case State.ACTIVE:
            session.publish("ProvisioningComplete", _completed(data))
            return Result.complete()
        case State.ERROR:
            return session.failed("provisioning failed", await session.why_failed(node))
        case _:
            return session.wait()


async def _start(session: Session, node: Node, data: ProvisionData) -> Result:
    try:
        operations = instance_patch(session, node, data)
        drive = config_drive(session.host, data)
    except (ImageError, DocumentError) as error:
        return Result.failed(str(error))
    node = await session.patch(node, operations)
    if problem := await _invalid(session, node):
        return Result.failed(f"Ironic refuses to deploy: {problem}")
    result = await session.move(node, Target.ACTIVE, configdrive=drive, deploy_steps=_steps(data))
    session.publish("ProvisioningStarted", _started(data))
    return result


def _steps(data: ProvisionData) -> list[dict[str, Any]] | None:
    if data.custom_deploy is None:
        return None
    return [
        {
            "interface": "deploy",
            "step": data.custom_deploy.method,
            "args": {},
            "priority": CUSTOM_PRIORITY,
        }
    ]


async def _invalid(session: Session, node: Node) -> str:
    """Reasons not to start; better now than after minutes of work."""
    report = await session.client.get("nodes", node.uuid, "validate")
    reasons = [
        shorten(str(report[part].get("reason") or "no reason given"))
        for part in ("boot", "deploy")
        if isinstance(report.get(part), dict) and report[part].get("result") is False
    ]
    return "; ".join(reasons)


async def _deploy_failed(session: Session, node: Node, data: ProvisionData) -> Result:
    raw = await session.why_failed(node)
    return session.failed(f"deploying {_describe(data)} failed", raw)


def _describe(data: ProvisionData) -> str:
    image = data.image
    if image is None or not image.url:
        return f"with {data.custom_deploy.method}" if data.custom_deploy else "the image"
    return f"image {image.url}" + (f" (checksum {image.checksum})" if image.checksum else "")


def _started(data: ProvisionData) -> str:
    return f"Image provisioning started for {_what(data)}"


def _completed(data: ProvisionData) -> str:
    return f"Image provisioning completed for {_what(data)}"


def _what(data: ProvisionData) -> str:
    if data.image is not None and data.image.url:
        return data.image.url
    return data.custom_deploy.method if data.custom_deploy else ""


async def deprovision(  # noqa: PLR0911 - a row per state
    session: Session, *, restart_on_failure: bool, automated_cleaning_mode: str
) -> Result:
    """See the seam."""
    node = await session.require()
    if node.fault == POWER_FAULT:
        # Waiting would keep a host that is being deleted for as long as its BMC is dead.
        return session.failed(
            "deprovisioning needs power control, which Ironic lost", node.last_error
        )
    match node.state:
        case State.AVAILABLE:
            session.publish("DeprovisioningComplete", "Image deprovisioning completed")
            return Result.complete()
        case State.MANAGEABLE:
            return await session.move(node, Target.PROVIDE)
        case State.CLEAN_FAILED | State.ERROR if session.must_tell(
            node, restart=restart_on_failure
        ):
            return session.failed("deprovisioning failed", await session.why_failed(node))
        case State.CLEAN_FAILED | State.INSPECT_FAILED | State.ADOPT_FAILED:
            return await session.move(node, Target.MANAGE)
        case State.ACTIVE | State.DEPLOY_FAILED | State.DEPLOY_WAIT | State.ERROR:
            return await _take_off(session, node, automated_cleaning_mode)
        case State.SERVICE_FAILED | State.SERVICE_WAIT:
            return await _take_off(session, node, automated_cleaning_mode)
        case state if state in IN_FLIGHT:
            return session.wait()
        case _:
            raise BackendError(f"node in state {node.state!r} cannot be deprovisioned")


async def _take_off(session: Session, node: Node, automated_cleaning_mode: str) -> Result:
    clean = automated_cleaning_mode != CLEANING_DISABLED
    node = await session.patch(node, field_patch(node, {"automated_clean": clean}))
    result = await session.move(node, Target.DELETED)
    session.publish("DeprovisioningStarted", "Image deprovisioning started")
    return result
