"""Create, read, update, delete over HTTP."""

import base64

import pytest

from .conftest import CONFIG_MAPS, SECRETS, WIDGETS, widget


async def test_an_object_gets_what_the_server_sets(widgets):
    """A created object has uid, resourceVersion, creationTimestamp, generation 1 and defaults."""
    made = await widgets.ok("POST", WIDGETS, widget("a") | {"status": {"phase": "Lie"}})
    meta = made["metadata"]
    assert meta["uid"]
    assert int(meta["resourceVersion"]) > 0
    assert meta["generation"] == 1
    assert meta["namespace"] == "default"
    assert made["spec"]["color"] == "red"
    assert "status" not in made
    assert await widgets.get(f"{WIDGETS}/a") == made


async def test_names_are_unique(widgets):
    """The second object of a name is refused with AlreadyExists."""
    await widgets.ok("POST", WIDGETS, widget("a"))
    reply = await widgets.call("POST", WIDGETS, widget("a"))
    assert (reply.code, reply.body["reason"]) == (409, "AlreadyExists")
    assert reply.body["message"] == 'widgets.example.com "a" already exists'


async def test_generate_name(widgets):
    """With generateName each object gets a name of its own."""
    body = widget("x")
    body["metadata"] = {"generateName": "w-"}
    names = {(await widgets.ok("POST", WIDGETS, body))["metadata"]["name"] for _ in range(5)}
    assert len(names) == 5
    assert all(name.startswith("w-") and len(name) == 7 for name in names)


async def test_missing_things_are_not_found(widgets):
    """Unknown objects, namespaces and kinds answer 404, each with its own name."""
    assert (await widgets.call("GET", f"{WIDGETS}/a")).code == 404
    other = WIDGETS.replace("default", "nowhere")
    reply = await widgets.call("POST", other, widget("a"))
    assert (reply.code, reply.body["message"]) == (404, 'namespaces "nowhere" not found')
    assert (await widgets.call("GET", "/apis/example.com/v1/gadgets")).code == 404
    assert (await widgets.call("GET", "/apis/example.com/v9/widgets")).code == 404


async def test_an_update_needs_the_current_version(widgets):
    """A stale resourceVersion is a Conflict; for custom resources it must be given."""
    made = await widgets.ok("POST", WIDGETS, widget("a"))
    changed = made | {"spec": {"size": 2}}
    newer = await widgets.ok("PUT", f"{WIDGETS}/a", changed)
    assert int(newer["metadata"]["resourceVersion"]) > int(made["metadata"]["resourceVersion"])
    reply = await widgets.call("PUT", f"{WIDGETS}/a", changed)
    assert (reply.code, reply.body["reason"]) == (409, "Conflict")
    reply = await widgets.call("PUT", f"{WIDGETS}/a", widget("a"))
    assert reply.code == 422


async def test_an_update_without_version_is_taken_for_built_in_kinds(client):
    """Config maps may be replaced unconditionally, as on a real server."""
    body = {"metadata": {"name": "a"}, "data": {"k": "1"}}
    await client.ok("POST", CONFIG_MAPS, body)
    body["data"]["k"] = "2"
    assert (await client.ok("PUT", f"{CONFIG_MAPS}/a", body))["data"] == {"k": "2"}


async def test_an_update_that_changes_nothing_writes_nothing(widgets):
    """ResourceVersion and generation stay when the content does."""
    made = await widgets.ok("POST", WIDGETS, widget("a"))
    assert await widgets.ok("PUT", f"{WIDGETS}/a", made) == made


async def test_generation_counts_changes_of_what_is_wanted(widgets):
    """Spec raises the generation; metadata and status do not."""
    made = await widgets.ok("POST", WIDGETS, widget("a"))
    made["metadata"]["labels"] = {"a": "b"}
    labelled = await widgets.ok("PUT", f"{WIDGETS}/a", made)
    assert labelled["metadata"]["generation"] == 1
    status = await widgets.ok("PUT", f"{WIDGETS}/a/status", labelled | {"status": {"phase": "x"}})
    assert status["metadata"]["generation"] == 1
    status["spec"]["size"] = 7
    assert (await widgets.ok("PUT", f"{WIDGETS}/a", status))["metadata"]["generation"] == 2


async def test_status_and_spec_are_written_apart(widgets):
    """Each endpoint ignores the part that is the other's."""
    made = await widgets.ok("POST", WIDGETS, widget("a"))
    body = made | {"spec": {"size": 9}, "status": {"phase": "Up"}}
    body["metadata"] = made["metadata"] | {"labels": {"a": "b"}}
    done = await widgets.ok("PUT", f"{WIDGETS}/a/status", body)
    assert (done["spec"]["size"], done["status"]) == (1, {"phase": "Up"})
    assert "labels" not in done["metadata"]
    done["spec"]["size"], done["status"]["phase"] = 3, "Down"
    done = await widgets.ok("PUT", f"{WIDGETS}/a", done)
    assert (done["spec"]["size"], done["status"]) == (3, {"phase": "Up"})


