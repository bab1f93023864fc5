"""Gauges that count objects by what was last seen of them."""

from prometheus_client import CollectorRegistry, Gauge

from metal3.runtime.metrics import Tally


def test_objects_are_counted_where_they_were_seen_last():
    """An object counts once, and not at all when it is gone; empty states go by ``none``."""
    registry = CollectorRegistry()
    tally = Tally(Gauge("things", "Things", ("state",), registry=registry))

    def count(state):
        return registry.get_sample_value("things", {"state": state})

    for key, state in (("a", "new"), ("b", "new"), ("b", "new"), ("a", "old"), ("c", "")):
        tally.see(key, state)
    assert (count("new"), count("old"), count("none")) == (1, 1, 1)
    assert "a" in tally
    tally.forget("a")
    tally.forget("a")
    assert count("old") == 0
    assert "a" not in tally
