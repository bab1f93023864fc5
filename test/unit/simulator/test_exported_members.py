"""The public face of the simulator."""

import metal3.simulator


def test_everything_that_is_exported_is_there():
    """And sorted, so that a reader finds it."""
    assert sorted(metal3.simulator.__all__) == metal3.simulator.__all__
    assert all(hasattr(metal3.simulator, name) for name in metal3.simulator.__all__)
