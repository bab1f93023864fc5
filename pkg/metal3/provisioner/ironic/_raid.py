"""RAID volumes as Ironic's target configuration and cleaning steps."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.provisioner import PrepareData

from ._client import JSON
from ._images import root_device

AGENT: Final = "agent"
NO_RAID: Final = "no-raid"


class RAIDError(ValueError):
    """The volumes cannot be made as described; the message is for the user."""


def raid_interface(data: PrepareData, *, driver_default: str) -> str:
    """Software volumes are the agent's work, also taking them away."""
    wanted = _software(data.target_raid) or _software(data.actual_raid)
    return AGENT if wanted else driver_default


def raid_steps(data: PrepareData, interface: str) -> list[JSON]:
    """Cleaning steps that lead from the actual volumes to the wanted ones."""
    target = data.target_raid
    if target is None:
        return []
    if target.software_raid_volumes is not None and interface == AGENT:
        return _software_steps(data)
    if target.hardware_raid_volumes is not None and interface not in {NO_RAID, AGENT}:
        return _hardware_steps(target.hardware_raid_volumes)
    return []


def _software_steps(data: PrepareData) -> list[JSON]:
    wanted, actual = _software(data.target_raid), _software(data.actual_raid)
    if _plain(wanted) == _plain(actual):
        return []
    steps: list[JSON] = [
        {"interface": "raid", "step": "delete_configuration"},
        {"interface": "deploy", "step": "erase_devices_metadata"},
    ]
    return [*steps, _create()] if wanted else steps


def _hardware_steps(volumes: Sequence[metal3api.HardwareRAIDVolume]) -> list[JSON]:
    delete: JSON = {"interface": "raid", "step": "delete_configuration"}
    return [delete, _create()] if volumes else [delete]


def _create() -> JSON:
    return {"interface": "raid", "step": "create_configuration"}


def logical_disks(data: PrepareData, interface: str) -> list[JSON]:
    """The volumes in Ironic's words; raises RAIDError."""
    target = data.target_raid
    if target is None:
        return []
    if target.hardware_raid_volumes:
        if interface in {NO_RAID, AGENT}:
            raise RAIDError("hardware RAID is not supported by this BMC type: use software volumes")
        disks = _hardware_disks(target.hardware_raid_volumes)
    else:
        disks = _software_disks(target.software_raid_volumes or [])
    return _with_root(disks, has_hints=data.root_device_hints is not None)


def _with_root(disks: list[JSON], *, has_hints: bool) -> list[JSON]:
    """Without a hint where the image goes it goes to the first volume."""
    if not disks or has_hints or any(disk.get("is_root_volume") for disk in disks):
        return disks
    return [disks[0] | {"is_root_volume": True}, *disks[1:]]


def _hardware_disks(volumes: Sequence[metal3api.HardwareRAIDVolume]) -> list[JSON]:
    names = [volume.name for volume in volumes if volume.name]
    if len(names) != len(set(names)):
        raise RAIDError("two hardware RAID volumes have the same name")
    return [_hardware_disk(volume) for volume in volumes]


def _hardware_disk(volume: metal3api.HardwareRAIDVolume) -> JSON:
    count, disks = volume.number_of_physical_disks, volume.physical_disks
    if disks and not volume.controller:
        raise RAIDError("a RAID volume with physicalDisks needs a controller")
    if disks and count and count != len(disks):
        raise RAIDError("numberOfPhysicalDisks differs from the number of physicalDisks")
    optional: Mapping[str, Any] = {
        "volume_name": volume.name,
        "controller": volume.controller,
        "physical_disks": list(disks),
        "number_of_physical_disks": count,
        "disk_type": {True: "hdd", False: "ssd", None: None}[volume.rotational],
    }
    size = volume.size_gibibytes
    disk: JSON = {"size_gb": "MAX" if size is None else size, "raid_level": volume.level}
    return disk | {key: value for key, value in optional.items() if value}


def _software_disks(volumes: Sequence[metal3api.SoftwareRAIDVolume]) -> list[JSON]:
    if volumes and volumes[0].level != "1":
        raise RAIDError("the first software RAID volume must have level 1")
    return [_software_disk(volume) for volume in volumes]


def _software_disk(volume: metal3api.SoftwareRAIDVolume) -> JSON:
    size = volume.size_gibibytes
    disk: JSON = {
        "size_gb": size or "MAX",
        "raid_level": volume.level,
        "controller": "software",
    }
    if volume.root_volume:
        disk["is_root_volume"] = True
    if volume.physical_disks:
        disk["physical_disks"] = [root_device(hints) for hints in volume.physical_disks]
    return disk


def _software(raid: metal3api.RAIDConfig | None) -> list[metal3api.SoftwareRAIDVolume]:
    return list(raid.software_raid_volumes or []) if raid is not None else []


def _plain(volumes: Sequence[metal3api.SoftwareRAIDVolume]) -> list[JSON]:
    return [volume.to_dict() for volume in volumes]
