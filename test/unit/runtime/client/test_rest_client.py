"""What RestClient sends, and what it makes of the answers."""

import json
from collections import deque
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from metal3.api.authentication_k8s_io import v1 as authenticationv1
from metal3.api.core import v1 as corev1
from metal3.api.meta import v1 as metav1
from metal3.runtime import client as ctrlclient
from metal3.runtime.client import (
    EventType,
    Patch,
    PatchType,
    Preconditions,
    Propagation,
    RestClient,
    Selection,
)
from metal3.runtime.rest import Config, Transport
from metal3.runtime.types import NamespacedName

KEY = NamespacedName("lab", "one")
MAP = b'{"metadata":{"name":"one","namespace":"lab","resourceVersion":"7"},"data":{"a":"1"}}'


class Recorder(Transport):
    """Keeps requests and gives prepared answers."""

    def __init__(self, *answers):
        super().__init__(Config(host="http://unused"))
        self.answers = deque(answers)
        self.sent = []

    async def send(self, request):
        """The next answer; an exception is raised."""
        self.sent.append(request)
        answer = self.answers.popleft()
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, bytes) else json.dumps(answer).encode()

    @asynccontextmanager
    async def stream(self, request, *, lasts):
        """The next answer, as lines."""
        self.sent.append(request)

        async def lines():
            for line in self.answers.popleft():
                yield json.dumps(line).encode()

        yield lines()

    @property
    def last(self):
        """What was sent last: method, path, query, body."""
        request = self.sent[-1]
        body = None if request.body is None else json.loads(request.body)
        return request.method, request.path, dict(request.query), body


def one(**fields):
    """A config map of the lab."""
    return corev1.ConfigMap.named("one", "lab", **fields)


async def test_get_asks_for_one_object():
    """The path names version, namespace, plural and name."""
    server = Recorder(MAP)
    found = await RestClient(server).get(corev1.ConfigMap, KEY)
    assert server.last[:2] == ("GET", "/api/v1/namespaces/lab/configmaps/one")
    assert (found.data, found.kind, found.api_version) == ({"a": "1"}, "ConfigMap", "v1")


async def test_odd_names_stay_names():
    """A question mark starts no query, a colon is usual for RBAC."""
    server = Recorder(MAP)
    await RestClient(server).get(corev1.ConfigMap, NamespacedName("lab", "a?b#c d:e"))
    assert server.last[1] == "/api/v1/namespaces/lab/configmaps/a%3Fb%23c%20d:e"


async def test_cluster_scoped_kinds_and_groups_have_paths_of_their_own():
    """No namespace, and /apis for a named group."""
    server = Recorder(b'{"status":{"authenticated":true}}', b'{"metadata":{"name":"n"}}')
    client = RestClient(server)
    review = authenticationv1.TokenReview(spec=authenticationv1.TokenReviewSpec(token="t"))
    assert (await client.create(review)).status.authenticated
    assert server.last[:2] == ("POST", "/apis/authentication.k8s.io/v1/tokenreviews")
    await client.get(corev1.Node, NamespacedName("", "n"))
    assert server.last[1] == "/api/v1/nodes/n"


async def test_writes_send_the_object_and_who_writes():
    """Create posts to the collection, update puts to the object, status to its endpoint."""
    server = Recorder(MAP, MAP, MAP)
    client = RestClient(server, field_manager="metal3")
    obj = one(data={"a": "2"})
    await client.create(obj, dry_run=True)
    assert server.last == (
        "POST",
        "/api/v1/namespaces/lab/configmaps",
        {"dryRun": "All", "fieldManager": "metal3"},
        obj.to_dict(),
    )
    assert (await client.update(obj)).metadata.resource_version == "7"
    assert server.last[:3] == (
        "PUT",
        "/api/v1/namespaces/lab/configmaps/one",
        {"fieldManager": "metal3"},
    )
    await client.status.update(obj)
    assert server.last[1] == "/api/v1/namespaces/lab/configmaps/one/status"


@pytest.mark.parametrize("kind", [PatchType.MERGE, PatchType.JSON, PatchType.STRATEGIC])
async def test_patches_send_only_the_patch(kind):
    """The object names the target; the media type says how to read the body."""
    server = Recorder(MAP, MAP)
    client = RestClient(server)
    await client.patch(one(data={"not": "sent"}), Patch(kind, [1], field_manager="m", force=True))
    assert server.last[2:] == ({"fieldManager": "m", "force": "true"}, [1])
    assert server.sent[-1].content_type == kind
    await client.subresource("scale").patch(one(), Patch(kind, {}))
    assert server.last[1].endswith("/one/scale")


