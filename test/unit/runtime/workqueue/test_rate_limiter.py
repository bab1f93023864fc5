"""How long failed items wait."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metal3.runtime.workqueue import (
    BucketRateLimiter,
    ItemExponentialFailureRateLimiter,
    MaxOfRateLimiter,
)


def test_delays_double_up_to_the_maximum():
    """5 ms at first, 1000 s at most, however often an item fails."""
    limiter = ItemExponentialFailureRateLimiter[str]()
    delays = [limiter.when("x").total_seconds() for _ in range(2000)]
    assert delays[:4] == [0.005, 0.01, 0.02, 0.04]
    assert delays[-1] == 1000.0
    assert sorted(delays) == delays


def test_items_do_not_share_failures():
    """One bad object does not slow the others down."""
    limiter = ItemExponentialFailureRateLimiter[str]()
    for _ in range(10):
        limiter.when("bad")
    assert limiter.when("good") == timedelta(milliseconds=5)


@given(unit=st.floats(0, 1), failures=st.integers(0, 30))
def test_jitter_only_takes_off_its_share(unit, failures):
    """With 20 % jitter a delay is between 80 % and 100 % of the exact one."""
    exact = ItemExponentialFailureRateLimiter[str]()
    jittered = ItemExponentialFailureRateLimiter[str](jitter=0.2, random_unit=lambda: unit)
    for _ in range(failures):
        exact.when("x")
        jittered.when("x")
    whole = exact.when("x")
    tick = timedelta(microseconds=1)
    assert whole * 0.8 - tick <= jittered.when("x") <= whole + tick


def test_jitter_beyond_its_range_is_refused():
    """A delay can neither be negative nor grow by jitter."""
    with pytest.raises(ValueError, match="jitter"):
        ItemExponentialFailureRateLimiter(jitter=1.5)


def test_the_bucket_lets_a_burst_pass_and_then_a_rate():
    """10 a second with a burst of 3: the fourth waits 100 ms, the fifth 200 ms."""
    now = 100.0
    limiter = BucketRateLimiter[str](qps=10, burst=3, clock=lambda: now)
    waits = [round(limiter.when("x").total_seconds(), 6) for _ in range(5)]
    assert waits == [0, 0, 0, 0.1, 0.2]
    now += 60
    assert limiter.when("x") == timedelta(0)


def test_of_several_limiters_the_slowest_counts():
    """Both are told of the failure, and the longer wait holds."""
    bucket = BucketRateLimiter[str](qps=1, burst=1, clock=lambda: 0.0)
    limiter = MaxOfRateLimiter(ItemExponentialFailureRateLimiter(), bucket)
    assert limiter.when("a") == timedelta(milliseconds=5)
    assert limiter.when("b") == timedelta(seconds=1)
    assert limiter.num_requeues("a") == 1
    limiter.forget("a")
    assert limiter.num_requeues("a") == 0
