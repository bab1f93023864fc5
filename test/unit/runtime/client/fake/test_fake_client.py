"""FakeClient keeps the rules of an API server."""

import asyncio
from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest
from pydantic import Field

from metal3.api.core import v1 as corev1
from metal3.api.meta import v1 as metav1
from metal3.runtime import client as ctrlclient
from metal3.runtime.client import EventType, Patch, PatchType, Preconditions
from metal3.runtime.client.fake import FakeClient
from metal3.runtime.types import NamespacedName, key_of

KEY = NamespacedName("lab", "one")
NOW = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)


class Widget(metav1.Object):
    """A kind with spec and status."""

    gvk: ClassVar = metav1.GroupVersionKind("test.example", "v1", "Widget")
    plural: ClassVar[str] = "widgets"
    spec: dict[str, Any] = Field(default_factory=dict)
    status: dict[str, Any] = Field(default_factory=dict)


def widget(name="one", **fields):
    """A widget in the lab; ``meta`` adds to its metadata."""
    meta = metav1.ObjectMeta(name=name, namespace="lab", **fields.pop("meta", {}))
    return Widget(metadata=meta, **fields)


async def test_create_fills_in_what_the_server_owns():
    """uid, revision, generation and time come from the server; status cannot be created."""
    client = FakeClient(clock=lambda: NOW)
    made = await client.create(widget(spec={"size": 1}, status={"ready": True}))
    assert made.metadata.uid
    assert made.metadata.resource_version == "1"
    assert made.metadata.generation == 1
    assert made.metadata.creation_timestamp == "2030-01-02T03:04:05Z"
    assert made.status == {}
    assert (await client.get(Widget, KEY)).to_dict() == made.to_dict()


async def test_create_refuses_what_exists_and_what_has_no_namespace():
    """A second create says AlreadyExists; a namespaced kind needs its namespace."""
    client = FakeClient(widget())
    with pytest.raises(ctrlclient.AlreadyExistsError):
        await client.create(widget())
    with pytest.raises(ctrlclient.BadRequestError, match="namespace"):
        await client.create(Widget.named("one"))
    with pytest.raises(ctrlclient.BadRequestError, match="no namespaces"):
        await client.create(corev1.Namespace.named("one", "lab"))


async def test_generated_names_differ():
    """The generateName prefix makes a name of its own for each object."""
    client = FakeClient()
    made = [
        await client.create(Widget(metadata=metav1.ObjectMeta(generate_name="w-", namespace="lab")))
        for _ in range(2)
    ]
    names = {obj.metadata.name for obj in made}
    assert len(names) == 2
    assert all(name.startswith("w-") for name in names)


async def test_a_stale_update_conflicts():
    """Who read before the last write may not overwrite it, unless no revision is named."""
    client = FakeClient(widget())
    mine, theirs = [await client.get(Widget, KEY) for _ in range(2)]
    mine.spec = {"size": 2}
    stored = await client.update(mine)
    assert (stored.metadata.generation, stored.metadata.resource_version) == (2, "2")
    theirs.spec = {"size": 3}
    with pytest.raises(ctrlclient.ConflictError, match="modified"):
        await client.update(theirs)
    theirs.metadata.resource_version = ""
    assert (await client.update(theirs)).spec == {"size": 3}


async def test_status_and_the_rest_are_written_apart():
    """A main write keeps status; a status write keeps all else and the generation."""
    client = FakeClient(widget(spec={"a": 1}, status={"s": 1}))
    obj = await client.get(Widget, KEY)
    obj.spec, obj.status = {"a": 2}, {"s": 2}
    updated = await client.update(obj)
    assert (updated.spec, updated.status) == ({"a": 2}, {"s": 1})
    updated.spec, updated.status = {"a": 3}, {"s": 3}
    patched = await client.status.update(updated)
    assert (patched.spec, patched.status, patched.metadata.generation) == ({"a": 2}, {"s": 3}, 2)


async def test_kinds_without_status_write_it_with_the_rest():
    """Without a status subresource its endpoint is not found and status is an ordinary field."""
    client = FakeClient(widget(), without_status=(Widget,))
    obj = await client.get(Widget, KEY)
    obj.status = {"s": 1}
    assert (await client.update(obj)).status == {"s": 1}
    obj.metadata.resource_version = ""
    with pytest.raises(ctrlclient.NotFoundError):
        await client.status.update(obj)


async def test_an_update_that_changes_nothing_makes_no_revision():
    """Watchers are not woken by a write of the same content."""
    client = FakeClient(widget(spec={"a": 1}))
    obj = await client.get(Widget, KEY)
    assert (await client.update(obj)).metadata.resource_version == obj.metadata.resource_version


