"""Every CRD file against the rules a kube-apiserver checks when a CRD is created.

Source of the rules: Kubernetes documentation, "Extend the Kubernetes API with
CustomResourceDefinitions", section "Specifying a structural schema".
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

BASES = Path(__file__).parents[3] / "config/crd/bases"
FILES = sorted(BASES.glob("*.yaml"))

JSON_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}
ONLY_OF = {
    "string": {"pattern", "minLength", "maxLength"},
    "integer": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"},
    "number": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"},
    "boolean": set(),
    "array": {"items", "minItems", "maxItems", "x-kubernetes-list-type"}
    | {"x-kubernetes-list-map-keys"},
    "object": {"properties", "required", "additionalProperties", "minProperties"}
    | {"maxProperties", "x-kubernetes-map-type", "x-kubernetes-embedded-resource"},
}
OF_ANY = {"type", "description", "title", "enum", "default", "nullable", "format", "example"} | {
    *("allOf", "anyOf", "oneOf", "not", "x-kubernetes-preserve-unknown-fields"),
    *("x-kubernetes-int-or-string", "x-kubernetes-validations"),
}
LOGIC_MUST_NOT_SAY = {"description", "type", "default", "additionalProperties", "nullable"}


def nodes(schema: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema that describes a value of its own, with its path."""
    yield path, schema
    for key, value in schema.get("properties", {}).items():
        if (path, key) != ("", "metadata"):
            yield from nodes(value, f"{path}.{key}")
    if "items" in schema:
        yield from nodes(schema["items"], f"{path}[]")
    if isinstance(schema.get("additionalProperties"), dict):
        yield from nodes(schema["additionalProperties"], f"{path}.*")


def problems(schema: dict[str, Any]) -> Iterator[str]:
    """What a kube-apiserver would refuse in this schema alone, or we do not want in ours."""
    if not schema.get("description"):
        yield "has no description"
    if schema.get("x-kubernetes-int-or-string"):
        if "type" in schema:
            yield "int-or-string must have no type"
        return
    kind = schema.get("type")
    if kind not in ONLY_OF:
        if not schema.get("x-kubernetes-preserve-unknown-fields"):
            yield f"type is {kind!r}"
        return
    if unknown := schema.keys() - OF_ANY - ONLY_OF[kind]:
        yield f"{sorted(unknown)} not allowed on type {kind}"
    yield from problems_of_containers(schema)
    yield from problems_of_values(schema)
    yield from problems_of_logic(schema)


def problems_of_containers(schema: dict[str, Any]) -> Iterator[str]:
    """Objects and arrays: one way to say what is inside, and keys that exist."""
    if "properties" in schema and "additionalProperties" in schema:
        yield "has properties and additionalProperties"
    if schema["type"] == "array" and not isinstance(schema.get("items"), dict):
        yield "array without items"
    if missing := set(schema.get("required", [])) - set(schema.get("properties", {})):
        yield f"requires {sorted(missing)}, which it does not have"
    keys = set(schema.get("x-kubernetes-list-map-keys", []))
    if (schema.get("x-kubernetes-list-type") == "map") is not bool(keys):
        yield "list type map and map keys go together"
    inside = schema.get("items", {}).get("properties", {})
    if any(
        "default" not in inside[k] for k in keys - set(schema.get("items", {}).get("required", []))
    ):
        yield "map keys must be required or have a default"


def problems_of_values(schema: dict[str, Any]) -> Iterator[str]:
    """Values written in the schema fit it."""
    if "pattern" in schema:
        re.compile(schema["pattern"])
    types = JSON_TYPES[schema["type"]]
    given = [*schema.get("enum", []), *([schema["default"]] if "default" in schema else [])]
    if any(type(value) not in types for value in given):
        yield f"one of {given} is no {schema['type']}"
    if "default" in schema and schema["default"] not in schema.get("enum", [schema["default"]]):
        yield "default is none of the enum's values"


def problems_of_logic(schema: dict[str, Any]) -> Iterator[str]:
    """Inside allOf, anyOf, oneOf and not there is validation and nothing else."""
    branches = [b for word in ("allOf", "anyOf", "oneOf") for b in schema.get(word, [])]
    for branch in [*branches, schema.get("not", {})]:
        if said := branch.keys() & LOGIC_MUST_NOT_SAY:
            yield f"{sorted(said)} inside a logical junctor"


def versions(path: Path) -> list[dict[str, Any]]:
    """The versions that the CRD in this file defines."""
    crd = yaml.safe_load(path.read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = crd["spec"]["versions"]
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_a_kube_apiserver_takes_the_schema(path: Path) -> None:
    """Each part is typed and described, and holds nothing that structural schemas forbid."""
    found = {
        f"{version['name']}{where}": list(problems(schema))
        for version in versions(path)
        for where, schema in nodes(version["schema"]["openAPIV3Schema"], "")
    }
    assert {where: what for where, what in found.items() if what} == {}


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_the_envelope_is_well_formed(path: Path) -> None:
    """Name, file name and versions agree; exactly one version is stored."""
    crd = yaml.safe_load(path.read_text(encoding="utf-8"))
    spec = crd["spec"]
    assert crd["metadata"]["name"] == f"{spec['names']['plural']}.{spec['group']}"
    assert path.stem == f"{spec['group']}_{spec['names']['plural']}"
    assert [v["storage"] for v in spec["versions"]].count(True) == 1
    for version in spec["versions"]:
        root = version["schema"]["openAPIV3Schema"]
        assert root["type"] == "object"
        # Not even a description is allowed here.
        assert root["properties"]["metadata"] == {"type": "object"}


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_a_status_has_one_owner(path: Path) -> None:
    """Who owns which of its fields is half of many objects, and the server works it out each time."""
    for version in yaml.safe_load(path.read_text(encoding="utf-8"))["spec"]["versions"]:
        fields = version["schema"]["openAPIV3Schema"]["properties"]
        if "status" in fields:
            assert fields["status"].get("x-kubernetes-map-type") == "atomic"


@pytest.mark.parametrize(
    ("schema", "problem"),
    [
        ({"type": "object", "properties": {}, "additionalProperties": {}}, "additionalProperties"),
        ({"type": "string", "minimum": 1}, "not allowed on type string"),
        ({"type": "array"}, "array without items"),
        ({"type": "object", "required": ["a"]}, "does not have"),
        ({"type": "string", "enum": ["a"], "default": "b"}, "none of the enum"),
        ({"type": "integer", "default": "b"}, "is no integer"),
        ({"type": "object", "anyOf": [{"type": "object"}]}, "logical junctor"),
        ({"$ref": "#/x"}, "type is None"),
        ({"type": "object", "patternProperties": {}}, "not allowed on type object"),
    ],
)
def test_the_checker_finds_what_is_wrong(schema: dict[str, Any], problem: str) -> None:
    """The checker above is no rubber stamp."""
    assert any(problem in found for found in problems({"description": "x", **schema}))
