"""The states of a host as data: who works in them, what may follow, how a deletion goes on.

The state machine runs this table, and ``hack/generate-docs`` draws ``docs/state-machine.md`` from
it; a move that is not in it is a defect and is refused.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from .actions import Action
from .hostpass import HostPass

Handler = Callable[[HostPass], Awaitable[Action]]


class UndefinedTransitionError(Exception):
    """A state handler asked for a move the table does not know."""

    def __init__(self, before: str, after: str) -> None:
        super().__init__(f"no transition from {before!r} to {after!r} is defined")


class Deletion(Enum):
    """What a request for deletion does in a state."""

    CONTINUE = "the state's own work leads to deletion"
    MOVE = "leave at once for the state given"


@dataclass(frozen=True, slots=True, kw_only=True)
class StateRow:
    """One state. ``transitions`` maps each state that may follow to what triggers it.

    ``registers``: the host is made known to the backend before the handler runs.
    ``limited``: only so many hosts may be in it at once.
    ``needs_backend``: the state cannot be handled without the backend.
    ``on_delete``: where a deletion leads; empty when the handler itself sees to it.
    """

    name: str
    meaning: str
    handle: Handler
    transitions: Mapping[str, str] = field(default_factory=dict[str, str])
    on_delete: str = ""
    registers: bool = True
    limited: bool = False
    needs_backend: bool = True

    def check(self, after: str) -> None:
        """Raise UndefinedTransitionError unless ``after`` may follow."""
        if after not in self.transitions and after != self.on_delete:
            raise UndefinedTransitionError(self.name, after)
