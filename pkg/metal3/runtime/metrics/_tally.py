"""Counting objects by what was last seen of them."""

from collections import Counter
from collections.abc import Hashable

from prometheus_client import Gauge


class Tally:
    """Keeps a gauge with one label in step with the states that were seen last.

    A state nobody is in any more keeps its series, at zero.
    """

    def __init__(self, gauge: Gauge) -> None:
        self._gauge = gauge
        self._states: dict[Hashable, str] = {}
        self._counts: Counter[str] = Counter()

    def __contains__(self, key: Hashable) -> bool:
        """Whether the object was seen, and is not known to be gone."""
        return key in self._states

    def see(self, key: Hashable, state: str) -> None:
        """The object is in this state now."""
        before = self._states.get(key)
        if before == state:
            return
        self._states[key] = state
        self._move(before, -1)
        self._move(state, +1)

    def forget(self, key: Hashable) -> None:
        """The object is gone."""
        self._move(self._states.pop(key, None), -1)

    def _move(self, state: str | None, step: int) -> None:
        if state is not None:
            self._counts[state] += step
            self._gauge.labels(state or "none").set(self._counts[state])
