"""PreprovisioningImage of metal3.io/v1alpha1, generated from its CRD; do not edit, run `make generate`."""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from metal3.api.meta.v1 import Condition, GroupVersionKind, Model, Object


class PreprovisioningImageSpecAcceptFormats(StrEnum):
    """Known values of acceptFormats."""

    ISO = "iso"
    INITRD = "initrd"


class PreprovisioningImageSpec(Model):
    """Which image is wanted."""

    network_data_name: Annotated[str | None, Field(alias="networkDataName")] = None
    """Secret in this namespace with the network configuration to build in."""

    architecture: str | None = None
    """Processor architecture the image is for."""

    accept_formats: Annotated[list[str], Field(alias="acceptFormats")] = Field(default_factory=list)
    """Formats the host can boot, best first."""


class PreprovisioningImageStatusFormat(StrEnum):
    """Known values of format."""

    ISO = "iso"
    INITRD = "initrd"


class PreprovisioningImageStatusNetworkData(Model):
    """Revision of the network configuration that is built in."""

    name: str | None = None
    """Name of the Secret."""

    version: str | None = None
    """The Secret's resourceVersion."""


class PreprovisioningImageStatus(Model):
    """Which image there is."""

    image_url: Annotated[str | None, Field(alias="imageUrl")] = None
    """Where the image is fetched from."""

    kernel_url: Annotated[str | None, Field(alias="kernelUrl")] = None
    """Where the kernel that goes with an initrd is fetched from."""

    extra_kernel_params: Annotated[str | None, Field(alias="extraKernelParams")] = None
    """Parameters to add to the kernel's command line; for an initrd only."""

    format: str | None = None
    """Format of the image."""

    network_data: Annotated[
        PreprovisioningImageStatusNetworkData | None, Field(alias="networkData")
    ] = None
    """Revision of the network configuration that is built in."""

    architecture: str | None = None
    """Processor architecture the image was built for."""

    conditions: list[Condition] = Field(default_factory=list)
    """Whether the image can be used (Ready) or cannot be built (Error)."""


class PreprovisioningImage(Object):
    """Asks for a ramdisk image built for one BareMetalHost, the one of the same name."""

    gvk: ClassVar[GroupVersionKind] = GroupVersionKind(
        "metal3.io", "v1alpha1", "PreprovisioningImage"
    )
    plural: ClassVar[str] = "preprovisioningimages"
    namespaced: ClassVar[bool] = True

    spec: PreprovisioningImageSpec = Field(default_factory=PreprovisioningImageSpec)
    """Which image is wanted."""

    status: PreprovisioningImageStatus = Field(default_factory=PreprovisioningImageStatus)
    """Which image there is."""
