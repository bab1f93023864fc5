"""HostUpdatePolicy of metal3.io/v1alpha1, generated from its CRD; do not edit, run `make generate`."""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from metal3.api.meta.v1 import GroupVersionKind, Model, Object


class HostUpdatePolicySpecFirmwareSettings(StrEnum):
    """Known values of firmwareSettings."""

    ON_PREPARING = "onPreparing"
    ON_REBOOT = "onReboot"


class HostUpdatePolicySpecFirmwareUpdates(StrEnum):
    """Known values of firmwareUpdates."""

    ON_PREPARING = "onPreparing"
    ON_REBOOT = "onReboot"


class HostUpdatePolicySpec(Model):
    """The policy."""

    firmware_settings: Annotated[str | None, Field(alias="firmwareSettings")] = None
    """When firmware settings are applied: only before provisioning (onPreparing, also when
    unset) or at a reboot as well.
    """

    firmware_updates: Annotated[str | None, Field(alias="firmwareUpdates")] = None
    """When firmware is flashed: only before provisioning (onPreparing, also when unset) or at a
    reboot as well.
    """


class HostUpdatePolicyStatus(Model):
    """Nothing is reported yet."""


class HostUpdatePolicy(Object):
    """When firmware changes may be made to the provisioned BareMetalHost of the same name."""

    gvk: ClassVar[GroupVersionKind] = GroupVersionKind("metal3.io", "v1alpha1", "HostUpdatePolicy")
    plural: ClassVar[str] = "hostupdatepolicies"
    namespaced: ClassVar[bool] = True

    spec: HostUpdatePolicySpec = Field(default_factory=HostUpdatePolicySpec)
    """The policy."""

    status: HostUpdatePolicyStatus = Field(default_factory=HostUpdatePolicyStatus)
    """Nothing is reported yet."""
