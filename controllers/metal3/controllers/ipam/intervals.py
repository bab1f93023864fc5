"""Sets of numbers as merged intervals: an address more costs nothing if its neighbour is there."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator


class IntervalSet:
    """Closed intervals, disjoint and never adjacent. Everything is found by bisection."""

    __slots__ = ("_ends", "_starts")

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """First and last of each interval, in order."""
        return zip(self._starts, self._ends, strict=True)

    def __contains__(self, value: int) -> bool:
        """Whether one number is in the set."""
        at = bisect_right(self._starts, value) - 1
        return at >= 0 and value <= self._ends[at]

    def add(self, first: int, last: int | None = None) -> None:
        """Add one number, or all from first to last."""
        last = first if last is None else last
        # All intervals that overlap or touch the new one become one with it.
        low = bisect_left(self._ends, first - 1)
        high = bisect_right(self._starts, last + 1)
        if low < high:
            first = min(first, self._starts[low])
            last = max(last, self._ends[high - 1])
        self._starts[low:high] = [first]
        self._ends[low:high] = [last]

    def remove(self, value: int) -> None:
        """Take one number out; it need not be there."""
        at = bisect_right(self._starts, value) - 1
        if at < 0 or value > self._ends[at]:
            return
        first, last = self._starts[at], self._ends[at]
        left = [(first, value - 1)] if first < value else []
        right = [(value + 1, last)] if value < last else []
        self._starts[at : at + 1] = [start for start, _ in left + right]
        self._ends[at : at + 1] = [end for _, end in left + right]

    def first_gap(self, first: int, last: int) -> int | None:
        """The lowest number from first to last that is not in the set."""
        at = bisect_right(self._starts, first) - 1
        if at >= 0 and first <= self._ends[at]:
            first = self._ends[at] + 1  # intervals do not touch: this one is free
        return first if first <= last else None

    def count(self, first: int, last: int) -> int:
        """How many numbers from first to last are in the set."""
        low = bisect_left(self._ends, first)
        high = bisect_right(self._starts, last)
        total = sum(self._ends[i] - self._starts[i] + 1 for i in range(low, high))
        if low < high:
            total -= max(0, first - self._starts[low]) + max(0, self._ends[high - 1] - last)
        return total

    def gaps(self, first: int, last: int) -> Iterator[tuple[int, int]]:
        """The stretches from first to last that are not in the set, in order."""
        for start, end in self:
            if start > last:
                break
            if end < first:
                continue
            if start > first:
                yield first, start - 1
            first = end + 1
        if first <= last:
            yield first, last
