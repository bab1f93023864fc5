"""Any object that a schema allows survives the models unchanged, to the byte.

The objects are drawn from the CRDs themselves, with fields no schema knows mixed in.
"""

import json
import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api

BASES = Path(__file__).parents[3] / "config/crd/bases"
Json = dict[str, Any]

TEXT = st.text(string.ascii_letters + string.digits + ' -./:é✓"\\', max_size=8)
KEYS = st.text(string.ascii_letters, min_size=1, max_size=6)
TIMES = st.sampled_from(
    ["2026-01-02T03:04:05Z", "2026-01-02T03:04:05.000006+01:00", "0001-01-01T00:00:00Z"]
)
INT64 = st.integers(-(2**63), 2**63 - 1)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
LEAF = st.none() | st.booleans() | INT64 | FLOATS | TEXT
ANYTHING = st.recursive(
    LEAF,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=2),
    max_leaves=4,
)
# What no schema knows; some are named like Python attributes of the models.
UNKNOWN = st.dictionaries(
    st.sampled_from(
        ["xUnknown", "error_type", "to_dict", "required_fields", "boot_mode", "schema_"]
    ),
    ANYTHING,
    max_size=1,
)


def values(schema: Json) -> st.SearchStrategy[Any]:
    """What the schema allows, and null where it is allowed."""
    found = values_of_type(schema)
    return st.none() | found if schema.get("nullable") else found


def values_of_type(schema: Json) -> st.SearchStrategy[Any]:
    """What the schema allows, null apart."""
    if schema.get("x-kubernetes-int-or-string"):
        return INT64 | TEXT
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    return BY_TYPE[schema.get("type", "")](schema)


def integers(schema: Json) -> st.SearchStrategy[int]:
    """Whole numbers in the schema's range."""
    return st.integers(schema.get("minimum", -(2**63)), schema.get("maximum", 2**63 - 1))


def arrays(schema: Json) -> st.SearchStrategy[list[Any]]:
    """Lists as short as the schema allows, and one longer."""
    low = schema.get("minItems", 0)
    return st.lists(values(schema["items"]), min_size=low, max_size=low + 1)


def texts(schema: Json) -> st.SearchStrategy[str]:
    """Strings that match the pattern, and times where times are due."""
    if schema.get("format") == "date-time":
        return TIMES
    if "pattern" in schema:
        alphabet = st.characters(max_codepoint=127)
        return st.from_regex(schema["pattern"], fullmatch=True, alphabet=alphabet).filter(
            lambda text: len(text) <= schema.get("maxLength", 1000)
        )
    return TEXT.filter(lambda text: len(text) >= schema.get("minLength", 0))


def objects(schema: Json) -> st.SearchStrategy[Json]:
    """Objects with all required fields, some of the others, and unknown ones."""
    inside = schema.get("additionalProperties")
    if "properties" not in schema:
        return st.dictionaries(
            KEYS, values(inside) if isinstance(inside, dict) else ANYTHING, max_size=2
        )
    required = set(schema.get("required", []))
    fields = {key: values(value) for key, value in schema["properties"].items()}
    known = st.fixed_dictionaries(
        {key: value for key, value in fields.items() if key in required},
        optional={key: value for key, value in fields.items() if key not in required},
    )
    return st.builds(lambda extra, body: {**extra, **body}, UNKNOWN, known)


BY_TYPE: dict[str, Callable[[Json], st.SearchStrategy[Any]]] = {
    "": lambda _: ANYTHING,
    "string": texts,
    "integer": integers,
    "number": lambda _: FLOATS | INT64,
    "boolean": lambda _: st.booleans(),
    "array": arrays,
    "object": objects,
}

METADATA = st.fixed_dictionaries(
    {"name": KEYS},
    optional={
        "namespace": KEYS,
        "generateName": KEYS,
        "uid": TEXT,
        "resourceVersion": TEXT,
        "generation": INT64,
        "creationTimestamp": TIMES,
        "deletionTimestamp": TIMES,
        "labels": st.dictionaries(KEYS, TEXT, max_size=2),
        "annotations": st.dictionaries(KEYS, TEXT, max_size=2),
        "finalizers": st.lists(TEXT, max_size=2),
        "ownerReferences": st.lists(
            st.fixed_dictionaries(
                {"apiVersion": TEXT, "kind": TEXT, "name": TEXT, "uid": TEXT},
                optional={"controller": st.booleans(), "blockOwnerDeletion": st.booleans()},
            ),
            max_size=2,
        ),
        "managedFields": st.lists(st.dictionaries(KEYS, ANYTHING, max_size=2), max_size=1),
        "selfLink": TEXT,
    },
)


def objects_of(kind: type[metav1.Object]) -> st.SearchStrategy[Json]:
    """Whole objects of a kind, as a server would send them."""
    path = BASES / f"{kind.gvk.group}_{kind.plural}.yaml"
    crd = yaml.safe_load(path.read_text(encoding="utf-8"))
    (schema,) = (
        version["schema"]["openAPIV3Schema"]
        for version in crd["spec"]["versions"]
        if version["name"] == kind.gvk.version
    )
    typed = {"apiVersion": st.just(kind.gvk.api_version), "kind": st.just(kind.gvk.kind)}
    parts = {k: values(v) for k, v in schema["properties"].items() if k in {"spec", "status"}}
    return st.fixed_dictionaries({**typed, "metadata": METADATA}, optional=parts)


def canonical(value: Json | bytes) -> str:
    """JSON text with sorted keys."""
    plain = json.loads(value) if isinstance(value, bytes) else value
    return json.dumps(plain, sort_keys=True)


@pytest.mark.parametrize("kind", metal3api.KINDS, ids=lambda k: k.gvk.kind)
@given(data=st.data())
# Shrinking objects this large takes minutes and finds what the message already shows.
@settings(max_examples=30, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
def test_any_valid_object_round_trips(kind: type[metav1.Object], data: st.DataObject) -> None:
    """Decoded from JSON or from a dict, copied, and encoded: the same text comes out."""
    given_object = data.draw(objects_of(kind))
    text = canonical(given_object)

    decoded = kind.from_json(text)
    assert canonical(decoded.to_json()) == text
    assert canonical(decoded.to_dict()) == text
    assert canonical(kind.from_dict(given_object).to_dict()) == text
    assert canonical(decoded.deep_copy().to_dict()) == text
