"""Server-side apply: who owns what, and what follows from it."""

from typing import Any

import pytest

from metal3.apiserver.patch._fields import from_fields_v1, to_fields_v1

from .conftest import CONFIG_MAPS, WIDGETS, widget

APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"


@pytest.fixture
def apply(widgets):
    """Apply a spec to the widget a as some manager."""

    async def call(manager: str, spec: dict[str, Any], *, force: bool = False, sub: str = ""):
        body = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "a"}}
        body |= {"status": spec} if sub else {"spec": spec}
        query = {"fieldManager": manager} | ({"force": "true"} if force else {})
        path = f"{WIDGETS}/a{sub}"
        return await widgets.call("PATCH", path, body, kind=APPLY, **query)

    return call


def owned(obj: dict[str, Any], manager: str) -> set[str]:
    """Return the paths a manager owns."""
    return {
        "/".join(path)
        for entry in obj["metadata"]["managedFields"]
        if entry["manager"] == manager
        for path in from_fields_v1(entry["fieldsV1"])
    }


async def test_apply_creates_and_owns(apply):
    """The first apply creates the object; defaults belong to nobody."""
    reply = await apply("one", {"size": 1})
    assert reply.code == 201
    assert reply.body["spec"] == {"size": 1, "color": "red"}
    assert owned(reply.body, "one") == {"f:spec/f:size"}
    entry = reply.body["metadata"]["managedFields"][0]
    assert (entry["operation"], entry["fieldsType"]) == ("Apply", "FieldsV1")


async def test_applying_the_same_changes_nothing(apply):
    """Not even the version."""
    first = await apply("one", {"size": 1, "tags": ["a"]})
    assert (await apply("one", {"size": 1, "tags": ["a"]})).body == first.body


async def test_what_is_left_out_goes(apply):
    """Fields, list items and set members that the manager no longer names are removed."""
    await apply("one", {"size": 1, "note": "x", "tags": ["a", "b"], "parts": [{"name": "p"}]})
    reply = await apply("one", {"size": 1, "tags": ["b"]})
    assert reply.body["spec"] == {"size": 1, "color": "red", "tags": ["b"]}


async def test_two_managers_share_lists(apply):
    """Items of maps and members of sets have owners of their own."""
    await apply("one", {"size": 1, "parts": [{"name": "p", "count": 1}], "tags": ["a"]})
    reply = await apply("two", {"parts": [{"name": "q"}], "tags": ["b"]})
    assert [part["name"] for part in reply.body["spec"]["parts"]] == ["p", "q"]
    assert reply.body["spec"]["tags"] == ["a", "b"]
    reply = await apply("one", {"size": 1})
    assert reply.body["spec"]["parts"] == [{"name": "q"}]
    assert reply.body["spec"]["tags"] == ["b"]


async def test_a_list_without_type_is_one_value(apply):
    """Two managers of a plain list are in conflict."""
    await apply("one", {"plain": ["a"]})
    reply = await apply("two", {"plain": ["b"]})
    assert reply.code == 409
    assert reply.body["details"]["causes"][0]["field"] == ".spec.plain"


async def test_conflicts_name_owner_and_field(apply):
    """409 with a cause for each field; nothing is changed."""
    await apply("one", {"size": 1, "parts": [{"name": "p", "count": 1}]})
    reply = await apply("two", {"size": 2, "parts": [{"name": "p", "count": 2}]})
    assert (reply.code, reply.body["reason"]) == (409, "Conflict")
    causes = reply.body["details"]["causes"]
    assert {c["field"] for c in causes} == {".spec.size", '.spec.parts[name="p"].count'}
    assert {c["reason"] for c in causes} == {"FieldManagerConflict"}
    assert 'conflict with "one"' in causes[0]["message"]


async def test_force_takes_fields_over(apply):
    """The other manager loses them; then its apply without them removes nothing."""
    await apply("one", {"size": 1, "note": "x"})
    reply = await apply("two", {"size": 2}, force=True)
    assert reply.body["spec"]["size"] == 2
    assert owned(reply.body, "one") == {"f:spec/f:note"}
    assert owned(reply.body, "two") == {"f:spec/f:size"}
    reply = await apply("one", {"note": "x"})
    assert reply.body["spec"]["size"] == 2


