"""RestClient against a server: what the doubles claim is what servers do."""

import asyncio
from dataclasses import replace

import pytest
import pytest_asyncio

from metal3.api.coordination_k8s_io import v1 as coordinationv1
from metal3.api.core import v1 as corev1
from metal3.api.meta import v1 as metav1
from metal3.runtime import client as ctrlclient
from metal3.runtime.client import (
    EventType,
    Patch,
    PatchType,
    Preconditions,
    RestClient,
    Selection,
)
from metal3.runtime.client.fake import FakeClient
from metal3.runtime.rest import BearerToken, TLSConfig, load_config
from metal3.runtime.types import NamespacedName

KEY = NamespacedName("default", "one")
pytestmark = pytest.mark.asyncio(loop_scope="module")


def config_map(name="one", **fields):
    """A config map of the default namespace."""
    meta = metav1.ObjectMeta(name=name, namespace="default", **fields.pop("meta", {}))
    return corev1.ConfigMap(metadata=meta, **fields)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def config(start_environment):
    """The administrator's, of one server for all tests here: each starts with a clean namespace."""
    async with start_environment() as env:
        yield await asyncio.to_thread(load_config, env.kubeconfig)


@pytest_asyncio.fixture(loop_scope="module")
async def client(config):
    """A client that says who it is, and leaves nothing behind."""
    async with RestClient(config, field_manager="test") as client:
        yield client
        for kind in (corev1.ConfigMap, coordinationv1.Lease):
            await client.delete_all_of(kind, namespace="default")


@pytest.fixture(params=["server", "fake"])
def either(request):
    """The server and its double, which must not differ."""
    if request.param == "fake":
        return FakeClient(without_status=(corev1.ConfigMap,))
    return request.getfixturevalue("client")


async def test_an_object_through_its_life(either):
    """Create, read, replace, patch in three ways, delete: each with the errors it promises."""
    made = await either.create(config_map(data={"a": "1"}))
    with pytest.raises(ctrlclient.AlreadyExistsError):
        await either.create(config_map())
    made.data = {"a": "2"}
    await either.update(made)
    with pytest.raises(ctrlclient.ConflictError):
        await either.update(made)
    merged = await either.patch(made, Patch(PatchType.MERGE, {"data": {"b": "3"}}))
    assert merged.data == {"a": "2", "b": "3"}
    patched = await either.patch(made, Patch(PatchType.JSON, [{"op": "remove", "path": "/data/b"}]))
    assert patched.data == {"a": "2"}
    with pytest.raises(ctrlclient.ConflictError):
        await either.delete(made, preconditions=Preconditions(uid="another"))
    await either.delete(made, preconditions=Preconditions(uid=made.metadata.uid))
    with pytest.raises(ctrlclient.NotFoundError):
        await either.get(corev1.ConfigMap, KEY)


async def test_finalizers_hold(either):
    """Deletion waits for the last finalizer; until then no other may be added."""
    made = await either.create(config_map(meta={"finalizers": ["test.example/hold"]}))
    await either.delete(made)
    held = await either.get(corev1.ConfigMap, KEY)
    assert held.metadata.deletion_timestamp
    held.metadata.finalizers = ["test.example/hold", "test.example/more"]
    with pytest.raises((ctrlclient.InvalidError, ctrlclient.ForbiddenError)):
        await either.update(held)
    await either.patch(held, Patch(PatchType.MERGE, {"metadata": {"finalizers": None}}))
    with pytest.raises(ctrlclient.NotFoundError):
        await either.get(corev1.ConfigMap, KEY)


async def test_generated_names_and_no_news(either):
    """Names are made for each object; a write of the same content makes no revision."""
    meta = metav1.ObjectMeta(generate_name="g-", namespace="default")
    made = [await either.create(corev1.ConfigMap(metadata=meta)) for _ in range(2)]
    assert made[0].metadata.name != made[1].metadata.name
    again = await either.update(made[0])
    assert again.metadata.resource_version == made[0].metadata.resource_version


async def test_apply_creates_and_owns(client):
    """Server-side apply needs no object; another manager's field is a conflict, unless forced."""
    intent = {"data": {"a": "1"}}
    made = await client.patch(config_map(), Patch(PatchType.APPLY, intent, field_manager="me"))
    assert made.data == {"a": "1"}
    theirs = Patch(PatchType.APPLY, {"data": {"a": "2"}}, field_manager="them")
    with pytest.raises(ctrlclient.ConflictError):
        await client.patch(config_map(), theirs)
    forced = await client.patch(config_map(), replace(theirs, force=True))
    assert forced.data == {"a": "2"}


