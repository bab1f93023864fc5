"""Refusals that name the field, its value and the rule it breaks.

Texts follow the form users know from the API server: ``spec.bmc.address: Invalid value: "x": why``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import orjson

FORBIDDEN: Final = 403
SHOWN_VALUE: Final = 256


class ErrorType(StrEnum):
    """Why a field is refused; the values are the API's cause reasons."""

    INVALID = "FieldValueInvalid"
    REQUIRED = "FieldValueRequired"
    FORBIDDEN = "FieldValueForbidden"
    DUPLICATE = "FieldValueDuplicate"
    NOT_SUPPORTED = "FieldValueNotSupported"
    TOO_LONG = "FieldValueTooLong"


_WORDS: Final = {
    ErrorType.INVALID: "Invalid value",
    ErrorType.REQUIRED: "Required value",
    ErrorType.FORBIDDEN: "Forbidden",
    ErrorType.DUPLICATE: "Duplicate value",
    ErrorType.NOT_SUPPORTED: "Unsupported value",
    ErrorType.TOO_LONG: "Too long",
}
_WITHOUT_VALUE: Final = {ErrorType.REQUIRED, ErrorType.FORBIDDEN, ErrorType.TOO_LONG}


@dataclass(frozen=True, slots=True)
class FieldError:
    """One field that is refused; build it with the functions below."""

    type: ErrorType
    field: str
    detail: str
    value: Any = None

    def __str__(self) -> str:
        shown = "" if self.type in _WITHOUT_VALUE else f": {_shown(self.value)}"
        return f"{self.field}: {_WORDS[self.type]}{shown}: {self.detail}"


def invalid(field: str, value: Any, detail: str) -> FieldError:
    """The value breaks a rule."""
    return FieldError(ErrorType.INVALID, field, detail, value)


def required(field: str, detail: str) -> FieldError:
    """Something must be given here."""
    return FieldError(ErrorType.REQUIRED, field, detail)


def forbidden(field: str, detail: str) -> FieldError:
    """Nothing may be given, or changed, here."""
    return FieldError(ErrorType.FORBIDDEN, field, detail)


def duplicate(field: str, value: Any, detail: str) -> FieldError:
    """The value is there already."""
    return FieldError(ErrorType.DUPLICATE, field, detail, value)


def not_supported(field: str, value: Any, allowed: Sequence[str]) -> FieldError:
    """The value is none of the few that are allowed."""
    words = ", ".join(f'"{item}"' for item in allowed)
    return FieldError(ErrorType.NOT_SUPPORTED, field, f"supported values: {words}", value)


def too_long(field: str, limit: int) -> FieldError:
    """The value has more characters or items than allowed."""
    return FieldError(ErrorType.TOO_LONG, field, f"may not be more than {limit}")


class DeniedError(Exception):
    """Refuse the request; every problem at once, so that users need one round only."""

    def __init__(self, *errors: FieldError, code: int = FORBIDDEN) -> None:
        super().__init__("; ".join(dict.fromkeys(str(error) for error in errors)))
        self.errors = errors
        self.code = code


def deny_if(errors: Sequence[FieldError]) -> None:
    """Raise DeniedError when there is at least one error."""
    if errors:
        raise DeniedError(*errors)


def _shown(value: Any) -> str:
    text = orjson.dumps(value, default=str).decode()
    return text if len(text) <= SHOWN_VALUE else text[:SHOWN_VALUE] + "..."
