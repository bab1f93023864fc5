"""Switches and what is set on their ports, under the names people know."""

from enum import StrEnum

from .zz_generated_baremetalswitch import BareMetalSwitchSpecDriver
from .zz_generated_hostnetworkattachment import HostNetworkAttachmentSpecMode

SwitchDriver = BareMetalSwitchSpecDriver
SwitchportMode = HostNetworkAttachmentSpecMode


class SwitchConditionType(StrEnum):
    """Conditions of a BareMetalSwitch."""

    VALID = "Valid"


class SwitchConditionReason(StrEnum):
    """Why those conditions are what they are."""

    RECONCILED = "Reconciled"
    CREDENTIAL_ERROR = "CredentialError"  # a reason's name
