"""What a node should look like for a host: connection, boot images, properties."""

from collections.abc import Mapping
from typing import Any, Final

from metal3 import bmc
from metal3.provisioner import ManagementAccessData, NeedsPreprovisioningImageError

from ._client import DISABLE_POWER_OFF, JSON
from ._config import Config
from ._network_data import parse_network_data
from ._node import Node, State, node_name
from ._patches import MASKED, entry_patch, field_patch, overwrite
from ._session import Session

FAST_INSPECTION: Final = "fast"
SECURE_BOOT: Final = "UEFISecureBoot"
LIVE_ISO: Final = "live-iso"
EXTERNAL_URL: Final = "external_http_url"
CLEANING_DISABLED: Final = "disabled"
_BOOT_CAPABILITIES: Final = {
    "UEFI": {"boot_mode": "uefi"},
    SECURE_BOOT: {"boot_mode": "uefi", "secure_boot": "true"},
    "legacy": {"boot_mode": "bios"},
}
_OPTIONAL: Final = ("redfish_verify_ca", "ipmi_verify_ca", "redfish_system_id")
"""Connection entries that are absent for some addresses."""

_OWN_CAPABILITIES: Final = ("boot_mode", "secure_boot")


def interfaces(access: bmc.AccessDetails, *, inspection_mode: str) -> dict[str, str]:
    """Interfaces the address asks for; the rest is Ironic's choice."""
    fast = inspection_mode == FAST_INSPECTION
    chosen = {
        "bios_interface": access.bios_interface,
        "boot_interface": access.boot_interface,
        "firmware_interface": access.firmware_interface,
        "inspect_interface": access.inspect_interface if fast else "agent",
        "management_interface": access.management_interface,
        "power_interface": access.power_interface,
        "raid_interface": access.raid_interface,
        "vendor_interface": access.vendor_interface,
    }
    return {name: value for name, value in chosen.items() if value}


def connection(session: Session, access: bmc.AccessDetails) -> dict[str, Any]:
    """Connection data with the password in it: for requests only."""
    login = session.host.credentials
    return access.driver_info(bmc.Credentials(login.username, login.password))


def connection_patch(
    node: Node, wanted: Mapping[str, Any], *, credentials_changed: bool
) -> list[JSON]:
    """Connection data to write: all of it as soon as a part that can be seen differs."""
    current = node.driver_info
    differs = any(current.get(k) != v for k, v in wanted.items() if current.get(k) != MASKED)
    stale = [k for k in _OPTIONAL if k in current and k not in wanted]
    removals = [{"op": "remove", "path": f"/driver_info/{key}"} for key in stale]
    if credentials_changed or differs or stale:
        return [*removals, *overwrite("driver_info", wanted)]
    return []


def new_node(
    session: Session,
    access: bmc.AccessDetails,
    data: ManagementAccessData,
    *,
    external_url: str | None,
) -> JSON:
    """Body that creates the node, complete, so that nothing needs to be changed afterwards.

    ``external_url`` is where the BMC finds what Ironic serves, if not at Ironic's usual address.
    """
    images = boot_images(session.config, access, data) or {}
    info = connection(session, access) | images | {EXTERNAL_URL: external_url}
    body: JSON = {
        "name": node_name(session.host.key),
        "driver": access.driver,
        "driver_info": {k: v for k, v in info.items() if v is not None},
        "properties": _properties({}, data),
        "automated_clean": data.automated_cleaning_mode != CLEANING_DISABLED,
        **interfaces(access, inspection_mode=data.inspection_mode),
    }
    if session.client.supports(DISABLE_POWER_OFF):
        body["disable_power_off"] = data.disable_power_off
    if (deploy := _deploy_interface(data)) is not None:
        body["deploy_interface"] = deploy
    if network := _network_data(session.config, data):
        body["network_data"] = network
    return body


