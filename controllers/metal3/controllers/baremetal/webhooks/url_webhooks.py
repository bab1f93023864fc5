"""Accept or refuse the kinds whose only rule is on URLs: DataImage, HostFirmwareComponents."""

from dataclasses import dataclass

from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.webhook import FieldError, RequestInfo, Warnings, deny_if, required

from ._storage_rules import url_errors


@dataclass(frozen=True, slots=True)
class DataImageValidator:
    """The URL of the image must be one that a BMC could fetch."""

    async def validate_create(self, obj: metal3api.DataImage, request: RequestInfo) -> Warnings:
        """Check the URL."""
        deny_if(_data_image_errors(obj))
        return ()

    async def validate_update(
        self, old: metal3api.DataImage, new: metal3api.DataImage, request: RequestInfo
    ) -> Warnings:
        """Check a new URL."""
        if old.spec.url != new.spec.url:
            deny_if(_data_image_errors(new))
        return ()

    async def validate_delete(self, obj: metal3api.DataImage, request: RequestInfo) -> Warnings:
        """Always."""
        return ()


@dataclass(frozen=True, slots=True)
class HostFirmwareComponentsValidator:
    """Every update needs a URL; which components exist only the host knows."""

    async def validate_create(
        self, obj: metal3api.HostFirmwareComponents, request: RequestInfo
    ) -> Warnings:
        """Check all updates."""
        deny_if(_update_errors(obj))
        return ()

    async def validate_update(
        self,
        old: metal3api.HostFirmwareComponents,
        new: metal3api.HostFirmwareComponents,
        request: RequestInfo,
    ) -> Warnings:
        """Check changed updates."""
        if old.spec.to_dict() != new.spec.to_dict():
            deny_if(_update_errors(new))
        return ()

    async def validate_delete(
        self, obj: metal3api.HostFirmwareComponents, request: RequestInfo
    ) -> Warnings:
        """Always."""
        return ()


def _data_image_errors(obj: metal3api.DataImage) -> list[FieldError]:
    if not obj.spec.url:
        return [required("spec.url", "give the URL of the image")]
    return url_errors(obj.spec.url, "spec.url")


def _update_errors(obj: metal3api.HostFirmwareComponents) -> list[FieldError]:
    return [
        error
        for index, update in enumerate(obj.spec.updates)
        for error in url_errors(update.url, f"spec.updates[{index}].url")
    ]
