"""Admission and conversion webhooks: what an operator implements and the server that runs it."""

from ._conversion import Converters
from ._errors import (
    DeniedError,
    ErrorType,
    FieldError,
    deny_if,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    required,
    too_long,
)
from ._interface import (
    AdmissionWebhook,
    ConverterFunc,
    Defaulter,
    RequestInfo,
    Validator,
    Warnings,
)
from ._rotation import CertificateRotator, RotationOptions
from ._server import CONVERT_PATH, WebhookOptions, WebhookServer

__all__ = [
    "CONVERT_PATH",
    "AdmissionWebhook",
    "CertificateRotator",
    "ConverterFunc",
    "Converters",
    "Defaulter",
    "DeniedError",
    "ErrorType",
    "FieldError",
    "RequestInfo",
    "RotationOptions",
    "Validator",
    "Warnings",
    "WebhookOptions",
    "WebhookServer",
    "deny_if",
    "duplicate",
    "forbidden",
    "invalid",
    "not_supported",
    "required",
    "too_long",
]