async def test_the_same_value_is_shared(apply):
    """Two managers may want the same; the field goes when both are gone from it."""
    await apply("one", {"size": 1, "note": "x"})
    both = await apply("two", {"note": "x"})
    assert both.code == 200
    assert (await apply("one", {"size": 1})).body["spec"]["note"] == "x"
    assert "note" not in (await apply("two", {})).body["spec"]


async def test_plain_updates_own_what_they_change(widgets, apply):
    """A merge patch takes the field from whoever applied it, and the next apply is in conflict."""
    await apply("one", {"size": 1, "note": "x"})
    patch = {"spec": {"size": 5}}
    body = await widgets.ok("PATCH", f"{WIDGETS}/a", patch, kind=MERGE, fieldManager="editor")
    assert owned(body, "editor") == {"f:spec/f:size"}
    body["spec"]["free"] = {"x": 1}
    body = await widgets.ok("PUT", f"{WIDGETS}/a", body, fieldManager="putter")
    assert owned(body, "putter") == {"f:spec/f:free", "f:spec/f:free/f:x"}
    assert owned(body, "one") == {"f:spec/f:note"}
    reply = await apply("one", {"size": 1, "note": "x"})
    assert reply.code == 409
    assert reply.body["details"]["causes"][0]["message"].startswith('conflict with "editor" using')


async def test_status_is_owned_by_its_own_endpoint(apply):
    """Status applied on the main endpoint is neither stored nor owned."""
    await apply("one", {"size": 1})
    reply = await apply("one", {"phase": "Up"}, sub="/status")
    assert reply.body["status"] == {"phase": "Up"}
    entries = reply.body["metadata"]["managedFields"]
    assert {(e["manager"], e.get("subresource")) for e in entries} == {
        ("one", None),
        ("one", "status"),
    }
    reply = await apply("one", {"size": 1})
    assert reply.body["status"] == {"phase": "Up"}


async def test_updates_leave_their_traces(client):
    """Create and update are in managedFields under the name of the client program."""
    body = {"metadata": {"name": "a"}, "data": {"k": "1"}}
    agent = {"User-Agent": "tool/v1 (linux)"}
    made = await client.ok("POST", CONFIG_MAPS, body, headers=agent)
    assert owned(made, "tool") == {"f:data", "f:data/f:k"}
    made["metadata"]["managedFields"] = []
    made["metadata"]["labels"] = {"x": "y"}
    cleared = await client.ok("PUT", f"{CONFIG_MAPS}/a", made, headers=agent)
    assert "managedFields" not in cleared["metadata"]


async def test_many_updaters_are_folded(widgets):
    """ManagedFields does not grow with the number of clients."""
    await widgets.ok("POST", WIDGETS, widget("a"), fieldManager="first")
    for at in range(15):
        patch = {"metadata": {"labels": {f"l{at}": "x"}}}
        obj = await widgets.ok("PATCH", f"{WIDGETS}/a", patch, kind=MERGE, fieldManager=f"m{at}")
    managers = {entry["manager"] for entry in obj["metadata"]["managedFields"]}
    assert len(managers) <= 10
    assert "ancient-changes" in managers


async def test_apply_needs_a_manager(widgets):
    """And an object without managedFields, of the kind that the path says."""
    body = widget("a")
    reply = await widgets.call("PATCH", f"{WIDGETS}/a", body, kind=APPLY)
    assert (reply.code, reply.body["details"]["causes"][0]["field"]) == (422, "fieldManager")
    query = {"fieldManager": "x"}
    bad = widget("a", managedFields=[{"manager": "x"}])
    assert (await widgets.call("PATCH", f"{WIDGETS}/a", bad, kind=APPLY, **query)).code == 400
    other = body | {"kind": "Other"}
    assert (await widgets.call("PATCH", f"{WIDGETS}/a", other, kind=APPLY, **query)).code == 400


def test_sets_of_fields_are_read_as_they_were_written():
    """A path that has others below it is kept beside them."""
    paths = {
        ("f:spec", 'k:{"name":"a"}'),
        ("f:spec", 'k:{"name":"a"}', "f:x"),
        ("f:spec", "v:1"),
        ("f:data",),
    }
    encoded = to_fields_v1(paths)
    assert encoded["f:spec"]['k:{"name":"a"}'] == {".": {}, "f:x": {}}
    assert from_fields_v1(encoded) == paths
