"""What is plugged into a machine's BMC: data images, and subscriptions to its events."""

import contextlib
from collections.abc import Mapping
from typing import Any, Final, cast

from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.provisioner import BackendError, NodeBusyError, Result

from ._client import VMEDIA_STATUS
from ._errors import LockedError, NotFoundError
from ._node import IN_FLIGHT, Node
from ._session import Session

CDROM: Final = "cdrom"


async def is_data_image_attached(session: Session) -> bool:
    """See the seam."""
    node = await _free(session)
    answer = await session.client.get("nodes", node.uuid, "vmedia")
    media = cast("list[Mapping[str, Any]]", answer.get("vmedia") or [])
    return any(entry.get("inserted") and entry.get("image") for entry in media)


async def attach_data_image(session: Session, url: str) -> None:
    """See the seam."""
    node = await _free(session)
    body = {"device_type": CDROM, "image_url": url}
    try:
        await session.client.post("nodes", node.uuid, "vmedia", body=body)
    except LockedError as error:
        raise NodeBusyError(str(error)) from error


async def detach_data_image(session: Session) -> None:
    """See the seam."""
    node = await _free(session)
    try:
        await session.client.delete("nodes", node.uuid, "vmedia")
    except LockedError as error:
        raise NodeBusyError(str(error)) from error


async def _free(session: Session) -> Node:
    """The node as it is now, not as it was listed: whether it is reserved changes by the second."""
    if not session.client.supports(VMEDIA_STATUS):
        raise BackendError("data images need a newer Ironic (API version 1.93)")
    known = await session.require()
    node = await session.read(known.uuid)
    if node is None:
        return known
    if node.text("reservation") or node.state in IN_FLIGHT:
        raise NodeBusyError(f"Ironic is working on the node (state {node.state!r})")
    return session.use(node)


async def subscribe(
    session: Session, subscription: metal3api.BMCEventSubscription, headers: Mapping[str, str]
) -> tuple[Result, str]:
    """See the seam."""
    node = await session.require()
    body: dict[str, Any] = {"Destination": subscription.spec.destination}
    if subscription.spec.context:
        body["Context"] = subscription.spec.context
    if headers:
        body["HttpHeaders"] = [{name: value} for name, value in headers.items()]
    query = {"method": "create_subscription"}
    answer = await session.client.post(
        "nodes", node.uuid, "vendor_passthru", body=body, query=query
    )
    identity = str(answer.get("Id") or answer.get("id") or "")
    if not identity:
        return Result.failed("the BMC accepted the subscription and gave it no ID"), ""
    return Result.complete(), identity


async def unsubscribe(session: Session, subscription: metal3api.BMCEventSubscription) -> Result:
    """See the seam."""
    identity = subscription.status.subscription_id
    if not identity:
        return Result.complete()
    node = await session.require()
    query = {"method": "delete_subscription"}
    with contextlib.suppress(NotFoundError):
        await session.client.delete(
            "nodes", node.uuid, "vendor_passthru", body={"id": identity}, query=query
        )
    return Result.complete()
