"""Merge patches: what they say is what a server makes of them."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metal3.runtime.patch import apply_merge_patch, diff, diff_merge_patch

KEYS = st.sampled_from(["a", "b", "c", "d/e", "f~g"])
SCALARS = st.one_of(st.booleans(), st.integers(0, 3), st.floats(0, 2), st.sampled_from(["", "x"]))


def _values(leaf):
    return st.recursive(
        leaf,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
        max_leaves=8,
    )


OBJECTS = st.dictionaries(KEYS, _values(SCALARS), max_size=4)
WITH_NULLS = st.dictionaries(KEYS, _values(SCALARS | st.none()), max_size=4)


def _exactly(value):
    """Tells 1, 1.0 and True apart as Python's equality does not; 1 and 1.0 are one in JSON."""
    if isinstance(value, dict):
        return {key: _exactly(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_exactly(item) for item in value]
    return (isinstance(value, bool), value)


@given(before=OBJECTS, after=OBJECTS)
def test_applying_the_difference_gives_the_other_state(before, after):
    """For any two states; neither is changed by it."""
    copies = copy.deepcopy((before, after))
    patch = diff_merge_patch(before, after)
    assert _exactly(apply_merge_patch(before, patch)) == _exactly(after)
    assert (before, after) == copies


@given(state=WITH_NULLS)
def test_no_difference_is_no_patch(state):
    """Nothing is sent when nothing changed."""
    assert diff(state, copy.deepcopy(state)).is_empty


@given(before=WITH_NULLS, after=WITH_NULLS)
def test_nulls_are_set_by_a_json_patch_afterwards(before, after):
    """What a merge patch cannot say is said by the second one, and both together are exact."""
    difference = diff(before, after)
    result = apply_merge_patch(before, difference.merge)
    for operation in difference.json_patch():
        assert operation["op"] == "add"
        _set(result, operation["path"], operation["value"])
    assert _exactly(result) == _exactly(after)


def _set(target, pointer, value):
    *parents, last = [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]
    for step in parents:
        target = target[step]
    target[last] = value


@given(before=OBJECTS, after=OBJECTS)
def test_only_what_changed_is_in_the_patch(before, after):
    """A key whose value is the same is not mentioned."""
    patch = diff_merge_patch(before, after)
    for key in before.keys() & after.keys():
        if _exactly(before[key]) == _exactly(after[key]):
            assert key not in patch


def test_a_null_needs_more_than_a_merge_patch():
    """Asked for a merge patch alone, it says which field is in the way."""
    with pytest.raises(ValueError, match=r"spec\.raid to null"):
        diff_merge_patch({"spec": {}}, {"spec": {"raid": None}})


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a"], ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_the_rules_of_rfc_7386(target, patch, result):
    """Cases from the appendix of the RFC."""
    assert apply_merge_patch(target, patch) == result
