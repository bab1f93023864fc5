"""Reading and writing lists of conditions."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from ._object import Condition
from ._time import format_time


class ConditionStatus(StrEnum):
    """The three values a condition's status may have."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


def find_condition(conditions: Iterable[Condition], kind: str) -> Condition | None:
    """The condition of this type, or None."""
    return next((c for c in conditions if c.type == kind), None)


def is_condition_true(conditions: Iterable[Condition], kind: str) -> bool:
    """True when the condition is present and its status is True."""
    found = find_condition(conditions, kind)
    return found is not None and found.status == ConditionStatus.TRUE


def set_condition(conditions: list[Condition], new: Condition, *, now: datetime) -> bool:
    """Put ``new`` in place of the condition of its type; True when something changed.

    The transition time moves only when the status does (API conventions, "Typical status
    properties").
    """
    old = find_condition(conditions, new.type)
    if old is None:
        new.last_transition_time = new.last_transition_time or format_time(now)
        conditions.append(new)
        return True
    if old.status == new.status:
        new.last_transition_time = old.last_transition_time
    else:
        new.last_transition_time = new.last_transition_time or format_time(now)
    if old == new or old.to_dict() == new.to_dict():
        return False
    conditions[conditions.index(old)] = new
    return True
