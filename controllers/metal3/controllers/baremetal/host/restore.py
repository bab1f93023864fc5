"""Taking over a status that was carried in an annotation, when a host moves between clusters."""

import json

from pydantic import ValidationError

from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api

from .hardware import find_hardware_data
from .hostpass import HostPass

UNREADABLE = (
    f"the annotation {metal3api.STATUS_ANNOTATION} is no valid status: correct it, or remove it to "
    "have the host inspected (and its disks written) as a new one"
)


async def restore_status(p: HostPass) -> str:
    """Use the annotation on a host that never had a status, and drop it in any case.

    Gives the reason when it cannot be read: the host may run an instance then, so it must not be
    taken for a new one. The status is saved before the annotation is dropped: a kill in between
    repeats nothing.
    """
    text = p.host.metadata.annotations.get(metal3api.STATUS_ANNOTATION)
    if text is None:
        return ""
    if not p.status.last_updated:
        status = _read(text)
        if status is not None:
            await _take(p, status)
        elif not p.is_deleting:
            return UNREADABLE
    await p.writer.remove_annotations(p.host, metal3api.STATUS_ANNOTATION)
    return ""


async def _take(p: HostPass, status: metal3api.BareMetalHostStatus) -> None:
    """What HardwareData knows of the hardware is newer than what was carried along."""
    data = await find_hardware_data(p)
    if data is not None and data.spec.hardware is not None:
        status.hardware = data.spec.hardware
    status.last_updated = status.last_updated or metav1.format_time(p.now)
    p.host.status = status
    await p.writer.save_status(p.host)


def _read(text: str) -> metal3api.BareMetalHostStatus | None:
    try:
        return metal3api.BareMetalHostStatus.model_validate(json.loads(text))
    except (ValidationError, ValueError, RecursionError):
        return None
