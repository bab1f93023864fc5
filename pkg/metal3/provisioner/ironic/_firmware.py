"""Firmware settings and component versions as Ironic last read them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.provisioner import FirmwareSettings

from ._errors import BadRequestError, NotFoundError
from ._session import Session

_SCHEMA: Final = (
    "attribute_type",
    "allowable_values",
    "lower_bound",
    "upper_bound",
    "min_length",
    "max_length",
    "read_only",
    "unique",
)
_COMPONENTS: Final = ("bios", "bmc")
NO_FIRMWARE: Final = "no-firmware"
_NIC: Final = "nic:"


async def firmware_settings(session: Session, *, include_schema: bool) -> FirmwareSettings:
    """See the seam."""
    node = await session.require()
    answer = await session.client.get("nodes", node.uuid, "bios", query={"detail": "true"})
    entries = cast("list[Mapping[str, Any]]", answer.get("bios") or [])
    return FirmwareSettings(
        settings={str(e["name"]): _text(e.get("value")) for e in entries},
        schema={str(e["name"]): _schema(e) for e in entries} if include_schema else {},
        vendor=str(node.properties.get("vendor") or ""),
        model=str(node.properties.get("model") or ""),
    )


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _schema(entry: Mapping[str, Any]) -> metal3api.SettingSchema:
    known = {name: entry.get(name) for name in _SCHEMA}
    return metal3api.SettingSchema.from_dict({k: v for k, v in known.items() if v is not None})


async def firmware_components(session: Session) -> Sequence[metal3api.FirmwareComponentStatus]:
    """See the seam; asked again only after the node moved, since Ironic reads them only then."""
    node = await session.require()
    if node.text("firmware_interface") == NO_FIRMWARE:
        return ()
    moved = node.raw.get("provision_updated_at")
    known = session.memory.components.get(node.uuid)
    if known is not None and known[0] == moved and node.is_settled:
        return known[1]
    try:
        answer = await session.client.get("nodes", node.uuid, "firmware")
    except (NotFoundError, BadRequestError):
        answer = {}
    entries = cast("list[Mapping[str, Any]]", answer.get("firmware") or [])
    found = tuple(_component(e) for e in entries if _is_known(str(e.get("component"))))
    session.memory.components[node.uuid] = (moved, found)
    return found


def _is_known(component: str) -> bool:
    return component in _COMPONENTS or component.startswith(_NIC)


def _component(entry: Mapping[str, Any]) -> metal3api.FirmwareComponentStatus:
    values = {
        "component": entry.get("component"),
        "initialVersion": entry.get("initial_version") or "",
        "currentVersion": entry.get("current_version"),
        "lastVersionFlashed": entry.get("last_version_flashed"),
        "updatedAt": entry.get("updated_at"),
    }
    kept = {name: value for name, value in values.items() if value is not None}
    return metal3api.FirmwareComponentStatus.from_dict(kept)
