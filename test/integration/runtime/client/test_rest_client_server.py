"""RestClient against a server: what the doubles claim is what servers do."""

import asyncio
from dataclasses import replace

import pytest

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
from metal3.runtime.rest import BearerToken, TLSConfig, load_config
from metal3.runtime.types import NamespacedName

KEY = NamespacedName("default", "one")


def config_map(name="one", **fields):
    """A config map of the default namespace."""
    meta = metav1.ObjectMeta(name=name, namespace="default", **fields.pop("meta", {}))
    return corev1.ConfigMap(metadata=meta, **fields)


@pytest.fixture
async def config(env):
    """The administrator's."""
    return await asyncio.to_thread(load_config, env.kubeconfig)


@pytest.fixture
async def client(config):
    """A client that says who it is."""
    async with RestClient(config, field_manager="test") as client:
        yield client


async def test_an_object_through_its_life(client):
    """Create, read, replace, patch in three ways, delete: each with the errors it promises."""
    made = await client.create(config_map(data={"a": "1"}))
    with pytest.raises(ctrlclient.AlreadyExistsError):
        await client.create(config_map())
    made.data = {"a": "2"}
    await client.update(made)
    with pytest.raises(ctrlclient.ConflictError):
        await client.update(made)
    merged = await client.patch(made, Patch(PatchType.MERGE, {"data": {"b": "3"}}))
    assert merged.data == {"a": "2", "b": "3"}
    patched = await client.patch(made, Patch(PatchType.JSON, [{"op": "remove", "path": "/data/b"}]))
    assert patched.data == {"a": "2"}
    with pytest.raises(ctrlclient.ConflictError):
        await client.delete(made, preconditions=Preconditions(uid="another"))
    await client.delete(made, preconditions=Preconditions(uid=made.metadata.uid))
    with pytest.raises(ctrlclient.NotFoundError):
        await client.get(corev1.ConfigMap, KEY)


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


async def test_a_dry_run_stores_nothing(client):
    """The answer looks like the object that would be there."""
    assert (await client.create(config_map(), dry_run=True)).metadata.uid
    with pytest.raises(ctrlclient.NotFoundError):
        await client.get(corev1.ConfigMap, KEY)


async def test_lists_select_and_page(client):
    """Selectors are the server's; pages continue where they ended; a collection is deleted."""
    for n in range(5):
        await client.create(config_map(f"n{n}", meta={"labels": {"n": str(n)}}))
    found = await client.list(corev1.ConfigMap, labels="n in (1,3)")
    assert [obj.metadata.name for obj in found.items] == ["n1", "n3"]
    found = await client.list(corev1.ConfigMap, fields={"metadata.name": "n2"})
    assert [obj.metadata.name for obj in found.items] == ["n2"]
    names, token = [], None
    while token != "":
        page = await client.list(corev1.ConfigMap, labels="n", limit=2, continue_token=token)
        names += [obj.metadata.name for obj in page.items]
        token = page.continue_token
    assert names == ["n0", "n1", "n2", "n3", "n4"]
    await client.delete_all_of(corev1.ConfigMap, namespace="default", labels="n")
    assert (await client.list(corev1.ConfigMap, labels="n")).items == []


async def test_watches_go_on_from_a_revision(client):
    """Each change once, in order."""
    start = (await client.list(corev1.ConfigMap)).resource_version
    made = await client.create(config_map(data={"a": "1"}))
    await client.patch(made, Patch(PatchType.MERGE, {"data": {"a": "2"}}))
    await client.delete(made)
    told = []
    async with (
        asyncio.timeout(30),
        client.watch(corev1.ConfigMap, namespace="default", resource_version=start) as events,
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
