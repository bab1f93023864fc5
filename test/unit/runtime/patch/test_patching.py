"""The deferred patch on a server in memory: what is sent, and what of others survives."""

import asyncio
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from metal3.api.meta import v1 as metav1
from metal3.runtime.client import (
    ConflictError,
    NotFoundError,
    ServiceUnavailableError,
)
from metal3.runtime.client.fake import FakeClient
from metal3.runtime.patch import drop_finalizer, ensure_finalizer, merge_keyed, patching
from metal3.runtime.types import NamespacedName

KEY = NamespacedName("ns", "x")


class Status(metav1.Model):
    """Of a widget."""

    phase: str = ""
    raid: dict[str, Any] | None = None
    conditions: list[metav1.Condition] = Field(default_factory=list[metav1.Condition])

    nullable_fields = frozenset({"raid"})


class Widget(metav1.Object):
    """A kind of its own."""

    gvk: ClassVar = metav1.GroupVersionKind("test.example", "v1", "Widget")
    plural: ClassVar[str] = "widgets"
    spec: dict[str, Any] = Field(default_factory=dict)
    status: Status = Field(default_factory=Status)


def _condition(kind, status="True", message=""):
    return metav1.Condition(
        type=kind,
        status=status,
        reason="Test",
        message=message,
        last_transition_time="2026-01-01T00:00:00Z",
    )


async def _setup(**fields):
    client = FakeClient(Widget.named("x", "ns", **fields))
    return client, await client.get(Widget, KEY)


def _writes(client):
    return [
        (action.verb, action.subresource, action.body.body)
        for action in client.actions
        if action.is_write
    ]


async def _by_another(client, change):
    """Somebody else changes the object meanwhile."""
    theirs = await client.get(Widget, KEY)
    change(theirs)
    theirs = await client.update(theirs)
    change(theirs)
    await client.status.update(theirs)
    client.actions.clear()


def _types(widget):
    return [condition.type for condition in widget.status.conditions]


async def test_nothing_is_sent_when_nothing_changed():
    """A reconciler that has nothing to do costs no request."""
    client, widget = await _setup(spec={"a": 1})
    async with patching(client, widget):
        widget.spec["a"] = 1
    assert _writes(client) == []


async def test_status_and_the_rest_go_separately_and_only_what_changed():
    """Two small requests, the status first."""
    client, widget = await _setup(spec={"a": 1, "b": 2})
    async with patching(client, widget):
        widget.spec["a"] = 5
        widget.metadata.labels["l"] = "v"
        widget.status.phase = "Ready"
    assert _writes(client) == [
        ("patch", "status", {"status": {"phase": "Ready"}}),
        ("patch", "", {"spec": {"a": 5}, "metadata": {"labels": {"l": "v"}}}),
    ]
    stored = await client.get(Widget, KEY)
    assert (stored.spec, stored.status.phase) == ({"a": 5, "b": 2}, "Ready")
    assert widget.metadata.resource_version == stored.metadata.resource_version


async def test_changes_are_sent_when_the_body_fails_and_its_error_goes_up():
    """What a reconciler found out before it failed is not lost."""
    client, widget = await _setup()

    async def fail():
        async with patching(client, widget):
            widget.status.phase = "Failed"
            raise OSError("the reason")

    with pytest.raises(OSError, match="the reason"):
        await fail()
    assert (await client.get(Widget, KEY)).status.phase == "Failed"


async def test_the_body_s_error_is_told_even_when_the_patch_fails_too():
    """The first error is the cause."""
    client, widget = await _setup()
    client.fail_next("patch", Widget, ServiceUnavailableError("away"))

    async def fail():
        async with patching(client, widget):
            widget.status.phase = "Failed"
            raise OSError("the reason")

    with pytest.raises(OSError, match="the reason"):
        await fail()


async def test_a_cancelled_body_writes_nothing():
    """The process stops or leads no longer: others may be at work."""
    client, widget = await _setup()

    async def hang():
        async with patching(client, widget):
            widget.status.phase = "Half"
            await asyncio.Event().wait()

    task = asyncio.ensure_future(hang())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert _writes(client) == []


async def test_foreign_conditions_survive():
    """Conditions of others, added or changed meanwhile, are kept; ours are as we set them."""
    client, widget = await _setup()
    await _by_another(client, lambda w: w.status.conditions.append(_condition("Theirs")))
    async with patching(client, widget):
        widget.status.conditions.append(_condition("Ours"))
        widget.status.phase = "Ready"
    stored = await client.get(Widget, KEY)
    assert sorted(_types(stored)) == ["Ours", "Theirs"]
    assert stored.status.phase == "Ready"


async def test_a_condition_that_was_removed_stays_removed():
    """Removing is a change, too; others' are not touched by it."""
    status = Status(conditions=[_condition("Old"), _condition("Theirs", "False")])
    client, widget = await _setup(status=status)

    def flip(theirs):
        theirs.status.conditions[1].status = "True"

    await _by_another(client, flip)
    async with patching(client, widget):
        del widget.status.conditions[0]
    stored = await client.get(Widget, KEY)
    assert [(c.type, c.status) for c in stored.status.conditions] == [("Theirs", "True")]


