"""Admission webhooks of the address kinds; ``webhooks`` gives them all, ready to register."""

from typing import Any

from metal3.api.ipam_metal3_io import v1alpha1 as ipamv1
from metal3.runtime.webhook import AdmissionWebhook

from ._pools import Pools
from .ipaddress_webhook import IPAddressValidator
from .ipclaim_webhook import IPClaimValidator
from .ippool_webhook import IPPoolDefaulter, IPPoolValidator


def webhooks(pools: Pools) -> tuple[AdmissionWebhook[Any], ...]:
    """All webhooks; ``pools`` knows which addresses are in use."""
    return (
        AdmissionWebhook(
            kind=ipamv1.IPPool,
            validator=IPPoolValidator(pools=pools),
            defaulter=IPPoolDefaulter(),
        ),
        AdmissionWebhook(kind=ipamv1.IPClaim, validator=IPClaimValidator()),
        AdmissionWebhook(kind=ipamv1.IPAddress, validator=IPAddressValidator()),
    )


__all__ = [
    "IPAddressValidator",
    "IPClaimValidator",
    "IPPoolDefaulter",
    "IPPoolValidator",
    "Pools",
    "webhooks",
]
