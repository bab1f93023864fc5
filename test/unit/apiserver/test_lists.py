"""Lists: order, pages, selectors, resource versions, other forms."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metal3.apiserver.jsonvalue import Obj
from metal3.apiserver.present import JSONPath
from metal3.apiserver.selectors import label_selector, parse_fields, parse_labels

from .conftest import CONFIG_MAPS, WIDGETS, crd, widget

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
PARTIAL = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json"


def names(listed: Obj) -> list[str]:
    """Return the names of a list."""
    return [item["metadata"]["name"] for item in listed["items"]]


async def make(client, *wanted):
    """Create config maps."""
    for name in wanted:
        await client.ok("POST", CONFIG_MAPS, {"metadata": {"name": name}})


async def test_pages_show_one_moment(client):
    """What changes between two pages does not show in the second."""
    await make(client, "a", "b", "c", "d")
    first = await client.get(CONFIG_MAPS, limit="2")
    assert names(first) == ["a", "b"]
    assert first["metadata"]["remainingItemCount"] == 2
    await make(client, "bb", "e")
    await client.ok("DELETE", f"{CONFIG_MAPS}/c")
    token = first["metadata"]["continue"]
    second = await client.get(CONFIG_MAPS, limit="2", **{"continue": token})
    assert names(second) == ["c", "d"]
    assert second["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
    assert "continue" not in second["metadata"]


async def test_the_past_can_be_listed(client):
    """resourceVersionMatch=Exact shows the collection as it was."""
    await make(client, "a")
    then = (await client.get(CONFIG_MAPS))["metadata"]["resourceVersion"]
    await make(client, "b")
    past = await client.get(CONFIG_MAPS, resourceVersion=then, resourceVersionMatch="Exact")
    assert names(past) == ["a"]
    now = await client.get(CONFIG_MAPS, resourceVersion=then, resourceVersionMatch="NotOlderThan")
    assert names(now) == ["a", "b"]


async def test_the_future_cannot_be_listed(client):
    """A version nobody has seen yet is a timeout with a cause that clients know."""
    reply = await client.call("GET", CONFIG_MAPS, resourceVersion="999999")
    assert reply.code == 504
    assert reply.body["details"]["causes"][0]["reason"] == "ResourceVersionTooLarge"


async def test_wrong_queries_are_refused(client):
    """Each with 400, none with 500."""
    for query in (
        {"labelSelector": "a in b"},
        {"labelSelector": "a=b=c"},
        {"labelSelector": "!"},
        {"fieldSelector": "spec.x=1"},
        {"fieldSelector": "nonsense"},
        {"limit": "x"},
        {"continue": "???"},
        {"continue": "e30"},
        {"resourceVersion": "x"},
        {"resourceVersion": "1", "resourceVersionMatch": "Never"},
        {"watch": "true", "timeoutSeconds": "x"},
        {"watch": "true", "sendInitialEvents": "true"},
    ):
        reply = await client.call("GET", CONFIG_MAPS, **query)
        assert (reply.code, reply.body["kind"]) == (400, "Status"), query


async def test_a_table(widgets):
    """Columns come from the definition, cells from JSONPath; rows carry the metadata."""
    await widgets.ok("POST", WIDGETS, widget("a", {"size": 4}))
    status = {"status": {"conditions": [{"type": "X"}, {"type": "Ready", "status": "True"}]}}
    kind = "application/merge-patch+json"
    await widgets.ok("PATCH", f"{WIDGETS}/a/status", status, kind=kind)
    table = await widgets.get(WIDGETS, headers={"Accept": TABLE})
    assert (table["kind"], table["apiVersion"]) == ("Table", "meta.k8s.io/v1")
    assert [c["name"] for c in table["columnDefinitions"]] == ["Name", "Size", "Ready"]
    row = table["rows"][0]
    assert row["cells"] == ["a", 4, "True"]
    assert row["object"]["kind"] == "PartialObjectMetadata"
    whole = await widgets.get(WIDGETS, headers={"Accept": TABLE}, includeObject="Object")
    assert whole["rows"][0]["object"]["spec"]["size"] == 4


async def test_a_column_that_cannot_be_read_stays_empty(client):
    """The definition is accepted, as on a real server."""
    columns = [{"name": "x", "type": "string", "jsonPath": ".a[("}]
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    await client.ok("POST", path, crd(additionalPrinterColumns=columns))
    await client.ok("POST", WIDGETS, widget("a"))
    table = await client.get(WIDGETS, headers={"Accept": TABLE})
    assert table["rows"][0]["cells"] == ["a", None]


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (".a.b", [1]),
        ("{.a.b}", [1]),
        ("$.a['b']", [1]),
        (".a['x.y']", [2]),
        (r".a.x\.y", [2]),
        (".l[0].n", ["p"]),
        (".l[-1].n", ["q"]),
        (".l[7].n", []),
        (".l[*].n", ["p", "q"]),
        (".l[?(@.n=='q')].v", [False]),
        ('.l[?(@.n!="q")].v', [5]),
        (".l[?(@.v>4)].n", ["p"]),
        (".l[?(@.v)].n", ["p", "q"]),
        (".none.at.all", []),
        (".a.*", [1, 2]),
    ],
)
def test_paths(path, found):
    """Keys, indexes, wildcards and filters, as printer columns use them."""
    obj = {"a": {"b": 1, "x.y": 2}, "l": [{"n": "p", "v": 5}, {"n": "q", "v": False}]}
    assert JSONPath(path).find(obj) == found


async def test_metadata_alone(client):
    """PartialObjectMetadataList leaves everything else out."""
    await client.ok("POST", CONFIG_MAPS, {"metadata": {"name": "a"}, "data": {"k": "v"}})
    listed = await client.get(CONFIG_MAPS, headers={"Accept": PARTIAL})
    assert listed["kind"] == "PartialObjectMetadataList"
    assert set(listed["items"][0]) == {"kind", "apiVersion", "metadata"}


async def test_all_namespaces(client):
    """A list without namespace goes over all, in order."""
    await client.ok("POST", "/api/v1/namespaces", {"metadata": {"name": "apple"}})
    await make(client, "z")
    path = "/api/v1/namespaces/apple/configmaps"
    await client.ok("POST", path, {"metadata": {"name": "b"}})
    assert names(await client.get("/api/v1/configmaps")) == ["b", "z"]


async def test_large_lists_are_compressed(client):
    """For those who accept it, and then they read the same."""
    body = {"metadata": {"name": "big"}, "data": {"k": "x" * 300_000}}
    await client.ok("POST", CONFIG_MAPS, body)
    reply = await client.call("GET", CONFIG_MAPS, headers={"Accept-Encoding": "gzip"})
    assert reply.headers["Content-Encoding"] == "gzip"
    assert len(reply.body["items"][0]["data"]["k"]) == 300_000


@settings(deadline=None, max_examples=15, suppress_health_check=list(HealthCheck))
@given(count=st.integers(0, 12), limit=st.integers(1, 5))
async def test_pages_add_up_to_the_list(client, count, limit):
    """However a list is cut, its pages together are the whole, each name once and in order."""
    path = "/api/v1/namespaces"
    namespace = f"n{count}-{limit}"
    await client.call("POST", path, {"metadata": {"name": namespace}})
    maps = f"{path}/{namespace}/configmaps"
    for at in range(count):
        await client.call("POST", maps, {"metadata": {"name": f"c{at:02}"}})
    found, token = [], ""
    while True:
        more = {"continue": token} if token else {}
        page = await client.get(maps, limit=str(limit), **more)
        assert len(page["items"]) <= limit
        found += names(page)
        token = page["metadata"].get("continue", "")
        if not token:
            break
    assert found == names(await client.get(maps)) == [f"c{at:02}" for at in range(count)]


KEYS = st.sampled_from(["a", "b", "example.com/c"])
VALUES = st.sampled_from(["", "1", "2", "x-y"])
LABELS = st.dictionaries(KEYS, VALUES)


@given(LABELS, KEYS, st.lists(VALUES, min_size=1))
def test_in_and_notin_are_opposites(labels, key, values):
    """Each set of labels passes one of the two, whichever way the selector is written."""
    inside = parse_labels(f"{key} in ({','.join(values)})")
    outside = parse_labels(f"{key} notin ({', '.join(values)})")
    assert inside is not None
    assert outside is not None
    assert inside(labels) is not outside(labels)
    assert inside(labels) is (labels.get(key) in values)
    as_object = {"matchExpressions": [{"key": key, "operator": "In", "values": values}]}
    assert label_selector(as_object)(labels) is inside(labels)


@given(LABELS)
def test_labels_select_themselves(labels):
    """A selector written from an object's labels selects it; the negation of any part does not."""
    everything = ",".join(f"{key}={value}" for key, value in labels.items())
    test = parse_labels(everything)
    assert test is None or test(labels)
    for key, value in labels.items():
        negated = parse_labels(f"{everything},{key}!={value}")
        assert negated is not None
        assert not negated(labels)
        assert label_selector({"matchLabels": labels})(labels)


@given(st.dictionaries(st.sampled_from(["a.b", "c"]), st.text(max_size=5)))
def test_field_selectors_escape(fields):
    r"""Commas, equal signs and backslashes pass through, escaped by a backslash."""
    escaped = {
        key: value.replace("\\", "\\\\").replace(",", "\\,").replace("=", "\\=")
        for key, value in fields.items()
    }
    text = ",".join(f"{key}={value}" for key, value in escaped.items())
    assert parse_fields(text) == [(key, value, True) for key, value in fields.items()]