@pytest.mark.parametrize("with_status", [False, True])
async def test_foreign_finalizers_survive(with_status):
    """Also when the status was patched just before, which hides that the object was changed."""
    client, widget = await _setup()
    await _by_another(client, lambda w: metav1.add_finalizer(w, "theirs/f"))
    async with patching(client, widget):
        metav1.add_finalizer(widget, "ours/f")
        if with_status:
            widget.status.phase = "Ready"
    stored = await client.get(Widget, KEY)
    assert sorted(stored.metadata.finalizers) == ["ours/f", "theirs/f"]


async def test_the_last_finalizer_goes_after_the_status_is_stored():
    """The object is gone in the end, which is no error."""
    client, widget = await _setup()
    await ensure_finalizer(client, widget, "ours/f")
    await client.delete(widget)
    widget = await client.get(Widget, KEY)
    client.actions.clear()
    async with patching(client, widget):
        widget.status.phase = "Deleted"
        metav1.remove_finalizer(widget, "ours/f")
    assert [subresource for _, subresource, _ in _writes(client)] == ["status", ""]
    with pytest.raises(NotFoundError):
        await client.get(Widget, KEY)
    async with patching(client, widget):
        widget.status.phase = "once more"


async def test_an_object_that_vanished_without_being_deleted_is_an_error():
    """Nobody expected that, so it is told."""
    client, widget = await _setup()
    await client.delete(widget)

    async def change():
        async with patching(client, widget):
            widget.status.phase = "Ready"

    with pytest.raises(NotFoundError):
        await change()


async def test_an_optimistic_lock_refuses_any_stale_write():
    """On request, not even another field may have changed."""
    client, widget = await _setup(spec={"a": 1, "b": 1})
    await _by_another(client, lambda w: w.spec.update(b=2))

    async def change():
        async with patching(client, widget, optimistic_lock=True):
            widget.spec["a"] = 2

    with pytest.raises(ConflictError):
        await change()
    async with patching(client, widget):
        widget.spec["a"] = 3
    assert (await client.get(Widget, KEY)).spec == {"a": 3, "b": 2}


async def test_a_look_at_a_stale_object_does_not_write_the_same_again():
    """A cache that is behind costs one refused request, and no further one."""
    client, widget = await _setup()
    stale = widget.deep_copy()
    for seen in (widget, stale):
        async with patching(client, seen):
            seen.status.phase = "Ready"
            seen.status.conditions = [_condition("Ready")]
    written, refused = _writes(client)
    assert written == refused
    assert stale.metadata.resource_version == widget.metadata.resource_version


async def test_patching_early_sends_each_change_once():
    """The helper may be asked in between; the way out sends only the rest."""
    client, widget = await _setup()
    async with patching(client, widget) as helper:
        widget.status.phase = "One"
        await helper.patch()
        widget.spec["a"] = 1
    assert _writes(client) == [
        ("patch", "status", {"status": {"phase": "One"}}),
        ("patch", "", {"spec": {"a": 1}}),
    ]


async def test_a_field_can_be_set_to_null():
    """Where null and absent differ, null arrives."""
    client, widget = await _setup()
    async with patching(client, widget):
        widget.status.raid = None
        widget.status.phase = "Ready"
    stored = (await client.get(Widget, KEY)).to_dict()
    assert stored["status"] == {"phase": "Ready", "raid": None}


async def test_kinds_without_a_status_subresource_are_patched_at_once():
    """One request for everything."""
    client = FakeClient(Widget.named("x", "ns"), without_status=(Widget,))
    widget = await client.get(Widget, KEY)
    async with patching(client, widget, status_subresource=False):
        widget.status.phase, widget.spec["a"] = "Ready", 1
    assert _writes(client) == [("patch", "", {"spec": {"a": 1}, "status": {"phase": "Ready"}})]


async def test_a_finalizer_is_added_once_and_only_to_what_lives():
    """The answer says whether it had to be added."""
    client, widget = await _setup()
    assert await ensure_finalizer(client, widget, "ours/f")
    assert not await ensure_finalizer(client, widget, "ours/f")
    assert (await client.get(Widget, KEY)).metadata.finalizers == ["ours/f"]
    await client.delete(widget)
    dying = await client.get(Widget, KEY)
    assert not await ensure_finalizer(client, dying, "second/f")


async def test_finalizers_of_others_are_never_replaced():
    """Whoever read an older list is refused."""
    client, widget = await _setup()
    await _by_another(client, lambda w: metav1.add_finalizer(w, "theirs/f"))
    with pytest.raises(ConflictError):
        await ensure_finalizer(client, widget, "ours/f")


async def test_dropping_the_finalizer_of_what_is_gone_is_fine():
    """Gone is what was wanted."""
    client, widget = await _setup()
    await ensure_finalizer(client, widget, "ours/f")
    stale = widget.deep_copy()
    await client.delete(widget)
    dying = await client.get(Widget, KEY)
    assert await drop_finalizer(client, dying, "ours/f")
    assert await drop_finalizer(client, stale, "ours/f")
    assert not await drop_finalizer(client, stale, "ours/f")


LISTS = st.lists(
    st.tuples(st.sampled_from("abcd"), st.integers(0, 2)), unique_by=lambda item: item[0]
)


@given(before=LISTS, after=LISTS, theirs=LISTS)
def test_three_ways_meet(before, after, theirs):
    """Ours where we changed something, theirs everywhere else."""
    merged = dict(merge_keyed(before, after, theirs, lambda item: item[0]))
    old, new, foreign = dict(before), dict(after), dict(theirs)
    for key in "abcd":
        touched = old.get(key) != new.get(key)
        assert merged.get(key) == (new if touched else foreign).get(key)
