"""Registering: the node exists, is ours, knows the BMC, and answers over it."""

from typing import Final

from metal3 import bmc
from metal3.provisioner import ManagementAccessData, Result
from metal3.runtime.log import get_logger

from ._client import DISABLE_POWER_OFF
from ._errors import (
    BadRequestError,
    ConflictError,
    IronicError,
    LockedError,
    NotFoundError,
    OverloadedError,
    TimedOutError,
    UnauthorizedError,
    UnreachableError,
)
from ._external_url import external_url
from ._images import registered_image_patch
from ._lookup import TakenError, find
from ._network_data import DocumentError
from ._node import Node, State, Target
from ._patches import field_patch
from ._ports import ensure_ports
from ._session import Session
from ._settings import (
    FAST_INSPECTION,
    SECURE_BOOT,
    SKIPS_SETTINGS,
    connection,
    connection_patch,
    interfaces,
    new_node,
    settings_patch,
)

NO_ANSWER: Final = "the BMC did not answer to the new login"

log = get_logger(__name__)


async def register(
    session: Session,
    data: ManagementAccessData,
    *,
    credentials_changed: bool,
    restart_on_failure: bool,
) -> tuple[Result, str]:
    """See the seam; everything that only the user can mend is a failed result."""
    try:
        access = bmc.parse(
            session.host.bmc_address,
            disable_certificate_verification=session.host.disable_certificate_verification,
        )
        if problem := _unsuitable(session, access, data):
            return Result.failed(problem), ""
        node = await find(session)
        if node is None:
            node = await _enroll(session, access, data)
            fresh = True
        else:
            node, fresh = await _update(
                session, node, access, data, credentials_changed=credentials_changed
            )
    except (bmc.BMCAddressError, TakenError, DocumentError) as error:
        return Result.failed(str(error)), ""
    except BadRequestError as error:
        return Result.failed(session.explain("registering failed", str(error))), ""
    verified = await _verify(session, node, data, fresh=fresh, restart=restart_on_failure)
    return verified, node.uuid


def _unsuitable(session: Session, access: bmc.AccessDetails, data: ManagementAccessData) -> str:
    """What the host asks for and its kind of BMC or this Ironic cannot do."""
    kind = access.bmc_type
    no_inspection = data.inspection_mode == "disabled"
    checks = (
        (
            data.inspection_mode == FAST_INSPECTION and not access.inspect_interface,
            f"BMC type {kind!r} cannot inspect without booting the agent: unset inspectionMode",
        ),
        (
            data.boot_mode == SECURE_BOOT and not access.supports_secure_boot,
            f"BMC type {kind!r} cannot switch secure boot: choose another bootMode",
        ),
        (
            session.config.provisioning_network_disabled and access.requires_provisioning_network,
            (f"BMC type {kind!r} needs a provisioning network, which is disabled "
            "(PROVISIONING_NETWORK_DISABLED): use a virtual media address"),
        ),
        (
            data.disable_power_off and not session.client.supports(DISABLE_POWER_OFF),
            "disablePowerOff needs a newer Ironic (API version 1.95)",
        ),
        (
            (access.needs_mac or no_inspection) and not session.host.boot_mac_address,
            "bootMACAddress is required: " + (
                "inspection is disabled" if no_inspection else f"BMC type {kind!r} cannot tell it"
            ),
        ),
    )  # fmt: skip
    return next((message for wrong, message in checks if wrong), "")


async def _enroll(session: Session, access: bmc.AccessDetails, data: ManagementAccessData) -> Node:
    url = await external_url(session.config, access.address.host)
    body = new_node(session, access, data, external_url=url)
    try:
        answer = await session.client.post("nodes", body=body)
    except LockedError:
        raise
    except ConflictError:
        # Made a moment ago by a call that did not live to see the answer.
        node = await session.read(body["name"])
        if node is None:
            raise
        return session.use(node)
    node = session.created(answer)
    session.publish("Registered", "Registered new host")
    return node


async def _update(
    session: Session,
    node: Node,
    access: bmc.AccessDetails,
    data: ManagementAccessData,
    *,
    credentials_changed: bool,
) -> tuple[Node, bool]:
    """Bring an existing node up to date; the flag tells that it may be worth another try."""
    unsent = session.memory.unsent_logins
    if credentials_changed:
        unsent.add(node.uuid)
    operations = _driver_patch(node, access, data)
    login = connection_patch(
        node, connection(session, access), credentials_changed=node.uuid in unsent
    )
    operations += login
    if node.state not in SKIPS_SETTINGS and node.state != State.VERIFYING:
        url = await external_url(session.config, access.address.host)
        operations += settings_patch(session, node, access, data, external_url=url)
        operations += registered_image_patch(session, node, data)
    changed = bool(login) or node.raw.get("driver") != access.driver
    node = await session.patch(node, operations)
    unsent.discard(node.uuid)
    return node, changed


def _driver_patch(
    node: Node, access: bmc.AccessDetails, data: ManagementAccessData
) -> list[dict[str, object]]:
    """An address of another kind before the first success changes the driver as well."""
    if node.raw.get("driver") == access.driver or node.state != State.ENROLL:
        return []
    fields = interfaces(access, inspection_mode=data.inspection_mode)
    return field_patch(node, {"driver": access.driver, **fields})


async def _verify(
    session: Session, node: Node, data: ManagementAccessData, *, fresh: bool, restart: bool
) -> Result:
    """From enroll to manageable, which proves that the BMC answers."""
    owed = session.memory.unverified
    if fresh:
        owed.add(node.uuid)
    is_due = not node.last_error or node.uuid in owed
    match node.state:
        case State.ENROLL if not is_due and session.must_tell(node, restart=restart):
            return session.failed("registering failed", node.last_error)
        case State.ENROLL:
            if problem := await ensure_ports(session, node, data):
                return Result.failed(problem)
            result = await session.move(node, Target.MANAGE)
            owed.discard(node.uuid)
            return result
        case State.VERIFYING:
            return session.wait()
        case state if state in SKIPS_SETTINGS:
            return Result.complete()
        case _:
            return await _at_rest(session, node, data, again=restart)


async def _at_rest(
    session: Session, node: Node, data: ManagementAccessData, *, again: bool
) -> Result:
    if problem := await ensure_ports(session, node, data):
        return Result.failed(problem)
    return await _try_login(session, node, again=again)


async def _try_login(session: Session, node: Node, *, again: bool) -> Result:
    """Have Ironic ask the BMC of a node at rest for something harmless, if its login is new.

    Ironic would use a new login only at the next change of power, or the next look at it, and has
    no verification in this state: reading the boot device goes to the BMC and answers at once.
    """
    owed = session.memory.unverified
    if node.uuid not in owed and not again:
        return Result.complete()
    owed.add(node.uuid)
    try:
        await session.client.get("nodes", node.uuid, "management", "boot_device")
    except TimedOutError as error:
        return session.failed(NO_ANSWER, f"reading the boot device timed out: {error}")
    except (ConflictError, OverloadedError, UnauthorizedError, UnreachableError):
        raise
    except (BadRequestError, NotFoundError):
        log.info("this driver cannot try a login", node=node.uuid, driver=node.text("driver"))
    except IronicError as error:
        return session.failed(NO_ANSWER, str(error))
    owed.discard(node.uuid)
    return Result.complete()
