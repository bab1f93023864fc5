"""A lab's choices are checked before anything is started."""

from datetime import timedelta

import pytest

from metal3.simulator import Lab, LabConfig, SimulatorError


@pytest.mark.parametrize(
    "choices",
    [
        {"hosts": -1},
        {"hosts": 100_000},
        {"power_delay": (timedelta(seconds=2), timedelta(seconds=1))},
        {"power_delay": (timedelta(seconds=-2), timedelta(seconds=1))},
        {"ironic_options": {"nodot": "1"}},
        {"ironic_options": {"conductor.": "1"}},
    ],
)
def test_a_choice_that_cannot_work_is_refused(choices):
    """The error comes from the constructor, not from a half-started lab."""
    with pytest.raises(ValueError, match=r"hosts|power_delay|option"):
        LabConfig(**choices)


def test_a_lab_that_is_not_running_says_so():
    """There are no hosts and no addresses outside the block."""
    with pytest.raises(SimulatorError, match="not running"):
        _ = Lab().hosts
