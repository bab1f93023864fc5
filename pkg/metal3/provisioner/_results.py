"""How a backend answers: done, call again, or failed; and the few conditions it names.

::

    ProvisionerError
      +- NotReadyError                     the backend is not up yet; nothing is wrong with the host
      +- NeedsRegistrationError            the backend does not know this host (any more)
      +- NeedsPreprovisioningImageError    cannot go on without an image to boot for the agent
      +- NodeBusyError                     the backend works on the host; try again later
      +- BackendError                      transient: the call failed, repeat it with backoff
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Self


class ProvisionerError(Exception):
    """A condition the backend names; never holds a secret."""


class NotReadyError(ProvisionerError):
    """The backend is not ready to serve any host."""


class NeedsRegistrationError(ProvisionerError):
    """The host is unknown to the backend: register first."""


class NeedsPreprovisioningImageError(ProvisionerError):
    """The step boots an agent and no image for it is available yet."""


class NodeBusyError(ProvisionerError):
    """Something else holds the host in the backend."""


class BackendError(ProvisionerError):
    """The backend could not be asked or gave a passing error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Outcome of one step.

    ``error_message`` set: the step failed for good, the text is for the user. ``dirty``: call the
    same step again, at the latest after ``requeue_after`` (the backend's wake-up usually comes
    first). Neither: the step is complete.
    """

    dirty: bool = False
    requeue_after: timedelta = timedelta(0)
    error_message: str = ""

    @classmethod
    def complete(cls) -> Self:
        """Nothing left to do."""
        return cls()

    @classmethod
    def again(cls, after: timedelta = timedelta(0)) -> Self:
        """Under way; call again."""
        return cls(dirty=True, requeue_after=after)

    @classmethod
    def failed(cls, message: str) -> Self:
        """Failed until something changes or a retry is asked for."""
        return cls(error_message=message)