def settings_patch(
    session: Session,
    node: Node,
    access: bmc.AccessDetails,
    data: ManagementAccessData,
    *,
    external_url: str | None,
) -> list[JSON]:
    """Everything about an existing node that is not as it should be, connection apart.

    Raises NeedsPreprovisioningImageError when the host's state boots an agent without an image.
    """
    fields: dict[str, Any] = {
        "name": node_name(session.host.key),
        "automated_clean": data.automated_cleaning_mode != CLEANING_DISABLED,
    }
    if session.client.supports(DISABLE_POWER_OFF):
        fields["disable_power_off"] = data.disable_power_off
    if not session.config.build_preprovisioning_images:
        fields["network_data"] = _network_data(session.config, data) or None
    images = boot_images(session.config, access, data)
    info = (images or {}) | {EXTERNAL_URL: external_url}
    return [
        *field_patch(node, fields),
        *entry_patch(node, "driver_info", info),
        *entry_patch(node, "properties", _properties(node.properties, data)),
    ]


def boot_images(
    config: Config, access: bmc.AccessDetails, data: ManagementAccessData
) -> dict[str, Any] | None:
    """``driver_info`` entries that boot the agent; None: leave what is there."""
    iso_capable = access.supports_iso_preprovisioning_image
    if not config.build_preprovisioning_images:
        images = config.images
        if iso_capable and images.iso_url:
            return _iso(images.iso_url)
        return _ramdisk(images.kernel_url, images.ramdisk_url, None)
    image = data.preprovisioning_image
    if image is None:
        if boots_agent(data):
            raise NeedsPreprovisioningImageError("the step boots an agent and has no image for it")
        return None
    if image.format == "iso":
        return _iso(image.image_url) | {"kernel_append_params": image.extra_kernel_params or None}
    kernel = image.kernel_url or config.images.kernel_url
    return _ramdisk(kernel, image.image_url, f"%default% {image.extra_kernel_params}".strip())


def _iso(url: str) -> dict[str, Any]:
    return {"deploy_iso": url, "deploy_kernel": None, "deploy_ramdisk": None}


def _ramdisk(kernel: str, ramdisk: str, parameters: str | None) -> dict[str, Any]:
    return {
        "deploy_iso": None,
        "deploy_kernel": kernel or None,
        "deploy_ramdisk": ramdisk or None,
        "kernel_append_params": parameters,
    }


def boots_agent(data: ManagementAccessData) -> bool:
    """Whether what the host does now needs an agent on the machine."""
    if data.operational_status == "servicing":
        return True
    match data.state:
        case "preparing":
            return True
        case "inspecting":
            return data.inspection_mode != FAST_INSPECTION
        case "deprovisioning":
            return data.automated_cleaning_mode != CLEANING_DISABLED
        case "provisioning":
            return data.current_image is None or data.current_image.format != LIVE_ISO
        case _:
            return False


def _properties(current: Mapping[str, Any], data: ManagementAccessData) -> dict[str, Any]:
    text = str(current.get("capabilities") or "")
    properties: dict[str, Any] = {"capabilities": merge_capabilities(text, data.boot_mode)}
    if data.cpu_architecture:
        properties["cpu_arch"] = data.cpu_architecture
    return properties


def merge_capabilities(current: str, boot_mode: str) -> str:
    """Set how the machine boots and keep what others wrote (``key:value,key:value``)."""
    pairs = [pair.partition(":") for pair in current.split(",") if ":" in pair]
    others = {key: value for key, _, value in pairs if key not in _OWN_CAPABILITIES}
    wanted = others | _BOOT_CAPABILITIES.get(boot_mode, _BOOT_CAPABILITIES["UEFI"])
    return ",".join(f"{key}:{value}" for key, value in wanted.items())


def _deploy_interface(data: ManagementAccessData) -> str | None:
    if data.current_image is not None and data.current_image.format == LIVE_ISO:
        return "ramdisk"
    return "custom-agent" if data.has_custom_deploy else None


def _network_data(config: Config, data: ManagementAccessData) -> dict[str, Any]:
    if config.build_preprovisioning_images:
        return {}
    return parse_network_data(data.preprovisioning_network_data)


SKIPS_SETTINGS: Final = frozenset({
    State.CLEANING, State.CLEAN_WAIT, State.DEPLOYING, State.DEPLOY_WAIT, State.INSPECTING,
    State.INSPECT_WAIT, State.DELETING, State.SERVICING, State.SERVICE_WAIT, State.ADOPTING,
})  # fmt: skip
"""A node that works on something is left alone; its settings are looked at when it is done."""
