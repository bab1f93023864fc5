"""Which events pass."""

import pytest

from metal3.api.meta import v1 as metav1
from metal3.runtime.event import CreateEvent, DeleteEvent, GenericEvent, UpdateEvent
from metal3.runtime.predicate import (
    AnnotationChangedPredicate,
    Funcs,
    GenerationChangedPredicate,
    LabelChangedPredicate,
    ResourceVersionChangedPredicate,
    and_,
    new_predicate_funcs,
    not_,
    or_,
    passes,
)


def _obj(**metadata):
    obj = metav1.Object.named("x", "ns")
    for name, value in metadata.items():
        setattr(obj.metadata, name, value)
    return obj


def _update(**changed):
    return UpdateEvent(object_old=_obj(), object_new=_obj(**changed))


CHANGED = [
    (GenerationChangedPredicate(), "generation", 2),
    (ResourceVersionChangedPredicate(), "resource_version", "2"),
    (AnnotationChangedPredicate(), "annotations", {"a": "b"}),
    (LabelChangedPredicate(), "labels", {"a": "b"}),
]


@pytest.mark.parametrize(("predicate", "field", "value"), CHANGED)
def test_updates_pass_when_their_part_changed(predicate, field, value):
    """And only then: every other change of metadata is held back."""
    for _, other, other_value in CHANGED:
        assert passes(predicate, _update(**{other: other_value})) is (other == field)
    assert not passes(predicate, _update())


@pytest.mark.parametrize("predicate", [predicate for predicate, _, _ in CHANGED])
def test_all_but_updates_always_pass(predicate):
    """Creations, deletions and outside events have nothing to be compared with."""
    for event in (CreateEvent, DeleteEvent, GenericEvent):
        assert passes(predicate, event(object=_obj()))


YES, NO = Funcs(), new_predicate_funcs(lambda _: False)


@pytest.mark.parametrize(
    ("predicate", "expected"),
    [
        (or_(NO, YES), True),
        (or_(NO, NO), False),
        (or_(), False),
        (and_(YES, NO), False),
        (and_(YES, YES), True),
        (and_(), True),
        (not_(NO), True),
        (not_(or_(NO, YES)), False),
    ],
)
def test_predicates_can_be_put_together(predicate, expected):
    """As in logic, for every kind of event."""
    for event in (CreateEvent, DeleteEvent, GenericEvent):
        assert passes(predicate, event(object=_obj())) is expected
    assert passes(predicate, _update()) is expected


def test_a_function_of_the_object_sees_the_new_one():
    """Of an update the object as it is now decides."""
    labelled = new_predicate_funcs(lambda obj: "a" in obj.metadata.labels)
    assert passes(labelled, _update(labels={"a": "b"}))
    assert not passes(labelled, UpdateEvent(object_old=_obj(labels={"a": "b"}), object_new=_obj()))


def test_functions_may_be_given_for_some_events_only():
    """The rest passes."""
    predicate = Funcs(delete=lambda event: event.delete_state_unknown)
    assert passes(predicate, CreateEvent(object=_obj()))
    assert not passes(predicate, DeleteEvent(object=_obj()))
    assert passes(predicate, DeleteEvent(object=_obj(), delete_state_unknown=True))