async def test_what_is_applied_carries_type_and_identity():
    """The server wants them in the body; the rest of the metadata stays."""
    server = Recorder(MAP)
    intent = {"data": {"a": "1"}, "metadata": {"labels": {"x": "y"}}}
    await RestClient(server).patch(one(), Patch(PatchType.APPLY, intent, field_manager="m"))
    assert server.last[3] == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "one", "namespace": "lab", "labels": {"x": "y"}},
        "data": {"a": "1"},
    }


async def test_delete_sends_its_options():
    """Preconditions and propagation go into the body; an empty answer is fine."""
    server = Recorder(b"{}", b"")
    client = RestClient(server)
    wanted = Preconditions(uid="u")
    await client.delete(one(), propagation=Propagation.FOREGROUND, preconditions=wanted)
    assert server.last[3] == {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "propagationPolicy": "Foreground",
        "preconditions": {"uid": "u"},
    }
    await client.delete_all_of(corev1.ConfigMap, namespace="lab", labels={"a": "b"})
    assert server.last[:3] == (
        "DELETE",
        "/api/v1/namespaces/lab/configmaps",
        {"labelSelector": "a=b"},
    )


@pytest.mark.parametrize(
    "request_",
    [
        lambda c: c.create(corev1.ConfigMap.named("one")),
        lambda c: c.get(corev1.ConfigMap, NamespacedName("", "one")),
        lambda c: c.get(corev1.ConfigMap, NamespacedName("lab", "")),
        lambda c: c.create(corev1.Namespace.named("one", "lab")),
        lambda c: c.delete_all_of(corev1.ConfigMap),
        lambda c: c.get(corev1.Secret, NamespacedName("lab", "../../nodes/n")),
        lambda c: c.get(corev1.Secret, NamespacedName("..", "one")),
        lambda c: c.get(corev1.Secret, NamespacedName("lab", "a%2fb")),
    ],
)
async def test_incomplete_identities_are_refused_before_they_are_sent(request_):
    """A missing or crafted name must not turn a request into one for something else."""
    server = Recorder()
    with pytest.raises(ctrlclient.BadRequestError):
        await request_(RestClient(server))
    assert server.sent == []


def page(*names, token="", version="9"):
    """One page of a list."""
    return {
        "metadata": {"resourceVersion": version, "continue": token},
        "items": [{"metadata": {"name": name, "namespace": "lab"}} for name in names],
    }


async def test_lists_read_all_pages():
    """Selectors are sent with every page, and escaped."""
    server = Recorder(page("a", "b", token="t"), page("c"))
    found = await RestClient(server).list(
        corev1.ConfigMap, labels="x in (1,2)", fields={"spec.a": "b,c"}
    )
    assert [obj.metadata.name for obj in found.items] == ["a", "b", "c"]
    assert found.resource_version == "9"
    assert found.items[0].kind == "ConfigMap"
    assert server.last == (
        "GET",
        "/api/v1/configmaps",
        {
            "labelSelector": "x in (1,2)",
            "fieldSelector": "spec.a=b\\,c",
            "limit": "500",
            "continue": "t",
        },
        None,
    )


async def test_a_list_whose_revision_is_forgotten_is_read_at_once():
    """Nothing is missing and nothing is twice."""
    expired = ctrlclient.ExpiredError("too old")
    server = Recorder(page("a", "b", token="t"), expired, page("a", "c"))
    found = await RestClient(server).list(corev1.ConfigMap)
    assert [obj.metadata.name for obj in found.items] == ["a", "c"]
    assert "limit" not in server.last[2]


async def test_with_a_limit_there_is_one_page():
    """The caller goes on with the token."""
    server = Recorder(page("a", token="t"))
    found = await RestClient(server).list(corev1.ConfigMap, limit=1)
    assert (found.continue_token, len(server.sent)) == ("t", 1)


