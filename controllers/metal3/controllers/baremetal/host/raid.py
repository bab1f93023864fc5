"""What is to be prepared on the disks, and what the status says is there."""

from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api

from .profiles import root_device_hints


def wanted_settings(host: metal3api.BareMetalHost) -> metal3api.ProvisionStatus:
    """The provisioning status as it will be once disks are as the spec wants them."""
    wanted = host.status.provisioning.deep_copy()
    wanted.root_device_hints = _as_root_hints(root_device_hints(host))
    wanted.raid = _wanted_raid(host.spec.raid, host.status.provisioning.raid)
    return wanted


def store_settings(host: metal3api.BareMetalHost, wanted: metal3api.ProvisionStatus) -> None:
    """Note that hints and RAID are as wanted."""
    host.status.provisioning.root_device_hints = wanted.root_device_hints
    host.status.provisioning.raid = wanted.raid


def is_dirty(host: metal3api.BareMetalHost, wanted: metal3api.ProvisionStatus) -> bool:
    """Whether disks have to be prepared."""
    now = host.status.provisioning
    return not (
        _equal(now.root_device_hints, wanted.root_device_hints) and _equal(now.raid, wanted.raid)
    )


def clear_settings(host: metal3api.BareMetalHost) -> None:
    """Forget hints and software RAID, so that they are made anew; hardware RAID survives."""
    provisioning = host.status.provisioning
    provisioning.root_device_hints = None
    if provisioning.raid is None:
        return
    hardware = provisioning.raid.hardware_raid_volumes
    provisioning.raid = None
    if hardware is not None:
        provisioning.raid = metal3api.RAIDConfig(hardware_raid_volumes=hardware)


def _wanted_raid(
    spec: metal3api.RAIDConfig | None, status: metal3api.RAIDConfig | None
) -> metal3api.RAIDConfig | None:
    if spec is not None and not metal3api.is_raid_unset(spec):
        return spec.deep_copy()
    if status is None:
        return None
    # Nothing asked for: hardware volumes stay as they are, software ones are taken apart.
    kept = status.hardware_raid_volumes
    return metal3api.RAIDConfig(hardware_raid_volumes=kept, software_raid_volumes=[])


def _as_root_hints(hints: metal3api.RootDeviceHints | None) -> metal3api.RootDeviceHints | None:
    return hints if metal3api.has_hints(hints) else None


def _equal(one: metav1.Model | None, other: metav1.Model | None) -> bool:
    """Whether both say the same; null and absent do here."""
    return _bare(one) == _bare(other)


def _bare(model: metav1.Model | None) -> dict[str, object]:
    plain = {} if model is None else model.to_dict()
    return {name: value for name, value in plain.items() if value is not None}
