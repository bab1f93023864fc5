"""HostNetworkAttachment of metal3.io/v1alpha1, generated from its CRD; do not edit, run `make generate`."""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from metal3.api.meta.v1 import GroupVersionKind, Model, Object


class HostNetworkAttachmentSpecMode(StrEnum):
    """Known values of mode."""

    ACCESS = "access"
    TRUNK = "trunk"
    HYBRID = "hybrid"


class HostNetworkAttachmentSpec(Model):
    """The settings."""

    required_fields: ClassVar[frozenset[str]] = frozenset({"mode", "native_vlan"})

    mode: str = "access"
    """Frames of one network only (access), of several by tag (trunk), or both (hybrid)."""

    native_vlan: Annotated[int, Field(alias="nativeVLAN")] = 0
    """VLAN of frames that come without a tag."""

    allowed_vlans: Annotated[list[str], Field(alias="allowedVLANs")] = Field(default_factory=list)
    """Tagged VLANs that may pass; not for access mode."""

    mtu: int | None = None
    """Largest packet in bytes; the network's own limit when unset."""


class HostNetworkAttachment(Object):
    """Settings of a switch port, to be named by network interfaces of hosts. Cannot be changed
    while one does.
    """

    gvk: ClassVar[GroupVersionKind] = GroupVersionKind(
        "metal3.io", "v1alpha1", "HostNetworkAttachment"
    )
    plural: ClassVar[str] = "hostnetworkattachments"
    namespaced: ClassVar[bool] = True

    spec: HostNetworkAttachmentSpec = Field(default_factory=HostNetworkAttachmentSpec)
    """The settings."""
