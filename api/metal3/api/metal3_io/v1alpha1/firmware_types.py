"""Firmware settings and components of hosts, their schema and their update policy."""

from enum import StrEnum

from .zz_generated_firmwareschema import (
    FirmwareSchemaSpecSchema,
    FirmwareSchemaSpecSchemaAttributeType,
)
from .zz_generated_hostfirmwarecomponents import (
    HostFirmwareComponentsSpecUpdates,
    HostFirmwareComponentsStatusComponents,
)
from .zz_generated_hostfirmwaresettings import HostFirmwareSettingsStatusSchema
from .zz_generated_hostupdatepolicy import HostUpdatePolicySpecFirmwareSettings

SettingSchema = FirmwareSchemaSpecSchema
AttributeType = FirmwareSchemaSpecSchemaAttributeType
SchemaReference = HostFirmwareSettingsStatusSchema
FirmwareUpdate = HostFirmwareComponentsSpecUpdates
FirmwareComponentStatus = HostFirmwareComponentsStatusComponents
UpdatePolicy = HostUpdatePolicySpecFirmwareSettings


class FirmwareConditionType(StrEnum):
    """Conditions of HostFirmwareSettings and HostFirmwareComponents."""

    CHANGE_DETECTED = "ChangeDetected"
    VALID = "Valid"


class FirmwareConditionReason(StrEnum):
    """Why those conditions are what they are; settings say Success, components say OK."""

    SUCCESS = "Success"
    CONFIGURATION_ERROR = "ConfigurationError"
    OK = "OK"
    INVALID_COMPONENT = "InvalidComponent"


def component_is_known(component: str) -> bool:
    """Whether firmware of this part can be updated: bios, bmc, or one network card."""
    return component in {"bios", "bmc"} or component.startswith("nic:")


def updates_on_reboot(policy: str | None) -> bool:
    """Whether a policy's field lets a provisioned host be changed; unset means it does not."""
    return policy == UpdatePolicy.ON_REBOOT
