"""Calls out to webhooks: admission of requests, conversion between versions."""

from ._admission import USER, Admission
from ._client import WebhookClient, WebhookError
from ._conversion import NoneConversion, WebhookConversion, conversion_of
from ._matching import Attributes

__all__ = [
    "USER",
    "Admission",
    "Attributes",
    "NoneConversion",
    "WebhookClient",
    "WebhookConversion",
    "WebhookError",
    "conversion_of",
]
