"""Structural schemas: what is refused, dropped and filled in."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metal3.apiserver.schema import apply_defaults, compile_schema, prune, validate

from .conftest import SCHEMA, WIDGETS, crd, widget

NODE = compile_schema(SCHEMA)


def causes(value, schema):
    """Return the reasons and fields of a refusal."""
    return [(c["reason"], c["field"]) for c in validate(value, compile_schema(schema))]


ONE = {"type": "object", "properties": {"x": {}}}


def refused(schema, value):
    """Tell the reason why the field x is refused, or None."""
    found = causes({"x": value}, {"type": "object", "properties": {"x": schema}})
    assert all(field.startswith("x") for _, field in found)
    return found[0][0] if found else None


INVALID, TYPE = "FieldValueInvalid", "FieldValueTypeInvalid"


@pytest.mark.parametrize(
    ("schema", "good", "bad", "reason"),
    [
        ({"type": "string"}, "a", 1, TYPE),
        ({"type": "integer"}, 1, 1.5, TYPE),
        ({"type": "integer"}, 1.0, "1", TYPE),
        ({"type": "integer"}, 0, True, TYPE),
        ({"type": "number"}, 1.5, "1", TYPE),
        ({"type": "boolean"}, True, 1, TYPE),
        ({"type": "array", "items": {"type": "string"}}, ["a"], "a", TYPE),
        ({"type": "array", "items": {"type": "string"}}, [], ["a", 1], TYPE),
        ({"type": "object"}, {}, [], TYPE),
        ({"type": "string"}, "", None, TYPE),
        ({"type": "string", "nullable": True}, None, 1, TYPE),
        ({"x-kubernetes-int-or-string": True}, "5%", 1.5, TYPE),
        ({"x-kubernetes-int-or-string": True}, 5, True, TYPE),
        ({"type": "string", "enum": ["a", "b"]}, "b", "c", "FieldValueNotSupported"),
        ({"type": "integer", "enum": [1]}, 1, 2, "FieldValueNotSupported"),
        ({"type": "string", "pattern": "^a+$"}, "aa", "b", INVALID),
        ({"type": "string", "pattern": "^a+$"}, "aa", "aa\n", INVALID),
        ({"type": "string", "pattern": "b"}, "abc", "ac", INVALID),
        ({"type": "string", "minLength": 2}, "ab", "a", INVALID),
        ({"type": "string", "maxLength": 2}, "é€", "abc", "FieldValueTooLong"),
        ({"type": "integer", "minimum": 2}, 2, 1, INVALID),
        ({"type": "integer", "minimum": 2, "exclusiveMinimum": True}, 3, 2, INVALID),
        ({"type": "integer", "maximum": 2}, 2, 3, INVALID),
        ({"type": "integer", "maximum": 2, "exclusiveMaximum": True}, 1, 2, INVALID),
        ({"type": "number", "multipleOf": 0.1}, 0.3, 0.35, INVALID),
        ({"type": "integer", "format": "int32"}, 2**31 - 1, 2**31, INVALID),
        ({"type": "array", "minItems": 1}, [1], [], INVALID),
        ({"type": "array", "maxItems": 1}, [1], [1, 2], "FieldValueTooMany"),
        ({"type": "array", "uniqueItems": True}, [1, 2], [1, 1], "FieldValueDuplicate"),
        (
            {"type": "array", "x-kubernetes-list-type": "set"},
            [{"a": 1}, {"a": 2}],
            [{"a": 1}, {"a": 1}],
            "FieldValueDuplicate",
        ),
        (
            {
                "type": "array",
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["n"],
            },
            [{"n": 1}, {"n": 2}],
            [{"n": 1, "z": 1}, {"n": 1}],
            "FieldValueDuplicate",
        ),
        ({"type": "object", "minProperties": 1}, {"a": 1}, {}, INVALID),
        ({"type": "object", "maxProperties": 1}, {"a": 1}, {"a": 1, "b": 1}, "FieldValueTooMany"),
        ({"type": "object", "required": ["a"]}, {"a": None}, {}, "FieldValueRequired"),
        (
            {"type": "object", "additionalProperties": {"type": "string"}},
            {"a": "b"},
            {"a": 1},
            TYPE,
        ),
        ({"allOf": [{"minimum": 2}, {"maximum": 4}]}, 3, 5, INVALID),
        ({"anyOf": [{"minimum": 4}, {"maximum": 2}]}, 5, 3, INVALID),
        ({"oneOf": [{"minimum": 2}, {"maximum": 4}]}, 5, 3, INVALID),
        ({"not": {"minimum": 2}}, 1, 3, INVALID),
        ({"type": "string", "format": "date-time"}, "2026-01-01T00:00:00Z", "now", INVALID),
        ({"type": "string", "format": "byte"}, "YQ==", "?", INVALID),
        ({"type": "string", "format": "ipv4"}, "10.0.0.1", "10.0.0.256", INVALID),
        ({"type": "string", "format": "ipv6"}, "::1", "10.0.0.1", INVALID),
        ({"type": "string", "format": "cidr"}, "10.0.0.0/8", "10.0.0.0", INVALID),
        (
            {"type": "string", "format": "uuid"},
            "00000000-0000-0000-0000-000000000000",
            "0",
            INVALID,
        ),
        ({"type": "string", "format": "uri"}, "http://a", "a", INVALID),
        ({"type": "string", "format": "mac"}, "00:11:22:33:44:55", "00:11", INVALID),
        ({"type": "string", "format": "what-ever"}, "a", 1, TYPE),
        (
            {"type": "object", "x-kubernetes-embedded-resource": True},
            {"apiVersion": "v1", "kind": "X"},
            {"kind": "X"},
            "FieldValueRequired",
        ),
    ],
)
def test_rules(schema, good, bad, reason):
    """Each rule lets the good value pass and names the reason why the bad one does not."""
    assert refused(schema, good) is None
    assert refused(schema, bad) == reason


def test_paths_lead_to_the_field():
    """Causes name the way through objects and lists."""
    schema = {
        "type": "object",
        "properties": {
            "a": {
                "type": "array",
                "items": {"type": "object", "properties": {"b": {"type": "string"}}},
            }
        },
    }
    assert causes({"a": [{}, {"b": 1}]}, schema) == [(TYPE, "a[1].b")]


def test_pruning_keeps_what_is_known_or_free():
    """Unknown fields go, with their paths reported; free-form ones stay."""
    obj = {
        "kind": "Widget",
        "metadata": {"x": 1},
        "spec": {"size": 1, "bogus": 1, "parts": [{"name": "a", "extra": 1}], "free": {"a": [1]}},
        "more": 1,
    }
    assert sorted(prune(obj, NODE, root=True)) == ["more", "spec.bogus", "spec.parts[0].extra"]
    assert obj["spec"] == {"size": 1, "parts": [{"name": "a"}], "free": {"a": [1]}}
    assert obj["metadata"] == {"x": 1}


def test_nulls():
    """Null is dropped where it is not allowed, replaced where there is a default, kept else."""
    obj = {"spec": {"size": None, "color": None, "maybe": None}}
    apply_defaults(obj, NODE)
    assert obj == {"spec": {"color": "red", "maybe": None}}


def test_defaults_reach_into_defaults():
    """A default object gets the defaults of its own fields; absent objects get none."""
    inner = {"type": "object", "properties": {"b": {"type": "integer", "default": 1}}}
    schema = {"type": "object", "properties": {"a": {**inner, "default": {}}, "c": inner}}
    obj: dict[str, object] = {}
    apply_defaults(obj, compile_schema(schema))
    assert obj == {"a": {"b": 1}}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text("ab", max_size=2),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["spec", "size", "color", "parts", "name", "free", "zzz"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)


@given(st.dictionaries(st.sampled_from(["spec", "status", "metadata", "zzz"]), JSON))
def test_pruning_and_defaulting_are_settled_after_once(obj):
    """Doing either again changes nothing, and pruned objects have nothing unknown."""
    prune(obj, NODE, root=True)
    apply_defaults(obj, NODE)
    once = copy.deepcopy(obj)
    assert prune(obj, NODE, root=True) == []
    apply_defaults(obj, NODE)
    assert obj == once


async def test_a_refusal_names_all_fields(widgets):
    """422 Invalid, with one cause per field, in the details and in the message."""
    reply = await widgets.call("POST", WIDGETS, widget("a", {"size": 0, "color": "blue"}))
    assert (reply.code, reply.body["reason"]) == (422, "Invalid")
    fields = {cause["field"] for cause in reply.body["details"]["causes"]}
    assert fields == {"spec.size", "spec.color"}
    assert reply.body["message"].startswith('Widget.example.com "a" is invalid: [')


@pytest.mark.parametrize(("mode", "code"), [("Strict", 400), ("Warn", 201), ("Ignore", 201)])
async def test_field_validation(widgets, mode, code):
    """Unknown and duplicate fields are refused, warned of, or passed over."""
    body = (
        b'{"apiVersion":"example.com/v1","kind":"Widget","metadata":{"name":"a"},'
        b'"spec":{"size":1,"size":2,"bogus":1}}'
    )
    reply = await widgets.call("POST", WIDGETS, body, fieldValidation=mode)
    assert reply.code == code
    told = reply.headers.get("Warning", "") + str(reply.body.get("message"))
    assert ("duplicate field" in told) is (mode != "Ignore")
    if code == 201:
        assert "bogus" not in reply.body["spec"]


async def test_defaults_appear_on_old_objects(widgets):
    """A default that is added later is seen when reading what was stored before."""
    await widgets.ok("POST", WIDGETS, widget("a"))
    changed = copy.deepcopy(SCHEMA)
    changed["properties"]["spec"]["properties"]["later"] = {"type": "string", "default": "yes"}
    definition = crd(schema={"openAPIV3Schema": changed})
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.example.com"
    patch = {"spec": {"versions": definition["spec"]["versions"]}}
    await widgets.ok("PATCH", path, patch, kind="application/merge-patch+json")
    assert (await widgets.get(f"{WIDGETS}/a"))["spec"]["later"] == "yes"


@pytest.mark.parametrize(
    ("version", "field"),
    [
        ({"schema": {}}, "spec.versions[0].schema.openAPIV3Schema"),
        ({"storage": False}, "spec.versions"),
        (
            {"schema": {"openAPIV3Schema": {"type": "object", "properties": {"a": {}}}}},
            "spec.versions[0].schema.openAPIV3Schema.properties[a].type",
        ),
        (
            {"schema": {"openAPIV3Schema": {"type": "object", "pattern": "("}}},
            "spec.versions[0].schema.openAPIV3Schema",
        ),
    ],
)
async def test_definitions_are_checked(client, version, field):
    """A definition that cannot work is refused with the place of the mistake."""
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    reply = await client.call("POST", path, crd(**version))
    assert reply.code == 422
    assert reply.body["details"]["causes"][0]["field"] == field