SECRET = "s3cr3t"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"metadata": {"name": "one"}, "data": [SECRET]}, r"Secret one: data: "),
        (
            {"metadata": {"name": "a", "labels": {"x": {"y": SECRET}}}},
            r"Secret a: metadata\.labels",
        ),
        ({"metadata": SECRET}, r"Secret \(without a name\): metadata"),
        (b"[]", "Secret"),
        (SECRET.encode(), "Secret"),
    ],
)
async def test_an_answer_that_does_not_fit_names_the_field_and_no_value(body, message):
    """DecodeError says which object and where, never what was there."""
    with pytest.raises(ctrlclient.DecodeError, match=message) as caught:
        await RestClient(Recorder(body)).get(corev1.Secret, KEY)
    assert SECRET not in str(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"items":7}'])
async def test_a_list_that_is_none_is_a_decode_error(body):
    """Whatever a proxy may answer."""
    with pytest.raises(ctrlclient.DecodeError, match="list of ConfigMap"):
        await RestClient(Recorder(body)).list(corev1.ConfigMap)


async def test_watches_deliver_typed_events_and_bookmarks():
    """The query asks for bookmarks and a bounded time."""
    events = [
        {"type": "ADDED", "object": json.loads(MAP)},
        {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "8"}}},
    ]
    server = Recorder(events)
    async with RestClient(server).watch(
        corev1.ConfigMap, namespace="lab", resource_version="5"
    ) as stream:
        told = [(e.type, e.object.metadata.resource_version) async for e in stream]
    assert told == [(EventType.ADDED, "7"), (EventType.BOOKMARK, "8")]
    assert server.last[2] == {
        "watch": "true",
        "allowWatchBookmarks": "true",
        "timeoutSeconds": "300",
        "resourceVersion": "5",
    }


async def test_streaming_lists_are_asked_for_as_the_server_wants():
    """Initial events need a match of the revision."""
    server = Recorder([])
    async with RestClient(server).stream(
        corev1.ConfigMap, Selection(), timeout=timedelta(seconds=7), initial_events=True
    ) as events:
        assert [event async for event in events] == []
    query = server.last[2]
    assert query["sendInitialEvents"] == "true"
    assert query["resourceVersionMatch"] == "NotOlderThan"
    assert query["timeoutSeconds"] == "7"


@pytest.mark.parametrize(
    ("event", "error"),
    [
        ({"type": "ERROR", "object": {"code": 410, "reason": "Expired"}}, ctrlclient.ExpiredError),
        ({"type": "ERROR", "object": {}}, ctrlclient.InternalServerError),
        ({"type": "ODD", "object": {}}, ctrlclient.DecodeError),
        ({"type": "ADDED"}, ctrlclient.DecodeError),
        ([], ctrlclient.DecodeError),
        ({"type": "ADDED", "object": {"metadata": 7}}, ctrlclient.DecodeError),
    ],
)
async def test_trouble_in_a_stream_is_raised(event, error):
    """An error event has its class, an event that is none does not pass."""
    with pytest.raises(error):
        async with RestClient(Recorder([event])).watch(corev1.ConfigMap) as events:
            await anext(events)


async def test_unstructured_kinds_are_looked_up():
    """A kind without a plural is found through discovery, also from the object alone."""
    resources = {"resources": [{"name": "widgets", "namespaced": True, "kind": "Widget"}]}
    widget = {"metadata": {"name": "w", "namespace": "lab"}, "spec": {"a": [1]}}
    server = Recorder(resources, widget, b"{}")
    client = RestClient(server)
    kind = metav1.Unstructured.of(metav1.GroupVersionKind("test.example", "v1", "Widget"), "")
    found = await client.get(kind, NamespacedName("lab", "w"))
    assert found.to_dict()["spec"] == {"a": [1]}
    plain = metav1.Unstructured(
        api_version="test.example/v1",
        kind="Widget",
        metadata=metav1.ObjectMeta(name="w", namespace="lab"),
    )
    await client.delete(plain)
    assert server.last[1] == "/apis/test.example/v1/namespaces/lab/widgets/w"
    with pytest.raises(ValueError, match="which kind"):
        await client.get(metav1.Unstructured, KEY)


async def test_the_server_says_its_version():
    """As kubectl version shows it."""
    server = Recorder({"major": "1", "minor": "36", "gitVersion": "v1.36.3", "platform": "l/a"})
    version = await RestClient(server).server_version()
    assert (version.git_version, version.minor) == ("v1.36.3", "36")
