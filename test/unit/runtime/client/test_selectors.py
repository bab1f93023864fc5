"""Label selectors mean what kubectl's mean."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metal3.runtime.client import LabelSelector, Operator, Requirement, label_selector

LABELS = {"app": "web", "tier": "front", "n": "5", "empty": ""}


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("", True),
        ("app=web", True),
        ("app==web", True),
        ("app = web , tier=front", True),
        ("app=db", False),
        ("app!=db", True),
        ("missing!=db", True),
        ("app!=web", False),
        ("app in (web, db)", True),
        ("app in (db)", False),
        ("app notin (db)", True),
        ("missing notin (db)", True),
        ("app notin (web)", False),
        ("app", True),
        ("missing", False),
        ("!missing", True),
        ("!app", False),
        ("n>4", True),
        ("n > 5", False),
        ("n<6", True),
        ("app>4", False),
        ("missing<4", False),
        ("empty=", True),
        ("empty in ()", True),
        ("app in (,web)", True),
        ("app=web,", True),
        ("in in (x)", False),
        ("example.com/role!=x,app", True),
    ],
)
def test_selectors_match(text, matches):
    """Each form of a requirement, alone and together."""
    assert label_selector(text).matches(LABELS) is matches


@pytest.mark.parametrize(
    "text",
    [
        "=web",
        "app=web tier=front",
        "app in web",
        "app in (web",
        "app in (web db)",
        "app ~ web",
        "app=we(b",
        "n>x",
        "-app",
        "a/b/c",
        "UPPER.com/a=b",
        "app=" + "x" * 64,
        "app in (-)",
        "!",
        ",",
        "a,,b",
        "app=a=b",
    ],
)
def test_malformed_selectors_are_refused_with_their_text(text):
    """The message says which selector is meant."""
    with pytest.raises(ValueError, match="label selector"):
        label_selector(text)


def test_maps_are_equalities():
    """A map needs every pair; wrong keys and values are refused before they reach a server."""
    selector = label_selector({"b": "2", "a": "1"})
    assert str(selector) == "a=1,b=2"
    assert selector.matches({"a": "1", "b": "2", "c": "3"})
    assert not selector.matches({"a": "1"})
    for wrong in ({"a,b": "c"}, {"a": "b,c"}):
        with pytest.raises(ValueError, match="label selector"):
            label_selector(wrong)


def test_nothing_selects_everything():
    """None and the empty map are no restriction."""
    assert label_selector(None).matches({})
    assert label_selector({}).matches(LABELS)


NAMES = st.from_regex(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,8}[A-Za-z0-9])?", fullmatch=True)
KEYS = st.one_of(
    NAMES, st.builds("{}/{}".format, st.from_regex(r"[a-z]{1,5}", fullmatch=True), NAMES)
)
VALUES = st.one_of(st.just(""), NAMES)
INTEGERS = st.integers(-99, 99).map(str)
REQUIREMENTS = st.one_of(
    st.builds(
        Requirement,
        KEYS,
        st.sampled_from([Operator.IN, Operator.NOT_IN]),
        st.lists(VALUES, min_size=1, max_size=3).map(tuple),
    ),
    st.builds(Requirement, KEYS, st.sampled_from([Operator.EXISTS, Operator.DOES_NOT_EXIST])),
    st.builds(
        Requirement,
        KEYS,
        st.sampled_from([Operator.LESS, Operator.GREATER]),
        st.integers(0, 99).map(lambda n: (str(n),)),
    ),
)
SELECTORS = st.lists(REQUIREMENTS, max_size=4).map(lambda items: LabelSelector(tuple(items)))


@given(selector=SELECTORS)
def test_a_selector_survives_being_written_and_read(selector):
    """What str() writes is read as the same selector, which is what the server will do."""
    assert label_selector(str(selector)) == selector


@given(selector=SELECTORS, labels=st.dictionaries(KEYS, st.one_of(VALUES, INTEGERS), max_size=4))
def test_all_requirements_must_hold(selector, labels):
    """A selector is the conjunction of its requirements."""
    each = [LabelSelector((item,)).matches(labels) for item in selector.requirements]
    assert selector.matches(labels) is all(each)


@given(st.text())
def test_any_text_is_read_or_refused(text):
    """No text makes the parser fail in another way than ValueError."""
    with suppress(ValueError):
        label_selector(text).matches(LABELS)
