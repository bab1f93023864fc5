"""Interval sets against plain sets."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from metal3.controllers.ipam.intervals import IntervalSet

SMALL = st.integers(0, 40)
STEPS = st.lists(st.tuples(st.booleans(), SMALL, SMALL))


def build(steps):
    """The same changes done to both."""
    intervals, plain = IntervalSet(), set()
    for is_add, first, other in steps:
        if is_add:
            low, high = sorted((first, other))
            intervals.add(low, high)
            plain |= set(range(low, high + 1))
        else:
            intervals.remove(first)
            plain.discard(first)
    return intervals, plain


@given(STEPS)
def test_it_holds_what_a_set_would_hold(steps):
    """Whatever is added and removed, membership is that of a set."""
    intervals, plain = build(steps)
    assert {value for value in range(-1, 43) if value in intervals} == plain


@given(STEPS)
def test_intervals_are_in_order_and_never_touch(steps):
    """Neighbours are one interval, so a range that is used up is one comparison."""
    intervals, _ = build(steps)
    spans = list(intervals)
    assert all(first <= last for first, last in spans)
    assert all(one[1] + 1 < two[0] for one, two in pairwise(spans))


@given(STEPS, SMALL, SMALL)
def test_gaps_and_counts_are_those_of_a_set(steps, one, other):
    """The first gap, all gaps and the count within bounds agree with counting by hand."""
    intervals, plain = build(steps)
    first, last = sorted((one, other))
    free = [value for value in range(first, last + 1) if value not in plain]
    assert intervals.first_gap(first, last) == (free[0] if free else None)
    assert intervals.count(first, last) == last - first + 1 - len(free)
    found = [value for low, high in intervals.gaps(first, last) for value in range(low, high + 1)]
    assert found == free


def test_the_size_of_numbers_does_not_matter():
    """An IPv6 subnet is one interval."""
    intervals = IntervalSet()
    intervals.add(2**64, 2**65)
    assert intervals.count(0, 2**128) == 2**64 + 1
    assert intervals.first_gap(2**64, 2**66) == 2**65 + 1
