"""JSON patch, merge patch, strategic merge patch."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metal3.apiserver.patch import PatchError, json_patch, merge_patch, strategic_merge_patch
from metal3.apiserver.schema import compile_schema

from .conftest import CONFIG_MAPS, WIDGETS, widget

KEYS = st.sampled_from(["a", "b", "c"])
JSON = st.recursive(
    st.booleans() | st.integers(0, 3) | st.text("xy", max_size=2),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(KEYS, JSON, max_size=3)


def diff(old, new):
    """Make the merge patch that leads from one object to another."""
    patch = {key: None for key in old if key not in new}
    for key, value in new.items():
        before = old.get(key)
        if isinstance(value, dict) and isinstance(before, dict):
            patch[key] = diff(before, value)
        elif key not in old or type(before) is not type(value) or before != value:
            patch[key] = value
    return patch


@given(OBJECTS, OBJECTS)
def test_a_merge_patch_leads_where_it_should(old, new):
    """Patching with the difference of two objects makes one into the other, and again no change."""
    patch = diff(old, new)
    assert merge_patch(old, patch) == new
    assert merge_patch(merge_patch(old, patch), patch) == new


@given(OBJECTS, OBJECTS)
def test_a_merge_patch_leaves_its_input_alone(old, patch):
    """Neither document nor patch changes, and the result shares nothing with them."""
    before = repr((old, patch))
    result = merge_patch(old, patch)
    for value in result.values():
        if isinstance(value, list):
            value.append("changed")
        elif isinstance(value, dict):
            value["changed"] = True
    assert repr((old, patch)) == before


@pytest.mark.parametrize(
    ("document", "operations", "result"),
    [
        ({"a": 1}, [{"op": "add", "path": "/b", "value": 2}], {"a": 1, "b": 2}),
        ({"a": [1, 3]}, [{"op": "add", "path": "/a/1", "value": 2}], {"a": [1, 2, 3]}),
        ({"a": [1]}, [{"op": "add", "path": "/a/-", "value": 2}], {"a": [1, 2]}),
        ({"a": 1}, [{"op": "remove", "path": "/a"}], {}),
        ({"a": [1, 2]}, [{"op": "remove", "path": "/a/0"}], {"a": [2]}),
        ({"a": 1}, [{"op": "replace", "path": "/a", "value": None}], {"a": None}),
        ({"a": {"b": 1}}, [{"op": "move", "from": "/a/b", "path": "/c"}], {"a": {}, "c": 1}),
        ({"a": 1}, [{"op": "copy", "from": "/a", "path": "/b"}], {"a": 1, "b": 1}),
        ({"a/b": {"~": 1}}, [{"op": "remove", "path": "/a~1b/~0"}], {"a/b": {}}),
        ({"a": 1}, [{"op": "test", "path": "/a", "value": 1}], {"a": 1}),
        ({"a": 1}, [{"op": "replace", "path": "", "value": {"x": 1}}], {"x": 1}),
    ],
)
def test_json_patch(document, operations, result):
    """The operations of RFC 6902."""
    assert json_patch(document, operations) == result


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "remove", "path": "/x"},
        {"op": "replace", "path": "/x", "value": 1},
        {"op": "add", "path": "/x/y", "value": 1},
        {"op": "add", "path": "/a/5", "value": 1},
        {"op": "add", "path": "/a/01", "value": 1},
        {"op": "add", "path": "/a"},
        {"op": "add", "path": "a", "value": 1},
        {"op": "test", "path": "/a/0", "value": True},
        {"op": "test", "path": "/a", "value": 2},
        {"op": "move", "from": "/a", "path": "/a/0"},
        {"op": "explode", "path": "/a"},
        {"op": "remove", "path": ""},
        {"path": "/a"},
        "remove",
    ],
)
def test_json_patches_that_cannot_be_applied(operation):
    """Each is refused and leaves the document alone; 1 is not true."""
    document = {"a": [1]}
    with pytest.raises(PatchError):
        json_patch(document, [operation])
    assert document == {"a": [1]}


def test_copies_of_copies_are_bounded():
    """A short patch cannot make a huge object."""
    grow = [{"op": "copy", "from": "/a", "path": "/a/-"}] * 40
    with pytest.raises(PatchError, match="may be copied"):
        json_patch({"a": ["x" * 100]}, grow)


SCHEMA = compile_schema(
    {
        "type": "object",
        "properties": {
            "ports": {
                "type": "array",
                "x-kubernetes-patch-merge-key": "port",
                "x-kubernetes-patch-strategy": "merge",
                "items": {"type": "object", "properties": {"port": {"type": "integer"}}},
            },
            "names": {
                "type": "array",
                "x-kubernetes-patch-strategy": "merge",
                "items": {"type": "string"},
            },
            "plain": {"type": "array", "items": {"type": "string"}},
        },
    }
)


@pytest.mark.parametrize(
    ("document", "patch", "result"),
    [
        (
            {"ports": [{"port": 1, "a": 1}, {"port": 2}]},
            {"ports": [{"port": 1, "b": 2}, {"port": 3}]},
            {"ports": [{"port": 1, "a": 1, "b": 2}, {"port": 2}, {"port": 3}]},
        ),
        (
            {"ports": [{"port": 1}, {"port": 2}]},
            {"ports": [{"port": 1, "$patch": "delete"}]},
            {"ports": [{"port": 2}]},
        ),
        (
            {"ports": [{"port": 1}]},
            {"ports": [{"$patch": "replace"}, {"port": 9}]},
            {"ports": [{"port": 9}]},
        ),
        ({"names": ["a"]}, {"names": ["b", "a"]}, {"names": ["a", "b"]}),
        ({"names": ["a", "b"]}, {"$deleteFromPrimitiveList/names": ["a"]}, {"names": ["b"]}),
        ({"plain": ["a"]}, {"plain": ["b"]}, {"plain": ["b"]}),
        (
            {"ports": [{"port": 1}, {"port": 2}]},
            {"$setElementOrder/ports": [{"port": 2}, {"port": 1}]},
            {"ports": [{"port": 2}, {"port": 1}]},
        ),
        ({"m": {"a": 1, "b": 2}}, {"m": {"$retainKeys": ["b"], "c": 3}}, {"m": {"b": 2, "c": 3}}),
        ({"m": {"a": 1}}, {"m": {"$patch": "replace", "b": 2}}, {"m": {"b": 2}}),
        ({"m": {"a": 1}}, {"m": {"$patch": "delete"}}, {"m": {}}),
        ({"m": 1}, {"m": None}, {}),
    ],
)
def test_strategic_merge_patch(document, patch, result):
    """Lists merge by key where the schema says so; directives do the rest."""
    assert strategic_merge_patch(document, patch, SCHEMA) == result


@pytest.mark.parametrize(
    ("kind", "body", "code"),
    [
        ("application/strategic-merge-patch+json", b"{}", 415),
        ("text/plain", b"{}", 415),
        ("application/merge-patch+json", b"[]", 400),
        ("application/merge-patch+json", b"{", 400),
        ("application/json-patch+json", b"{}", 400),
        ("application/json-patch+json", b'[{"op":"remove","path":"/spec/x"}]', 422),
        ("application/merge-patch+json", b'{"spec":{"size":"x"}}', 422),
        ("application/merge-patch+json", b'{"metadata":{"resourceVersion":"1"}}', 409),
        ("application/merge-patch+json", b'{"metadata":{"name":"b"}}', 400),
        ("application/merge-patch+json", b'{"kind":"Other"}', 400),
    ],
)
async def test_patches_that_are_refused(widgets, kind, body, code):
    """Each with a code that says whose fault it is."""
    await widgets.ok("POST", WIDGETS, widget("a"))
    reply = await widgets.call("PATCH", f"{WIDGETS}/a", body, kind=kind)
    assert (reply.code, reply.body["kind"]) == (code, "Status")


async def test_concurrent_patches_all_count(client):
    """Patches of different fields do not overwrite one another, whatever the order."""
    await client.ok("POST", CONFIG_MAPS, {"metadata": {"name": "a"}})
    kind = "application/merge-patch+json"
    async with asyncio.TaskGroup() as group:
        for at in range(20):
            patch = {"data": {f"k{at}": "v"}}
            group.create_task(client.ok("PATCH", f"{CONFIG_MAPS}/a", patch, kind=kind))
    assert len((await client.get(f"{CONFIG_MAPS}/a"))["data"]) == 20
