"""What can go wrong between the operator and Ironic's API.

::

    BackendError                      (of the seam)
      +- IronicError                  any answer that is not a success; holds the HTTP status
           +- UnreachableError        no answer at all: refused, TLS
           |    +- TimedOutError       no answer in time
           +- UnauthorizedError       401, 403: the operator's own login is wrong
           +- BadRequestError         400, 406: Ironic will not take this, ever
           |    +- WrongStateError    the node is in a state that does not allow the action
           +- NotFoundError           404
           +- ConflictError           409: a name, a MAC address or an instance is taken
           |    +- LockedError        409: a conductor holds the node; passes by itself
           +- OverloadedError         429, 503: no free worker, or too much work of this kind

No message holds a secret: the client takes every secret it sent out of what comes back.
"""

from metal3.provisioner import BackendError


class ConfigurationError(ValueError):
    """The environment does not describe a usable Ironic; names the variable."""


class IronicError(BackendError):
    """Ironic answered with an error, or not at all (status 0)."""

    def __init__(self, message: str, *, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class UnreachableError(IronicError):
    """There was no answer."""


class TimedOutError(UnreachableError):
    """There was no answer in time; where Ironic asks a BMC first, that may be the silent one."""


class UnauthorizedError(IronicError):
    """Ironic refused the operator's login."""


class BadRequestError(IronicError):
    """Ironic refused the request as such; repeating it is useless."""


class WrongStateError(BadRequestError):
    """The node changed since it was looked at."""


class NotFoundError(IronicError):
    """There is no such thing."""


class ConflictError(IronicError):
    """Something of that identity exists already."""


class LockedError(ConflictError):
    """A conductor is working on the node."""


class OverloadedError(IronicError):
    """Ironic has no capacity for the request now."""
