"""Request, Result and Reconciler.

Level-triggered: a Request names an object and says nothing of the event behind it. Any call may
come twice, late, or after the process was killed at any line of the call before.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from metal3.runtime.types import NamespacedName


class Request(NamespacedName):
    """The object to look at; hashable, equal to any other request for the same object."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What to do next: nothing, or look again after a while even if nothing changes.

    The delay is exact (it does not count as a failure and clears the object's backoff).
    """

    requeue_after: timedelta | None = None


class TerminalError(Exception):
    """Trying again cannot help until the object changes: counted and logged, not retried."""


class Reconciler(Protocol):
    """Drives the world one step towards what the object asks for."""

    async def reconcile(self, req: Request) -> Result:
        """Handle one object.

        An exception means: try again with exponential backoff; TerminalError means: do not.
        The same object is never reconciled twice at the same time. The call is cancelled when
        its deadline passes or the manager stops.
        """
        ...
