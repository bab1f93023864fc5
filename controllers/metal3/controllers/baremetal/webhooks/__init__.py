"""Admission webhooks of the bare-metal kinds; ``webhooks`` gives them all, ready to register.

HardwareData, FirmwareSchema and PreprovisioningImage are the operator's own, and all that can be
wrong with a HostUpdatePolicy is in its schema: they have none.
"""

from typing import Any

from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.client import Reader
from metal3.runtime.webhook import AdmissionWebhook

from .baremetalhost_webhook import (
    BMC_INDEX,
    MAC_INDEX,
    BareMetalHostValidator,
    bmc_address_key,
    boot_mac_key,
    host_errors,
)
from .baremetalswitch_webhook import BareMetalSwitchValidator
from .bmceventsubscription_webhook import BMCEventSubscriptionValidator
from .hostclaim_webhook import HostClaimValidator
from .hostdeploypolicy_webhook import HostDeployPolicyValidator
from .hostfirmwaresettings_webhook import HostFirmwareSettingsValidator
from .hostnetworkattachment_webhook import (
    ATTACHMENT_INDEX,
    HostNetworkAttachmentValidator,
    attachment_keys,
)
from .url_webhooks import DataImageValidator, HostFirmwareComponentsValidator

INDEXES = {
    BMC_INDEX: bmc_address_key,
    MAC_INDEX: boot_mac_key,
    ATTACHMENT_INDEX: attachment_keys,
}
"""Indexes on BareMetalHost that the webhooks' reader must have."""


def webhooks(
    hosts: Reader, *, refuse_duplicates: bool = False
) -> tuple[AdmissionWebhook[Any], ...]:
    """All webhooks; ``hosts`` is a cache with INDEXES on BareMetalHost."""
    return (
        AdmissionWebhook(
            kind=metal3api.BareMetalHost,
            validator=BareMetalHostValidator(hosts=hosts, refuse_duplicates=refuse_duplicates),
        ),
        AdmissionWebhook(kind=metal3api.BareMetalSwitch, validator=BareMetalSwitchValidator()),
        AdmissionWebhook(
            kind=metal3api.BMCEventSubscription, validator=BMCEventSubscriptionValidator()
        ),
        AdmissionWebhook(kind=metal3api.DataImage, validator=DataImageValidator()),
        AdmissionWebhook(kind=metal3api.HostClaim, validator=HostClaimValidator()),
        AdmissionWebhook(kind=metal3api.HostDeployPolicy, validator=HostDeployPolicyValidator()),
        AdmissionWebhook(
            kind=metal3api.HostFirmwareComponents, validator=HostFirmwareComponentsValidator()
        ),
        AdmissionWebhook(
            kind=metal3api.HostFirmwareSettings,
            validator=HostFirmwareSettingsValidator(reader=hosts),
        ),
        AdmissionWebhook(
            kind=metal3api.HostNetworkAttachment,
            validator=HostNetworkAttachmentValidator(hosts=hosts),
        ),
    )


__all__ = ["INDEXES", "BareMetalHostValidator", "host_errors", "webhooks"]
