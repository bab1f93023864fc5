"""What an API server refuses, one class per reason.

::

    ApiError
      +- ConnectionFailedError        no answer: refused, reset, timed out
      +- DecodeError                  an answer that is not what was asked for
      +- StatusError                  an answer that says no
           +- BadRequestError 400       +- UnauthorizedError 401   +- ForbiddenError 403
           +- NotFoundError 404         +- MethodNotAllowedError 405  +- NotAcceptableError 406
           +- AlreadyExistsError 409    +- ConflictError 409       +- ExpiredError 410
           +- RequestEntityTooLargeError 413  +- UnsupportedMediaTypeError 415
           +- InvalidError 422          +- TooManyRequestsError 429
           +- InternalServerError 500   +- ServiceUnavailableError 503
           +- ServerTimeoutError 504

Reasons are those of ``metav1.Status.reason`` (API conventions, "Response Status Kind").
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar, TypeGuard, cast


class ApiError(Exception):
    """Any trouble in talking to the API server."""


class ConnectionFailedError(ApiError):
    """No answer came; the request may or may not have had an effect."""


class DecodeError(ApiError):
    """The answer could not be read as the wanted kind."""


@dataclass(frozen=True, slots=True)
class StatusCause:
    """One field that is wrong, and why."""

    reason: str
    message: str
    field: str


class StatusError(ApiError):
    """The server answered with a failure ``Status``."""

    default_code: ClassVar[int] = 500
    default_reason: ClassVar[str] = ""

    def __init__(
        self,
        message: str,
        *,
        code: int | None = None,
        reason: str | None = None,
        causes: tuple[StatusCause, ...] = (),
        retry_after: timedelta | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = self.default_code if code is None else code
        self.reason = self.default_reason if reason is None else reason
        self.causes = causes
        self.retry_after = retry_after


class BadRequestError(StatusError):
    """The request makes no sense to the server."""

    default_code, default_reason = 400, "BadRequest"


class UnauthorizedError(StatusError):
    """Credentials are missing, wrong or expired."""

    default_code, default_reason = 401, "Unauthorized"


class ForbiddenError(StatusError):
    """Known but not allowed, or refused by an admission webhook."""

    default_code, default_reason = 403, "Forbidden"


class NotFoundError(StatusError):
    """There is no such object, or no such kind."""

    default_code, default_reason = 404, "NotFound"


class MethodNotAllowedError(StatusError):
    """The kind does not support this verb."""

    default_code, default_reason = 405, "MethodNotAllowed"


class NotAcceptableError(StatusError):
    """No representation the client would accept."""

    default_code, default_reason = 406, "NotAcceptable"


class AlreadyExistsError(StatusError):
    """Somebody created it first."""

    default_code, default_reason = 409, "AlreadyExists"


class ConflictError(StatusError):
    """The object changed since it was read, or a precondition failed."""

    default_code, default_reason = 409, "Conflict"


class ExpiredError(StatusError):
    """The resource version or continue token is too old: list again."""

    default_code, default_reason = 410, "Expired"


class RequestEntityTooLargeError(StatusError):
    """The object exceeds the server's limit."""

    default_code, default_reason = 413, "RequestEntityTooLarge"


class UnsupportedMediaTypeError(StatusError):
    """The kind cannot be patched that way."""

    default_code, default_reason = 415, "UnsupportedMediaType"


class InvalidError(StatusError):
    """The object breaks its schema or a rule; ``causes`` names the fields."""

    default_code, default_reason = 422, "Invalid"


class TooManyRequestsError(StatusError):
    """The server asks to slow down; ``retry_after`` says for how long."""

    default_code, default_reason = 429, "TooManyRequests"


class InternalServerError(StatusError):
    """Something broke inside the server or one of its webhooks."""

    default_code, default_reason = 500, "InternalError"


class ServiceUnavailableError(StatusError):
    """The server cannot answer now."""

    default_code, default_reason = 503, "ServiceUnavailable"


class ServerTimeoutError(StatusError):
    """The server gave up; the request may have had an effect."""

    default_code, default_reason = 504, "Timeout"


_CLASSES: tuple[type[StatusError], ...] = (
    BadRequestError,
    UnauthorizedError,
    ForbiddenError,
    NotFoundError,
    MethodNotAllowedError,
    NotAcceptableError,
    ConflictError,
    AlreadyExistsError,
    ExpiredError,
    RequestEntityTooLargeError,
    UnsupportedMediaTypeError,
    InvalidError,
    TooManyRequestsError,
    InternalServerError,
    ServiceUnavailableError,
    ServerTimeoutError,
)
_BY_REASON = {cls.default_reason: cls for cls in _CLASSES} | {
    "Gone": ExpiredError,
    "ServerTimeout": ServerTimeoutError,
}
_BY_CODE = {cls.default_code: cls for cls in reversed(_CLASSES)} | {409: ConflictError}


def status_error(
    code: int, status: Mapping[str, Any], *, retry_after: timedelta | None = None
) -> StatusError:
    """The exception for an HTTP code and the ``Status`` object in its body (may be empty)."""
    reason = str(status.get("reason") or "")
    details = _map(status.get("details"))
    seconds = details.get("retryAfterSeconds")
    if retry_after is None and isinstance(seconds, int) and seconds > 0:
        retry_after = timedelta(seconds=seconds)
    cls = _BY_REASON.get(reason) or _BY_CODE.get(code, StatusError)
    return cls(
        str(status.get("message") or f"the server answered {code}"),
        code=code,
        reason=reason or None,
        causes=tuple(_causes(details.get("causes"))),
        retry_after=retry_after,
    )


def _causes(found: Any) -> Iterator[StatusCause]:
    for item in found if _is_list(found) else ():
        cause = _map(item)
        yield StatusCause(
            str(cause.get("reason") or ""),
            str(cause.get("message") or ""),
            str(cause.get("field") or ""),
        )


def _is_list(value: Any) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def _map(value: Any) -> Mapping[str, Any]:
    """The value, or nothing: what comes from a network may have any shape."""
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}