async def test_finalizers_hold_a_deleted_object():
    """Delete marks; the last finalizer removed lets go; none may be added in between."""
    client = FakeClient(widget(meta={"finalizers": ["a"]}), clock=lambda: NOW)
    await client.delete(widget())
    obj = await client.get(Widget, KEY)
    assert obj.metadata.deletion_timestamp == "2030-01-02T03:04:05Z"
    obj.metadata.finalizers = ["a", "b"]
    with pytest.raises(ctrlclient.InvalidError, match="finalizers"):
        await client.update(obj)
    obj.metadata.finalizers = []
    await client.update(obj)
    with pytest.raises(ctrlclient.NotFoundError):
        await client.get(Widget, KEY)


async def test_preconditions_protect_another_incarnation():
    """A delete with a wrong uid or revision has no effect."""
    client = FakeClient(widget())
    for wrong in (Preconditions(uid="other"), Preconditions(resource_version="77")):
        with pytest.raises(ctrlclient.ConflictError):
            await client.delete(widget(), preconditions=wrong)
    uid = (await client.get(Widget, KEY)).metadata.uid
    await client.delete(widget(), preconditions=Preconditions(uid=uid))
    with pytest.raises(ctrlclient.NotFoundError):
        await client.delete(widget())


@pytest.mark.parametrize(
    ("patch", "spec"),
    [
        (Patch(PatchType.MERGE, {"spec": {"a": None, "c": [1]}}), {"b": [1, 2], "c": [1]}),
        (Patch(PatchType.JSON, [{"op": "remove", "path": "/spec/b/0"}]), {"a": 1, "b": [2]}),
        (
            Patch(PatchType.JSON, [{"op": "add", "path": "/spec/b/-", "value": 3}]),
            {"a": 1, "b": [1, 2, 3]},
        ),
        (
            Patch(PatchType.JSON, [{"op": "move", "from": "/spec/a", "path": "/spec/d"}]),
            {"b": [1, 2], "d": 1},
        ),
        (Patch(PatchType.APPLY, {"spec": {"a": 9}}, field_manager="me"), {"a": 9, "b": [1, 2]}),
    ],
)
async def test_patches(patch, spec):
    """Each kind of patch changes what it names and nothing else."""
    client = FakeClient(widget(spec={"a": 1, "b": [1, 2]}))
    assert (await client.patch(widget(), patch)).spec == spec
    assert (await client.get(Widget, KEY)).spec == spec


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "test", "path": "/spec/a", "value": 2},
        {"op": "remove", "path": "/spec/x"},
        {"op": "replace", "path": "/spec/x", "value": 2},
        {"op": "add", "path": "/spec/b/9", "value": 2},
    ],
)
async def test_json_patches_that_do_not_fit_are_invalid(operation):
    """A failed test or a missing path changes nothing."""
    client = FakeClient(widget(spec={"a": 1, "b": []}))
    with pytest.raises(ctrlclient.InvalidError):
        await client.patch(widget(), Patch(PatchType.JSON, [operation]))
    assert client.resource_version == "1"


async def test_patches_with_a_revision_are_locked():
    """metadata.resourceVersion in a merge patch is a precondition."""
    client = FakeClient(widget())
    body = {"metadata": {"resourceVersion": "9"}, "spec": {"a": 1}}
    with pytest.raises(ctrlclient.ConflictError):
        await client.patch(widget(), Patch(PatchType.MERGE, body))


async def test_a_strategic_patch_adds_to_the_lists_of_the_metadata():
    """Built-in kinds take it, others do not."""
    owner = {"apiVersion": "v1", "kind": "Secret", "name": "a", "uid": "a"}
    meta = {"name": "s", "namespace": "ns", "finalizers": ["x/a"], "ownerReferences": [owner]}
    client = FakeClient(corev1.Secret.from_dict({"metadata": meta}), widget())
    more = [{**owner, "name": "renamed"}, {**owner, "uid": "b"}]
    body = {"metadata": {"finalizers": ["x/b", "x/a"], "ownerReferences": more}}
    patch = Patch(PatchType.STRATEGIC, body)
    secret = await client.get(corev1.Secret, NamespacedName("ns", "s"))
    after = (await client.patch(secret, patch)).metadata
    assert after.finalizers == ["x/a", "x/b"]
    assert [(o.uid, o.name) for o in after.owner_references] == [("a", "renamed"), ("b", "a")]
    with pytest.raises(ctrlclient.StatusError):
        await client.patch(widget(), patch)


async def test_apply_creates_what_is_missing():
    """Server-side apply needs no create first, but a field manager."""
    client = FakeClient()
    intent = Patch(PatchType.APPLY, {"spec": {"a": 1}}, field_manager="me")
    assert (await client.patch(widget(), intent)).spec == {"a": 1}
    with pytest.raises(ctrlclient.BadRequestError, match="fieldManager"):
        await client.patch(widget(), Patch(PatchType.APPLY, {}))