async def test_finalizers_keep_an_object(widgets):
    """A deletion marks it; it goes with its last finalizer, and gets no new ones."""
    await widgets.ok("POST", WIDGETS, widget("a", finalizers=["example.com/hold"]))
    marked = await widgets.ok("DELETE", f"{WIDGETS}/a")
    assert marked["metadata"]["deletionTimestamp"]
    more = [{"op": "add", "path": "/metadata/finalizers/-", "value": "example.com/more"}]
    reply = await widgets.call("PATCH", f"{WIDGETS}/a", more, kind="application/json-patch+json")
    assert reply.code == 422
    off = {"metadata": {"finalizers": None}}
    last = await widgets.ok("PATCH", f"{WIDGETS}/a", off, kind="application/merge-patch+json")
    assert "finalizers" not in last["metadata"]
    assert (await widgets.call("GET", f"{WIDGETS}/a")).code == 404


async def test_preconditions_of_a_deletion(widgets):
    """A deletion with another uid is a Conflict and deletes nothing."""
    made = await widgets.ok("POST", WIDGETS, widget("a"))
    body = {"preconditions": {"uid": "other"}}
    assert (await widgets.call("DELETE", f"{WIDGETS}/a", body)).code == 409
    body = {"preconditions": {"uid": made["metadata"]["uid"]}}
    status = await widgets.ok("DELETE", f"{WIDGETS}/a", body)
    assert (status["kind"], status["status"]) == ("Status", "Success")


async def test_a_dry_run_leaves_nothing_behind(widgets):
    """dryRun=All answers like the real thing and stores nothing."""
    made = await widgets.ok("POST", WIDGETS, widget("a"), dryRun="All")
    assert made["spec"]["color"] == "red"
    assert (await widgets.call("GET", f"{WIDGETS}/a")).code == 404


async def test_a_collection_is_deleted_by_selector(widgets):
    """Only what is selected goes."""
    await widgets.ok("POST", WIDGETS, widget("a", labels={"x": "1"}))
    await widgets.ok("POST", WIDGETS, widget("b"))
    await widgets.ok("DELETE", WIDGETS, labelSelector="x=1")
    left = await widgets.get(WIDGETS)
    assert [item["metadata"]["name"] for item in left["items"]] == ["b"]


async def test_secrets(client):
    """StringData becomes data, the type is Opaque, and an immutable secret stays as it is."""
    body = {"metadata": {"name": "s"}, "stringData": {"a": "b"}, "immutable": True}
    made = await client.ok("POST", SECRETS, body)
    assert made["data"] == {"a": base64.b64encode(b"b").decode()}
    assert made["type"] == "Opaque"
    assert "stringData" not in made
    made["data"]["a"] = "eA=="
    assert (await client.call("PUT", f"{SECRETS}/s", made)).code == 422


@pytest.mark.parametrize("name", ["UPPER", "-a", "a_b", "a" * 254, "a..b"])
async def test_names_are_checked(client, name):
    """What is no RFC 1123 subdomain is refused with its field."""
    reply = await client.call("POST", CONFIG_MAPS, {"metadata": {"name": name}})
    assert reply.code == 422
    assert reply.body["details"]["causes"][0]["field"] == "metadata.name"


async def test_an_event_is_seen_in_both_groups(client):
    """core/v1 and events.k8s.io/v1 are two views of one event."""
    body = {
        "metadata": {"name": "e"},
        "regarding": {"kind": "Pod", "name": "p", "namespace": "default"},
        "note": "hello",
        "reason": "Why",
        "type": "Normal",
        "eventTime": "2026-01-01T00:00:00.000000Z",
        "reportingController": "c",
        "reportingInstance": "c-0",
        "action": "Look",
    }
    path = "/apis/events.k8s.io/v1/namespaces/default/events"
    made = await client.ok("POST", path, body)
    assert (made["apiVersion"], made["note"]) == ("events.k8s.io/v1", "hello")
    core = await client.get("/api/v1/namespaces/default/events/e")
    assert (core["message"], core["involvedObject"]["name"]) == ("hello", "p")
    found = await client.get("/api/v1/events", fieldSelector="involvedObject.name=p,type=Normal")
    assert len(found["items"]) == 1
    assert not (await client.get("/api/v1/events", fieldSelector="reason!=Why"))["items"]
