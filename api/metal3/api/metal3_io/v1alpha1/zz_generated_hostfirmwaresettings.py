"""HostFirmwareSettings of metal3.io/v1alpha1, generated from its CRD; do not edit, run `make generate`."""

from typing import Annotated, ClassVar

from pydantic import Field

from metal3.api.meta.v1 import Condition, GroupVersionKind, Model, Object, Time


class HostFirmwareSettingsSpec(Model):
    """Settings that are wanted."""

    required_fields: ClassVar[frozenset[str]] = frozenset({"settings"})

    settings: dict[str, int | str] = Field(default_factory=dict)
    """Wanted values by the setting's name; settings that are not named stay as they are."""


class HostFirmwareSettingsStatusSchema(Model):
    """FirmwareSchema that describes these settings."""

    required_fields: ClassVar[frozenset[str]] = frozenset({"name", "namespace"})

    name: str = ""
    """Name of the FirmwareSchema."""

    namespace: str = ""
    """Namespace of the FirmwareSchema."""


class HostFirmwareSettingsStatus(Model):
    """Settings that were found."""

    required_fields: ClassVar[frozenset[str]] = frozenset({"settings"})

    settings: dict[str, str] = Field(default_factory=dict)
    """Present values by the setting's name."""

    schema_: Annotated[HostFirmwareSettingsStatusSchema | None, Field(alias="schema")] = None
    """FirmwareSchema that describes these settings."""

    last_updated: Annotated[Time | None, Field(alias="lastUpdated")] = None
    """When this status was last written."""

    conditions: list[Condition] = Field(default_factory=list)
    """Whether the wanted values are valid (Valid) and differ from the present ones
    (ChangeDetected).
    """


class HostFirmwareSettings(Object):
    """Firmware (BIOS) settings of the BareMetalHost of the same name, wanted and found."""

    gvk: ClassVar[GroupVersionKind] = GroupVersionKind(
        "metal3.io", "v1alpha1", "HostFirmwareSettings"
    )
    plural: ClassVar[str] = "hostfirmwaresettings"
    namespaced: ClassVar[bool] = True

    spec: HostFirmwareSettingsSpec = Field(default_factory=HostFirmwareSettingsSpec)
    """Settings that are wanted."""

    status: HostFirmwareSettingsStatus = Field(default_factory=HostFirmwareSettingsStatus)
    """Settings that were found."""
