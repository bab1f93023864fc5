"""The states of a host as data: who works in them, what may follow, how a deletion goes on.

The state machine runs this table, and ``hack/generate-docs`` draws ``docs/state-machine.md`` from
it; a move that is not in it is a defect and is refused.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from .actions import Action
from .hostpass import HostPass

Handler = Callable[[HostPass], Awaitable[Action]]


class UndefinedTransitionError(Exception):
    """A state handler asked for a move the table does not know."""

    def __init__(self, before: str, after: str) -> None:
        super().__init__(f"no transition from {before!r} to {after!r} is defined")


def stays(_p: HostPass) -> bool:
    """Every state is entered for its own sake, but for those that say otherwise."""
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class StateRow:
    """One state. ``transitions`` maps each state that may follow to what triggers it.

    ``registers``: the host is made known to the backend before the handler runs.
    ``limited``: only so many hosts may be in it at once.
    ``needs_backend``: the state cannot be handled without the backend.
    ``on_delete``: where a deletion leads; empty when the handler itself sees to it.
    ``passes``: whether a host that enters goes on in the same look, so that both moves are one
    write; only for a handler that asks nothing of the backend then.
    """

    name: str
    meaning: str
    handle: Handler
    transitions: Mapping[str, str] = field(default_factory=dict[str, str])
    on_delete: str = ""
    registers: bool = True
    limited: bool = False
    needs_backend: bool = True
    passes: Callable[[HostPass], bool] = stays

    def check(self, after: str) -> None:
        """Raise UndefinedTransitionError unless ``after`` may follow."""
        if after not in self.transitions and after != self.on_delete:
            raise UndefinedTransitionError(self.name, after)