async def test_lists_select_by_namespace_labels_fields_and_indexes():
    """All selectors together; an index that nobody made is an error."""
    client = FakeClient(
        widget("a", meta={"labels": {"rack": "1"}}, spec={"n": 1}),
        widget("b", meta={"labels": {"rack": "2"}}, spec={"n": 2}),
        Widget.named("c", "other"),
    )
    client.index_field(Widget, "size", lambda obj: [str(obj.spec.get("n"))])

    async def names(**selection):
        found = await client.list(Widget, **selection)
        return [obj.metadata.name for obj in found.items]

    assert await names() == ["a", "b", "c"]
    assert await names(namespace="lab") == ["a", "b"]
    assert await names(labels={"rack": "1"}) == ["a"]
    assert await names(labels="rack notin (1)") == ["b", "c"]
    assert await names(fields={"metadata.name": "b"}) == ["b"]
    assert await names(fields={"size": "2"}) == ["b"]
    with pytest.raises(ValueError, match="no index"):
        await names(fields={"colour": "red"})


async def test_pages_show_the_state_of_the_first():
    """What is deleted between two pages is still on the second."""
    client = FakeClient(*(widget(name) for name in "abc"))
    first = await client.list(Widget, limit=2)
    await client.delete(widget("c"))
    assert first.remaining == 1
    second = await client.list(Widget, limit=2, continue_token=first.continue_token)
    assert [obj.metadata.name for obj in second.items] == ["c"]
    with pytest.raises(ctrlclient.ExpiredError):
        await client.list(Widget, continue_token=first.continue_token)


async def test_delete_all_of_deletes_matches_only():
    """One request, recorded as such."""
    client = FakeClient(widget("a", meta={"labels": {"x": "y"}}), widget("b"))
    await client.delete_all_of(Widget, namespace="lab", labels={"x": "y"})
    assert [obj.metadata.name for obj in (await client.list(Widget)).items] == ["b"]
    assert [action.verb for action in client.actions] == ["deletecollection"]


async def test_actions_list_writes_and_interceptors_see_everything():
    """Reads are seen by the interceptor, writes are also kept."""
    client, seen = FakeClient(), []
    client.interceptor = lambda action: seen.append(str(action))
    await client.create(widget())
    await client.get(Widget, KEY)
    await client.status.patch(widget(), Patch(PatchType.MERGE, {"status": {"a": 1}}))
    assert [str(a) for a in client.actions] == [
        "create Widget lab/one",
        "patch Widget/status lab/one",
    ]
    assert seen[1] == "get Widget lab/one"


async def test_planned_failures_hit_once_and_change_nothing():
    """fail_next meets the request it is meant for, before it has an effect."""
    client = FakeClient()
    client.fail_next("create", Widget, ctrlclient.ServiceUnavailableError("not now"))
    with pytest.raises(ctrlclient.ServiceUnavailableError):
        await client.create(widget())
    assert (await client.list(Widget)).items == []
    await client.create(widget())


async def test_a_dry_run_is_answered_but_not_kept():
    """The answer is what would be stored."""
    client = FakeClient()
    assert (await client.create(widget(spec={"a": 1}), dry_run=True)).spec == {"a": 1}
    assert (await client.list(Widget)).items == []


async def test_what_is_returned_is_the_callers_own():
    """Changing a read object changes nothing else."""
    client = FakeClient(widget(spec={"a": [1]}))
    (await client.get(Widget, KEY)).spec["a"].append(2)
    assert (await client.get(Widget, KEY)).spec == {"a": [1]}


async def test_watches_tell_each_change_and_what_leaves_a_selection():
    """Leaving the selection is a deletion, coming back an addition; cutting ends the stream."""
    client = FakeClient(widget(meta={"labels": {"on": "1"}}))
    told = []

    async def follow():
        async with client.watch(Widget, labels={"on": "1"}, resource_version="1") as events:
            told.extend([(event.type, event.object.metadata.labels) async for event in events])

    async with asyncio.TaskGroup() as group:
        group.create_task(follow())
        await asyncio.sleep(0)
        for labels in ({"on": "1", "x": "1"}, {"on": "0"}, {"on": "1"}):
            obj = await client.get(Widget, KEY)
            obj.metadata.labels = labels
            await client.update(obj)
        await client.delete(obj)
        await asyncio.sleep(0)
        client.cut_watches()
    assert [kind for kind, _ in told] == [
        EventType.MODIFIED,
        EventType.DELETED,
        EventType.ADDED,
        EventType.DELETED,
    ]


async def test_old_revisions_expire():
    """After compaction a watch from an old revision is refused."""
    client = FakeClient(widget())
    await client.create(widget("two"))
    client.compact()
    with pytest.raises(ctrlclient.ExpiredError):
        async with client.watch(Widget, resource_version="1") as events:
            await anext(events)


async def test_versions_of_a_kind_share_their_objects_with_unstructured():
    """A kind known only by name reaches the same objects."""
    client = FakeClient(widget(spec={"a": 1}))
    kind = metav1.Unstructured.of(Widget.gvk, "widgets")
    found = await client.get(kind, KEY)
    assert key_of(found) == KEY
    assert found.to_dict()["spec"] == {"a": 1}
