"""How to reach an API server: configuration, credentials, connections, and what it refuses.

``metal3.runtime.client`` stands on it and re-exports the errors; operators only meet ``Config`` and
``load_config``.
"""

from ._auth import Anonymous, AuthProvider, BasicAuth, BearerToken, Credential, TokenFile
from ._config import Config, ConfigError
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
from ._load import in_cluster_config, load_config
from ._mapper import Resource, RESTMapper
from ._retry import RetryPolicy
from ._tls import TLSConfig
from ._transport import Request, Transport

__all__ = [
    "AlreadyExistsError",
    "Anonymous",
    "ApiError",
    "AuthProvider",
    "BadRequestError",
    "BasicAuth",
    "BearerToken",
    "Config",
    "ConfigError",
    "ConflictError",
    "ConnectionFailedError",
    "Credential",
    "DecodeError",
    "ExpiredError",
    "ForbiddenError",
    "InternalServerError",
    "InvalidError",
    "MethodNotAllowedError",
    "NotAcceptableError",
    "NotFoundError",
    "RESTMapper",
    "Request",
    "RequestEntityTooLargeError",
    "Resource",
    "RetryPolicy",
    "ServerTimeoutError",
    "ServiceUnavailableError",
    "StatusCause",
    "StatusError",
    "TLSConfig",
    "TokenFile",
    "TooManyRequestsError",
    "Transport",
    "UnauthorizedError",
    "UnsupportedMediaTypeError",
    "in_cluster_config",
    "load_config",
    "status_error",
]
