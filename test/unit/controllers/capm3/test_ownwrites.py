"""Own writes: not done twice on an old view, no news when they come back, and nobody forgotten."""

import pytest

from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.controllers.capm3.ownwrites import OwnWrites
from metal3.runtime.event import UpdateEvent
from metal3.runtime.predicate import passes
from metal3.runtime.types import NamespacedName


def at(version, uid="u"):
    """The machine at a revision."""
    m3m = infrav1.Metal3Machine.named("m", "metal3")
    m3m.metadata.uid, m3m.metadata.resource_version = uid, version
    return m3m


@pytest.fixture
def writes():
    """We wrote revision 10."""
    out = OwnWrites()
    out.note(at("10"))
    return out


def is_news(writes, old, new):
    """Whether an update gets through."""
    return passes(writes.news(), UpdateEvent(object_old=at(old), object_new=at(new)))


@pytest.mark.parametrize(
    ("seen", "behind"), [("9", True), ("10", False), ("11", False), ("opaque", False)]
)
def test_an_object_older_than_our_write_is_left(writes, seen, behind):
    """Only that: revisions that are no numbers tell nothing."""
    assert writes.is_behind(at(seen)) is behind


@pytest.mark.parametrize(
    ("seen", "last"), [("9", False), ("10", True), ("11", False), ("opaque", False)]
)
def test_an_object_that_nobody_changed_since_is_known(writes, seen, last):
    """One of another uid is another object."""
    assert writes.is_last(at(seen)) is last
    assert not writes.is_last(at(seen, uid="other"))


def test_another_object_of_the_name_is_not_behind(writes):
    """It was created anew."""
    assert not writes.is_behind(at("9", uid="other"))


@pytest.mark.parametrize(
    ("old", "new", "news"),
    [
        pytest.param("9", "10", False, id="our-own"),
        pytest.param("8", "9", False, id="on-the-way"),
        pytest.param("10", "11", True, id="somebody-else's"),
        pytest.param("10", "10", True, id="resync"),
        pytest.param("9", "opaque", True, id="no-number"),
    ],
)
def test_what_passes(writes, old, new, news):
    """What we have not seen yet, and what is told again on purpose."""
    assert is_news(writes, old, new) is news


def test_who_was_sent_away_is_called_back_once(writes):
    """By the write that was waited for, not by an older one."""
    assert writes.is_behind(at("8"))
    assert not is_news(writes, "8", "9")
    assert is_news(writes, "9", "10")
    assert not is_news(writes, "9", "10")


def test_a_later_write_by_others_calls_back_too(writes):
    """Also when ours was skipped by a new list."""
    assert writes.is_behind(at("8"))
    assert is_news(writes, "8", "12")


def test_what_is_gone_is_forgotten(writes):
    """No memory for objects that are no more."""
    writes.forget(NamespacedName("metal3", "m"))
    assert not writes.is_behind(at("1"))
