"""FirmwareSchema of metal3.io/v1alpha1, generated from its CRD; do not edit, run `make generate`."""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from metal3.api.meta.v1 import GroupVersionKind, Model, Object


class FirmwareSchemaSpecSchemaAttributeType(StrEnum):
    """Known values of attribute_type."""

    ENUMERATION = "Enumeration"
    STRING = "String"
    INTEGER = "Integer"
    BOOLEAN = "Boolean"
    PASSWORD = "Password"


class FirmwareSchemaSpecSchema(Model):
    """What one setting accepts."""

    attribute_type: str | None = None
    """Type of the setting."""

    allowable_values: list[str] = Field(default_factory=list)
    """Values an Enumeration may take."""

    lower_bound: int | None = None
    """Smallest value of an Integer."""

    upper_bound: int | None = None
    """Largest value of an Integer."""

    min_length: int | None = None
    """Fewest characters of a String."""

    max_length: int | None = None
    """Most characters of a String."""

    read_only: bool | None = None
    """True when the setting cannot be changed."""

    unique: bool | None = None
    """True when the value belongs to one machine alone, such as a serial number."""


class FirmwareSchemaSpec(Model):
    """Description of the settings."""

    required_fields: ClassVar[frozenset[str]] = frozenset({"schema_"})

    hardware_vendor: Annotated[str | None, Field(alias="hardwareVendor")] = None
    """Manufacturer of the servers this applies to."""

    hardware_model: Annotated[str | None, Field(alias="hardwareModel")] = None
    """Model of the servers this applies to."""

    schema_: Annotated[dict[str, FirmwareSchemaSpecSchema], Field(alias="schema")] = Field(
        default_factory=dict
    )
    """What each setting accepts, by its name."""


class FirmwareSchema(Object):
    """Names, types and limits of the firmware settings that one model of server has."""

    gvk: ClassVar[GroupVersionKind] = GroupVersionKind("metal3.io", "v1alpha1", "FirmwareSchema")
    plural: ClassVar[str] = "firmwareschemas"
    namespaced: ClassVar[bool] = True

    spec: FirmwareSchemaSpec = Field(default_factory=FirmwareSchemaSpec)
    """Description of the settings."""
