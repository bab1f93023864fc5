"""BareMetalSwitch of metal3.io/v1alpha1, generated from its CRD; do not edit, run `make generate`."""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from metal3.api.meta.v1 import Condition, GroupVersionKind, Model, Object

from .zz_generated_baremetalhost import BareMetalHostSpecUserData


class BareMetalSwitchSpecDriver(StrEnum):
    """Known values of driver."""

    GENERIC_SWITCH = "generic-switch"


class BareMetalSwitchSpec(Model):
    """How the switch is reached."""

    required_fields: ClassVar[frozenset[str]] = frozenset({"address", "device_type", "mac_address"})

    address: str = ""
    """Host name or IP address of the switch."""

    mac_address: Annotated[str, Field(alias="macAddress")] = ""
    """MAC address of the switch's management interface; matches what servers hear by LLDP."""

    device_type: Annotated[str, Field(alias="deviceType")] = ""
    """Kind of switch in the words of the generic-switch driver, such as netmiko_arista_eos."""

    driver: str = "generic-switch"
    """Driver that talks to the switch."""

    credentials: BareMetalHostSpecUserData | None = None
    """Secret with username and either password or ssh-privatekey; admin-password when the switch
    asks for one more.
    """

    port: int | None = None
    """TCP port of the management service; the driver's default when unset."""

    disable_certificate_verification: Annotated[
        bool | None, Field(alias="disableCertificateVerification")
    ] = None
    """Accept any certificate from the switch."""


class BareMetalSwitchStatus(Model):
    """What is known about the switch."""

    conditions: list[Condition] = Field(default_factory=list)
    """Whether the switch's configuration could be written (Valid)."""


class BareMetalSwitch(Object):
    """A network switch whose ports are set up for the servers behind them."""

    gvk: ClassVar[GroupVersionKind] = GroupVersionKind("metal3.io", "v1alpha1", "BareMetalSwitch")
    plural: ClassVar[str] = "baremetalswitches"
    namespaced: ClassVar[bool] = True

    spec: BareMetalSwitchSpec = Field(default_factory=BareMetalSwitchSpec)
    """How the switch is reached."""

    status: BareMetalSwitchStatus = Field(default_factory=BareMetalSwitchStatus)
    """What is known about the switch."""
