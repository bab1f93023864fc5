"""What is known of the hardware: HardwareData, the annotation that stands in for an inspection."""

import json
from typing import Any, Final

from pydantic import ValidationError

from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.client import AlreadyExistsError, NotFoundError

from .hostpass import HostPass
from .letting_go import let_go

LEAVING_INDEX: Final = "metal3.io/leaving"
"""Index on HardwareData, which is large: the names of those that somebody wants gone."""


def leaving(data: metal3api.HardwareData) -> list[str]:
    """For LEAVING_INDEX."""
    return [data.metadata.name] if data.metadata.deletion_timestamp else []


class InvalidHardwareDetailsError(ValueError):
    """The annotation holds no hardware details."""


async def find_hardware_data(p: HostPass) -> metal3api.HardwareData | None:
    """The host's HardwareData, if there is one."""
    try:
        return await p.env.client.get(metal3api.HardwareData, p.key)
    except NotFoundError:
        return None


async def store_hardware(p: HostPass, details: metal3api.HardwareDetails) -> None:
    """Write what was found: to HardwareData first, because a finished inspection is not repeated.

    An existing object is changed in place. (The Go operator deletes it and makes a new one.)
    """
    data = await find_hardware_data(p)
    if data is None:
        await _create(p, details)
    elif data.spec.hardware is None or data.spec.hardware.to_dict() != details.to_dict():
        data.spec.hardware = details
        await p.env.client.update(data)
    p.status.hardware = details


async def _create(p: HostPass, details: metal3api.HardwareDetails) -> None:
    data = metal3api.HardwareData.named(p.key.name, p.key.namespace)
    data.metadata.finalizers = [metal3api.HARDWARE_DATA_FINALIZER]
    data.metadata.owner_references = [metav1.owner_reference(p.host, controller=True)]
    data.spec.hardware = details
    try:
        await p.env.client.create(data)
    except AlreadyExistsError:
        # The cache is behind: what is there is from this host's last inspection.
        return


async def release_hardware_data(p: HostPass) -> None:
    """Let HardwareData go with the host, or when somebody wants it gone before."""
    if p.is_deleting:
        is_due = await find_hardware_data(p) is not None
    else:
        found = await p.env.client.list(
            metal3api.HardwareData, namespace=p.key.namespace, fields={LEAVING_INDEX: p.key.name}
        )
        is_due = bool(found.items)
    if is_due:
        await let_go(p.env, metal3api.HardwareData, p.key, metal3api.HARDWARE_DATA_FINALIZER)


async def take_known_hardware(p: HostPass) -> bool:
    """Fill the status from HardwareData or, failing that, from the annotation; then drop that.

    Both count while nothing is known, or while inspection is disabled: then they are the user's.
    Gives whether the status was filled.
    """
    text = p.host.metadata.annotations.get(metal3api.HARDWARE_DETAILS_ANNOTATION)
    wanted = p.status.hardware is None or metal3api.inspection_is_disabled(p.host)
    if not wanted and text is None:
        return False
    data = await find_hardware_data(p)
    if data is not None and data.spec.hardware is not None:
        if wanted:
            p.status.hardware = data.spec.hardware
        note = "HardwareData of the host is more trusted than the annotation"
    elif text is None:
        return False
    else:
        note = await _take_annotation(p, text) if wanted else "the hardware is known already"
    if text is not None:
        await p.writer.remove_annotations(p.host, metal3api.HARDWARE_DETAILS_ANNOTATION)
        if note:
            p.publish("RemoveAnnotation", f"Removed hardware details annotation: {note}")
    return wanted


async def _take_annotation(p: HostPass, text: str) -> str:
    """Use it; gives the reason when it is of no use."""
    try:
        details = parse_hardware_details(text)
    except InvalidHardwareDetailsError as error:
        return str(error)
    await store_hardware(p, details)
    p.publish("UpdateHardwareDetails", "Set hardware details from annotation")
    return ""


def parse_hardware_details(text: str) -> metal3api.HardwareDetails:
    """Read the annotation's JSON; unknown fields are errors, since they are misspelt ones.

    Raises InvalidHardwareDetailsError.
    """
    try:
        plain: Any = json.loads(text)
        details = metal3api.HardwareDetails.model_validate(plain)
    except (ValidationError, ValueError, RecursionError) as error:
        raise InvalidHardwareDetailsError("its value is no valid hardware description") from error
    unknown = _unknown_fields(details)
    if unknown:
        raise InvalidHardwareDetailsError(f"unknown field {unknown[0]!r}")
    return details


def _unknown_fields(model: metav1.Model) -> list[str]:
    found = list(model.model_extra or ())
    for value in model.__dict__.values():
        items = value if isinstance(value, list) else [value]
        for item in items:
            if isinstance(item, metav1.Model):
                found += _unknown_fields(item)
    return found
