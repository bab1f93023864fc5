"""How to reach an API server: configuration, credentials, connections, and what it refuses.

``metal3.runtime.client`` stands on it and re-exports the errors; operators only meet ``Config`` and
``load_config``.
"""

from ._errors import (
    AlreadyExistsError,
    ApiError,
    BadRequestError,
    ConflictError,
    ConnectionFailedError,
    DecodeError,
    ExpiredError,
    ForbiddenError,
    InternalServerError,
    InvalidError,
    MethodNotAllowedError,
    NotAcceptableError,
    NotFoundError,
    RequestEntityTooLargeError,
    ServerTimeoutError,
    ServiceUnavailableError,
    StatusCause,
    StatusError,
    TooManyRequestsError,
    UnauthorizedError,
    UnsupportedMediaTypeError,
    status_error,
)

__all__ = [
    "AlreadyExistsError",
    "ApiError",
    "BadRequestError",
    "ConflictError",
    "ConnectionFailedError",
    "DecodeError",
    "ExpiredError",
    "ForbiddenError",
    "InternalServerError",
    "InvalidError",
    "MethodNotAllowedError",
    "NotAcceptableError",
    "NotFoundError",
    "RequestEntityTooLargeError",
    "ServerTimeoutError",
    "ServiceUnavailableError",
    "StatusCause",
    "StatusError",
    "TooManyRequestsError",
    "UnauthorizedError",
    "UnsupportedMediaTypeError",
    "status_error",
]
