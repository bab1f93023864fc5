"""What is deployed: images, root device and boot mode as fields of the node."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.provisioner import ManagementAccessData, ProvisionData

from ._client import JSON
from ._config import Config
from ._node import Node, State
from ._patches import entry_patch, field_patch
from ._session import Session
from ._settings import LIVE_ISO, SECURE_BOOT

OCI: Final = "oci://"
RAMDISK: Final = "ramdisk"
CUSTOM_AGENT: Final = "custom-agent"
_IMAGE_KEYS: Final = (
    "image_source",
    "image_disk_format",
    "image_checksum",
    "image_os_hash_algo",
    "image_os_hash_value",
    "image_pull_secret",
)
_RUNNING: Final = frozenset({"provisioned", "externally provisioned"})
"""States of a host in which its node is adopted if it is not active."""

_NO_IMAGE: Final[Mapping[str, Any]] = dict.fromkeys((*_IMAGE_KEYS, "boot_iso"))


class ImageError(ValueError):
    """The image cannot be deployed as it is described; the message is for the user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """Entries of ``instance_info`` (None: none), and the deploy interface that handles them."""

    instance_info: Mapping[str, Any]
    deploy_interface: str = ""
    force_persistent_boot: str = ""


def deployment(
    config: Config,
    image: metal3api.Image | None,
    *,
    custom: bool,
    pull_secret: str = "",
) -> Deployment:
    """How an image reaches the machine; raises ImageError."""
    has_image = image is not None and bool(image.url)
    if custom:
        info = _direct_info(image, pull_secret) if has_image and image else {}
        return Deployment(
            instance_info={**_NO_IMAGE, **info},
            deploy_interface=CUSTOM_AGENT,
        )
    if not has_image or image is None:
        raise ImageError("there is neither an image nor a custom deploy method")
    if image.format == LIVE_ISO:
        return Deployment(
            instance_info={**_NO_IMAGE, "boot_iso": image.url},
            deploy_interface=RAMDISK,
            force_persistent_boot=config.live_iso_force_persistent_boot,
        )
    return Deployment(
        instance_info={**_NO_IMAGE, **_direct_info(image, pull_secret)},
        force_persistent_boot=config.direct_force_persistent_boot,
    )


def _direct_info(image: metal3api.Image, pull_secret: str) -> dict[str, Any]:
    return {
        "image_source": image.url,
        "image_disk_format": image.format or None,
        "image_pull_secret": pull_secret or None,
        **_checksum_info(image),
    }


def _checksum_info(image: metal3api.Image) -> dict[str, Any]:
    """Ironic works out the kind itself unless it is named; OCI images carry their digest."""
    kind = image.checksum_type or "auto"
    if image.url.startswith(OCI):
        if image.checksum:
            raise ImageError("image.checksum must be empty for an oci:// image")
        return {}
    if not image.checksum:
        raise ImageError("image.checksum is required unless the format is live-iso")
    if kind == "auto":
        return {"image_checksum": image.checksum}
    if kind not in {"md5", "sha256", "sha512"}:
        raise ImageError(f"image.checksumType {kind!r} is not one of md5, sha256, sha512, auto")
    return {"image_os_hash_algo": kind, "image_os_hash_value": image.checksum}


def instance_patch(session: Session, node: Node, data: ProvisionData) -> list[JSON]:
    """Operations that make the node ready to be deployed; raises ImageError."""
    wanted = deployment(
        session.config,
        data.image,
        custom=data.custom_deploy is not None,
        pull_secret=data.image_pull_secret,
    )
    secure = {"secure_boot": "true"} if data.boot_mode == SECURE_BOOT else None
    return [
        *field_patch(node, {"instance_uuid": session.host.uid or None}),
        *entry_patch(
            node,
            "instance_info",
            {
                **wanted.instance_info,
                "capabilities": secure,
                "root_device": root_device(data.root_device_hints) or None,
            },
        ),
        *_interface_patch(node, wanted),
        *_boot_device_patch(node, wanted),
    ]


def registered_image_patch(session: Session, node: Node, data: ManagementAccessData) -> list[JSON]:
    """For a host that runs an image while its node is new: adopting it needs to know the image."""
    if node.state not in {State.ENROLL, State.MANAGEABLE, State.ADOPT_FAILED}:
        return []
    if data.state not in _RUNNING:
        return []
    if data.current_image is None and not data.has_custom_deploy:
        return []
    try:
        wanted = deployment(session.config, data.current_image, custom=data.has_custom_deploy)
    except ImageError:
        return []
    return [
        *entry_patch(node, "instance_info", wanted.instance_info),
        *_interface_patch(node, wanted),
    ]


def is_deployed(node: Node, data: ProvisionData) -> bool:
    """Whether the node was told to deploy this very image, whatever came of it."""
    image = data.image
    if image is None or not image.url:
        return data.custom_deploy is not None
    info = node.instance_info
    if image.format == LIVE_ISO:
        return info.get("boot_iso") == image.url
    if info.get("image_source") != image.url:
        return False
    checksums = {info.get("image_checksum"), info.get("image_os_hash_value")}
    return not image.checksum or image.checksum in checksums


def _interface_patch(node: Node, wanted: Deployment) -> list[JSON]:
    """Back to the driver's own choice after a deployment that needed a special interface."""
    current = node.text("deploy_interface")
    if wanted.deploy_interface:
        return field_patch(node, {"deploy_interface": wanted.deploy_interface})
    if current in {RAMDISK, CUSTOM_AGENT}:
        return [{"op": "remove", "path": "/deploy_interface"}]
    return []


def _boot_device_patch(node: Node, wanted: Deployment) -> list[JSON]:
    if not wanted.force_persistent_boot:
        return []
    entries = {"force_persistent_boot_device": wanted.force_persistent_boot}
    return entry_patch(node, "driver_info", entries)


def root_device(hints: metal3api.RootDeviceHints | None) -> dict[str, str]:
    """Hints in Ironic's notation: an operator, a blank, a value."""
    if hints is None:
        return {}
    found: dict[str, str] = {}
    if name := hints.device_name:
        key = "by_path" if name.startswith("/dev/disk/by-path/") else "name"
        found[key] = f"s== {name}"
    exact = {
        "hctl": hints.hctl,
        "serial": hints.serial_number,
        "wwn": hints.wwn,
        "wwn_with_extension": hints.wwn_with_extension,
        "wwn_vendor_extension": hints.wwn_vendor_extension,
    }
    found |= {key: f"s== {value}" for key, value in exact.items() if value}
    partial = {"model": hints.model, "vendor": hints.vendor}
    found |= {key: f"<in> {value}" for key, value in partial.items() if value}
    if hints.min_size_gigabytes:
        found["size"] = f">= {hints.min_size_gigabytes}"
    if hints.rotational is not None:
        found["rotational"] = str(hints.rotational).lower()
    return found
