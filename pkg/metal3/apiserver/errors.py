"""What can go wrong, as the ``Status`` a Kubernetes client expects.

``StatusError`` carries code, reason, message and details; handlers raise it and the server turns
it into the response body. Reasons and codes are those of ``meta/v1`` (StatusReason).
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus

from metal3.apiserver.jsonvalue import Obj


class StatusError(Exception):
    """A request failed in a way its client should understand."""

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        *,
        details: Obj | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details
        self.headers = dict(headers or {})

    def to_status(self) -> Obj:
        """Return the ``Status`` object of meta/v1."""
        status: Obj = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code,
        }
        if self.details:
            status["details"] = self.details
        return status


def qualified(group: str, resource: str) -> str:
    """Name a resource as messages do: ``widgets.example.com``, or ``secrets`` for the core."""
    return f"{resource}.{group}" if group else resource


def _details(group: str, kind: str, name: str) -> Obj:
    details: Obj = {"name": name, "kind": kind}
    if group:
        details["group"] = group
    return details


def not_found(group: str, resource: str, name: str) -> StatusError:
    """404: no such object."""
    return StatusError(
        HTTPStatus.NOT_FOUND,
        "NotFound",
        f'{qualified(group, resource)} "{name}" not found',
        details=_details(group, resource, name),
    )


def no_such_path() -> StatusError:
    """404: nothing is served under this path."""
    return StatusError(
        HTTPStatus.NOT_FOUND,
        "NotFound",
        "the server could not find the requested resource",
        details={},
    )


def already_exists(group: str, resource: str, name: str) -> StatusError:
    """409: the name is taken."""
    return StatusError(
        HTTPStatus.CONFLICT,
        "AlreadyExists",
        f'{qualified(group, resource)} "{name}" already exists',
        details=_details(group, resource, name),
    )


def conflict(group: str, resource: str, name: str, why: str = "") -> StatusError:
    """409: the object is not what the writer had read."""
    why = why or (
        "the object has been modified; please apply your changes to the latest version and try again"
    )
    return StatusError(
        HTTPStatus.CONFLICT,
        "Conflict",
        f'Operation cannot be fulfilled on {qualified(group, resource)} "{name}": {why}',
        details=_details(group, resource, name),
    )


def apply_conflict(causes: Sequence[Obj], message: str) -> StatusError:
    """409: fields of a server-side apply belong to others."""
    return StatusError(HTTPStatus.CONFLICT, "Conflict", message, details={"causes": list(causes)})


def cause(reason: str, field: str, message: str) -> Obj:
    """Build one StatusCause; ``field`` is a path such as ``spec.disks[0].size``."""
    return {"reason": reason, "message": message, "field": field}


def invalid(group: str, kind: str, name: str, causes: Sequence[Obj]) -> StatusError:
    """422: the object breaks the rules of its kind; one cause per field."""
    lines = [f"{item['field']}: {item['message']}" for item in causes]
    text = lines[0] if len(lines) == 1 else "[" + ", ".join(lines) + "]"
    details = _details(group, kind, name)
    details["causes"] = list(causes)
    return StatusError(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "Invalid",
        f'{qualified(group, kind)} "{name}" is invalid: {text}',
        details=details,
    )


def bad_request(message: str) -> StatusError:
    """400: the request cannot be understood."""
    return StatusError(HTTPStatus.BAD_REQUEST, "BadRequest", message)


def forbidden(message: str, details: Obj | None = None) -> StatusError:
    """403: an admission rule said no."""
    return StatusError(HTTPStatus.FORBIDDEN, "Forbidden", message, details=details)


def unauthorized() -> StatusError:
    """401: no valid credentials."""
    return StatusError(
        HTTPStatus.UNAUTHORIZED,
        "Unauthorized",
        "Unauthorized",
        headers={"WWW-Authenticate": 'Bearer realm="metal3"'},
    )


def method_not_allowed() -> StatusError:
    """405: not this verb here."""
    return StatusError(
        HTTPStatus.METHOD_NOT_ALLOWED,
        "MethodNotAllowed",
        "the server does not allow this method on the requested resource",
        details={},
    )


def not_acceptable() -> StatusError:
    """406: the client wants a format this server does not speak."""
    return StatusError(
        HTTPStatus.NOT_ACCEPTABLE,
        "NotAcceptable",
        "only the following media types are accepted: application/json",
    )


def unsupported_media_type(offered: str, known: Sequence[str]) -> StatusError:
    """415: the body has a format that is not accepted here."""
    return StatusError(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        "UnsupportedMediaType",
        f'the body of the request was in an unknown format ("{offered}") - accepted media types '
        f"include: {', '.join(known)}",
    )


def expired(message: str) -> StatusError:
    """410: the client has to list again."""
    return StatusError(HTTPStatus.GONE, "Expired", message)


def too_large(message: str) -> StatusError:
    """413: body or object over the limit."""
    return StatusError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "RequestEntityTooLarge", message)


def too_many_requests(retry_after: int = 1) -> StatusError:
    """429: come back after ``retry_after`` seconds."""
    return StatusError(
        HTTPStatus.TOO_MANY_REQUESTS,
        "TooManyRequests",
        "too many requests at once, please try again later",
        details={"retryAfterSeconds": retry_after},
        headers={"Retry-After": str(retry_after)},
    )


def timed_out(message: str) -> StatusError:
    """504: not done in time."""
    return StatusError(HTTPStatus.GATEWAY_TIMEOUT, "Timeout", message)


def unavailable(message: str) -> StatusError:
    """503: not now."""
    return StatusError(HTTPStatus.SERVICE_UNAVAILABLE, "ServiceUnavailable", message)


def internal(message: str) -> StatusError:
    """500: our fault, or the one of a webhook."""
    return StatusError(
        HTTPStatus.INTERNAL_SERVER_ERROR, "InternalError", f"Internal error occurred: {message}"
    )