async def test_an_invalid_object_names_its_fields(client):
    """The causes say what is wrong where."""
    with pytest.raises(ctrlclient.InvalidError) as caught:
        await client.create(config_map("Not_A_Name"))
    assert [cause.field for cause in caught.value.causes] == ["metadata.name"]


async def test_a_dry_run_stores_nothing(either):
    """The answer looks like the object that would be there."""
    assert (await either.create(config_map(), dry_run=True)).metadata.uid
    with pytest.raises(ctrlclient.NotFoundError):
        await either.get(corev1.ConfigMap, KEY)


async def test_lists_select_and_page(either):
    """Selectors are the server's; pages continue where they ended; a collection is deleted."""
    for n in range(5):
        await either.create(config_map(f"n{n}", meta={"labels": {"n": str(n)}}))
    found = await either.list(corev1.ConfigMap, labels="n in (1,3)")
    assert [obj.metadata.name for obj in found.items] == ["n1", "n3"]
    found = await either.list(corev1.ConfigMap, fields={"metadata.name": "n2"})
    assert [obj.metadata.name for obj in found.items] == ["n2"]
    names, token = [], None
    while token != "":
        page = await either.list(corev1.ConfigMap, labels="n", limit=2, continue_token=token)
        names += [obj.metadata.name for obj in page.items]
        token = page.continue_token
    assert names == ["n0", "n1", "n2", "n3", "n4"]
    await either.delete_all_of(corev1.ConfigMap, namespace="default", labels="n")
    assert (await either.list(corev1.ConfigMap, labels="n")).items == []


async def test_watches_go_on_from_a_revision(either):
    """Each change once, in order."""
    start = (await either.list(corev1.ConfigMap)).resource_version
    made = await either.create(config_map(data={"a": "1"}))
    await either.patch(made, Patch(PatchType.MERGE, {"data": {"a": "2"}}))
    await either.delete(made)
    told = []
    async with (
        asyncio.timeout(30),
        either.watch(corev1.ConfigMap, namespace="default", resource_version=start) as events,
    ):
        async for event in events:
            if event.type is not EventType.BOOKMARK and event.object.metadata.name == "one":
                told.append((event.type, event.object.data["a"]))
            if event.type is EventType.DELETED:
                break
    assert told == [("ADDED", "1"), ("MODIFIED", "2"), ("DELETED", "2")]


async def test_streaming_lists_end_with_a_bookmark(client):
    """Both servers offer them."""
    await client.create(config_map())
    async with (
        asyncio.timeout(30),
        client.stream(
            corev1.ConfigMap, Selection(namespace="default"), initial_events=True
        ) as events,
    ):
        async for event in events:
            if event.type is EventType.BOOKMARK:
                break
    assert event.object["metadata"]["annotations"][ctrlclient.INITIAL_EVENTS_END] == "true"


async def test_kinds_known_only_by_name_are_discovered(client):
    """What is written unstructured is read typed."""
    kind = metav1.Unstructured.of(coordinationv1.Lease.gvk, "")
    await client.create(kind.named("one", "default", spec={"holderIdentity": "me"}))
    assert (await client.get(coordinationv1.Lease, KEY)).spec.holder_identity == "me"
    unknown = metav1.Unstructured.of(metav1.GroupVersionKind("no.example", "v1", "Odd"), "")
    with pytest.raises(ctrlclient.NotFoundError, match="no matches for kind"):
        await client.list(unknown)


async def test_a_wrong_token_is_unauthorized(config):
    """And is not shown."""
    tls = TLSConfig(ca=config.tls.ca, ca_file=config.tls.ca_file)
    async with RestClient(replace(config, tls=tls, auth=BearerToken("wr0ng"))) as client:
        with pytest.raises(ctrlclient.UnauthorizedError) as caught:
            await client.list(corev1.Secret)
    assert "wr0ng" not in str(caught.value)


async def test_metadata_alone(either):
    """Lists and streams of the metadata bring nothing of the contents over the wire."""
    kind = metav1.PartialObjectMetadata.of(corev1.ConfigMap)
    await either.create(config_map(data={"big": "secret"}, meta={"labels": {"a": "b"}}))
    selection = Selection(namespace="default", labels="a!=c")
    page = await either.list_page(kind, selection)
    (item,) = (i for i in page.items if i["metadata"]["name"] == "one")
    assert item["metadata"]["labels"] == {"a": "b"}
    assert "data" not in item
    listed = await either.list(kind, namespace="default", labels={"a": "b"})
    assert [obj.metadata.name for obj in listed.items] == ["one"]
    since = page.resource_version
    async with either.stream(kind, selection, resource_version=since) as events:
        await either.create(config_map("two", data={"big": "secret"}))
        event = await anext(events)
    assert (event.type, event.object["metadata"]["name"]) == (EventType.ADDED, "two")
    assert "data" not in event.object
