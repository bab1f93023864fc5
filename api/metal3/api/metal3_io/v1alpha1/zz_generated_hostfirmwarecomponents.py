"""HostFirmwareComponents of metal3.io/v1alpha1, generated from its CRD; do not edit, run `make generate`."""

from typing import Annotated, ClassVar

from pydantic import Field

from metal3.api.meta.v1 import Condition, GroupVersionKind, Model, Object, Time


class HostFirmwareComponentsSpecUpdates(Model):
    """One firmware to flash."""

    required_fields: ClassVar[frozenset[str]] = frozenset({"component", "url"})

    component: str = ""
    """Part to update: bios, bmc, or nic: followed by the interface's identifier."""

    url: str = ""
    """Where the firmware is fetched from."""


class HostFirmwareComponentsSpec(Model):
    """Updates that are wanted."""

    required_fields: ClassVar[frozenset[str]] = frozenset({"updates"})

    updates: list[HostFirmwareComponentsSpecUpdates] = Field(default_factory=list)
    """Firmware to flash. A component is flashed again only when its URL changes."""


class HostFirmwareComponentsStatusComponents(Model):
    """Firmware of one part."""

    required_fields: ClassVar[frozenset[str]] = frozenset({"component", "initial_version"})

    component: str = ""
    """The part, named as in the spec."""

    initial_version: Annotated[str, Field(alias="initialVersion")] = ""
    """Version it had when first seen."""

    current_version: Annotated[str | None, Field(alias="currentVersion")] = None
    """Version it has now."""

    last_version_flashed: Annotated[str | None, Field(alias="lastVersionFlashed")] = None
    """Version that was last written to it."""

    updated_at: Annotated[Time | None, Field(alias="updatedAt")] = None
    """When its version was last seen to change."""


class HostFirmwareComponentsStatus(Model):
    """Versions that were found."""

    updates: list[HostFirmwareComponentsSpecUpdates] = Field(default_factory=list)
    """Updates that were last handed to the server."""

    components: list[HostFirmwareComponentsStatusComponents] = Field(default_factory=list)
    """Parts of the server that have firmware."""

    last_updated: Annotated[Time | None, Field(alias="lastUpdated")] = None
    """When this status was last written."""

    conditions: list[Condition] = Field(default_factory=list)
    """Whether the wanted updates are valid (Valid) and differ from those already made
    (ChangeDetected).
    """


class HostFirmwareComponents(Object):
    """Firmware versions of the BareMetalHost of the same name, wanted and found."""

    gvk: ClassVar[GroupVersionKind] = GroupVersionKind(
        "metal3.io", "v1alpha1", "HostFirmwareComponents"
    )
    plural: ClassVar[str] = "hostfirmwarecomponents"
    namespaced: ClassVar[bool] = True

    spec: HostFirmwareComponentsSpec = Field(default_factory=HostFirmwareComponentsSpec)
    """Updates that are wanted."""

    status: HostFirmwareComponentsStatus = Field(default_factory=HostFirmwareComponentsStatus)
    """Versions that were found."""
