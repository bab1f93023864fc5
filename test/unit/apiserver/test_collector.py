"""What goes when something else goes."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from metal3.apiserver.collector import EVENT_LIFE, EventExpiry
from metal3.apiserver.storage import Key, Store

from .conftest import CONFIG_MAPS, WIDGETS, crd, widget

NAMESPACES = "/api/v1/namespaces"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
MERGE = "application/merge-patch+json"


def owner(obj, **more):
    """Make a reference to an object."""
    meta = obj["metadata"]
    header = {"apiVersion": obj["apiVersion"], "kind": obj["kind"]}
    return header | {"name": meta["name"], "uid": meta["uid"]} | more


async def gone(client, path):
    """Wait until an object is gone; the watch tells."""
    async with asyncio.timeout(10):
        collection, _, name = path.rpartition("/")
        query = {"fieldSelector": f"metadata.name={name}"}
        listed = await client.get(collection, **query)
        if not listed["items"]:
            return
        version = listed["metadata"]["resourceVersion"]
        async for event in client.watch(collection, resourceVersion=version, **query):
            if event["type"] == "DELETED":
                return


async def test_dependents_go_with_their_last_owner(widgets):
    """One of two owners gone: the reference goes. Both gone: the object goes."""
    first = await widgets.ok("POST", WIDGETS, widget("one"))
    second = await widgets.ok("POST", WIDGETS, widget("two"))
    refs = [owner(first), owner(second)]
    made = await widgets.ok("POST", WIDGETS, widget("child", ownerReferences=refs))
    await widgets.ok("DELETE", f"{WIDGETS}/one")
    version = made["metadata"]["resourceVersion"]
    query = {"fieldSelector": "metadata.name=child", "resourceVersion": version}
    event = await anext(widgets.watch(WIDGETS, **query))
    assert event["object"]["metadata"]["ownerReferences"] == [owner(second)]
    await widgets.ok("DELETE", f"{WIDGETS}/two")
    await gone(widgets, f"{WIDGETS}/child")


async def test_generations_go_in_one_sweep(widgets):
    """Children of children go too."""
    parent = await widgets.ok("POST", WIDGETS, widget("w0"))
    for at in range(1, 4):
        body = widget(f"w{at}", ownerReferences=[owner(parent)])
        parent = await widgets.ok("POST", WIDGETS, body)
    await widgets.ok("DELETE", f"{WIDGETS}/w0")
    await gone(widgets, f"{WIDGETS}/w3")


async def test_an_object_of_an_absent_owner_goes(widgets):
    """Its owner may have gone before it was created."""
    made = await widgets.ok("POST", WIDGETS, widget("one"))
    await widgets.ok("DELETE", f"{WIDGETS}/one")
    await widgets.ok("POST", WIDGETS, widget("child", ownerReferences=[owner(made)]))
    await gone(widgets, f"{WIDGETS}/child")


async def test_orphans_stay(widgets):
    """With Orphan the references are dropped before the owner goes."""
    made = await widgets.ok("POST", WIDGETS, widget("one"))
    await widgets.ok("POST", WIDGETS, widget("child", ownerReferences=[owner(made)]))
    await widgets.ok("DELETE", f"{WIDGETS}/one", {"propagationPolicy": "Orphan"})
    await gone(widgets, f"{WIDGETS}/one")
    assert "ownerReferences" not in (await widgets.get(f"{WIDGETS}/child"))["metadata"]


async def test_foreground_waits_for_what_blocks(widgets):
    """The owner stays, marked, until the dependents that block it are gone."""
    made = await widgets.ok("POST", WIDGETS, widget("one"))
    refs = [owner(made, blockOwnerDeletion=True)]
    child = widget("child", ownerReferences=refs, finalizers=["example.com/hold"])
    await widgets.ok("POST", WIDGETS, child)
    marked = await widgets.ok("DELETE", f"{WIDGETS}/one", {"propagationPolicy": "Foreground"})
    assert marked["metadata"]["finalizers"] == ["foregroundDeletion"]
    query = {"fieldSelector": "metadata.name=child"}
    async with asyncio.timeout(10):
        async for event in widgets.watch(WIDGETS, **query):
            if "deletionTimestamp" in event["object"]["metadata"]:
                break
    assert (await widgets.call("GET", f"{WIDGETS}/one")).code == 200
    patch = {"metadata": {"finalizers": None}}
    await widgets.ok("PATCH", f"{WIDGETS}/child", patch, kind=MERGE)
    await gone(widgets, f"{WIDGETS}/one")


async def test_a_namespace_goes_after_its_contents(widgets):
    """It is Terminating, takes nothing new, and goes when the last object has gone."""
    await widgets.ok("POST", NAMESPACES, {"metadata": {"name": "demo"}})
    path = WIDGETS.replace("default", "demo")
    await widgets.ok("POST", path, widget("a", finalizers=["example.com/hold"]))
    marked = await widgets.ok("DELETE", f"{NAMESPACES}/demo")
    assert marked["status"]["phase"] == "Terminating"
    reply = await widgets.call("POST", path, widget("b"))
    assert reply.code == 403
    assert "being terminated" in reply.body["message"]
    patch = {"metadata": {"finalizers": None}}
    await widgets.ok("PATCH", f"{path}/a", patch, kind=MERGE)
    await gone(widgets, f"{NAMESPACES}/demo")


async def test_an_empty_namespace_goes_at_once(client):
    """And its name can be used again."""
    for _ in range(2):
        await client.ok("POST", NAMESPACES, {"metadata": {"name": "demo"}})
        await client.ok("DELETE", f"{NAMESPACES}/demo")
        await gone(client, f"{NAMESPACES}/demo")


@pytest.mark.parametrize("count", [0, 150])
async def test_a_definition_goes_after_its_objects(widgets, count):
    """Then the kind is served no more, and may be defined anew, empty."""
    async with asyncio.TaskGroup() as group:
        for at in range(count):
            group.create_task(widgets.ok("POST", WIDGETS, widget(f"w{at}")))
    await widgets.ok("DELETE", f"{CRDS}/widgets.example.com")
    await gone(widgets, f"{CRDS}/widgets.example.com")
    assert (await widgets.call("GET", WIDGETS)).code == 404
    await widgets.ok("POST", CRDS, crd())
    assert (await widgets.get(WIDGETS))["items"] == []


async def test_owners_may_be_of_other_kinds(widgets):
    """A config map owned by a widget goes with it; others stay."""
    made = await widgets.ok("POST", WIDGETS, widget("one"))
    body = {"metadata": {"name": "c", "ownerReferences": [owner(made)]}}
    await widgets.ok("POST", CONFIG_MAPS, body)
    await widgets.ok("POST", CONFIG_MAPS, {"metadata": {"name": "free"}})
    await widgets.ok("DELETE", f"{WIDGETS}/one")
    await gone(widgets, f"{CONFIG_MAPS}/c")
    assert (await widgets.call("GET", f"{CONFIG_MAPS}/free")).code == 200


async def test_some_namespaces_are_forever(client):
    """Those every cluster has cannot be deleted."""
    for name in ("default", "kube-system"):
        assert (await client.call("DELETE", f"{NAMESPACES}/{name}")).code == 403


async def test_events_go_an_hour_after_they_were_last_seen(tmp_path):
    """A series that goes on keeps its event; one without any time stays."""
    now = datetime(2026, 1, 1, 12, tzinfo=UTC)
    ages = {"new": timedelta(minutes=59), "old": EVENT_LIFE + timedelta(seconds=1)}
    store = Store(tmp_path / "s.db")
    await store.open()
    async with asyncio.TaskGroup() as group:
        group.create_task(store.run())
        for name, age in ages.items():
            event = {"metadata": {"name": name}, "eventTime": (now - age).isoformat()}
            await store.put(Key("/events", "default", name), event, None)
        series = {"lastObservedTime": (now - ages["new"]).isoformat()}
        again = {"metadata": {}, "eventTime": "2020-01-01T00:00:00Z", "series": series}
        await store.put(Key("/events", "default", "again"), again, None)
        await store.put(Key("/events", "default", "timeless"), {"metadata": {}}, None)
        await EventExpiry(store, clock=lambda: now).sweep()
        store.stop()
    assert [record.key.name for record in store.records("/events")] == ["again", "new", "timeless"]
    await store.close()
