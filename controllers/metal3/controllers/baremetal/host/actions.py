"""What a step of the state machine decided: outcomes are types, not flags.

::

    Action
      +- Continue    look again after a while; something else may wake the host earlier
      +- Complete    the state is done: move to the next one
      +- Failed      recorded in the status; look again when the backoff is over
      +- Delayed     no capacity; woken when a slot is free
      +- Stop        nothing to do until something changes
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

IMMEDIATELY: Final = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """Base of all outcomes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Continue(Action):
    """Not there yet. ``why`` is for the user: what is waited for, empty when it goes by itself."""

    after: timedelta = IMMEDIATELY
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Complete(Action):
    """The state has done its work; the table says whether ``next_state`` may follow."""

    next_state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed(Action):
    """A failure for the user, already recorded in the status.

    ``held``: nothing but the user ends the backoff. Else whatever wakes the host does.
    """

    held: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Delayed(Action):
    """Has to wait for its turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop(Action):
    """Nothing to do; with a reason when it is the user's move."""

    why: str = ""
