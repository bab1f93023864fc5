"""Turns structural schemas into JSON Schema with one named definition for each class.

Validation is left out on purpose: the API server validates, and a reconciler must be able to read
objects that are older than today's rules. What stays is what Python needs to know: the JSON type
of each field, whether it may be absent or null, and which fields are always written.
"""

import json
from dataclasses import dataclass, field
from typing import Any

from . import names
from .crds import Json, KindVersion

META = "metal3.api.meta.v1"
_CONDITION = {"type", "status", "reason", "message", "lastTransitionTime", "observedGeneration"}


@dataclass(kw_only=True)
class Module:
    """The classes of one kind: their schemas, and what the template adds to them."""

    kind: KindVersion
    definitions: dict[str, Json] = field(default_factory=dict)
    template_data: dict[str, Json] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """A structure that already has a class."""

    kind: str
    field: str
    name: str


@dataclass(kw_only=True)
class Shapes:
    """All structures of one group and version; equal ones share a class.

    Two structures are one class when they are equal but for their descriptions, and are either of
    the same kind, or reached through fields of the same name, or references (atomic maps). The
    class is named after the first of them.
    """

    package: str
    seen: dict[str, list[_Seen]] = field(default_factory=dict)

    def module(self, kind: KindVersion) -> Module:
        """The classes of one kind, those shared with earlier kinds left out."""
        module = Module(kind=kind)
        schema = dict(kind.schema)
        schema["properties"] = {
            key: value
            for key, value in schema.get("properties", {}).items()
            if key not in {"apiVersion", "kind", "metadata"}
        }
        schema["required"] = [r for r in schema.get("required", []) if r in schema["properties"]]
        self._define(module, kind.kind, schema, depth=0)
        return module

    def _define(self, module: Module, name: str, schema: Json, *, depth: int) -> None:
        """Write down the class ``name``; its fields' classes come first."""
        fields = schema.get("properties", {})
        required = set(schema.get("required", []))
        properties: Json = {}
        solid: list[str] = []
        attributes: Json = {}
        for key, value in fields.items():
            node = self._node(module, name, key, value, depth=depth + 1)
            insist = key in required or (depth == 0 and key in {"spec", "status"})
            default = _default(value, node, insist=insist)
            python = names.attribute(key)
            module.aliases[key] = python
            if python in attributes:
                raise ValueError(f"{name}: two fields would be called {python}")
            attributes[python] = {
                "alias": key if key != python else None,
                "default": default,
                "doc": value.get("description", ""),
            }
            properties[key] = node["schema"]
            if default != "None":
                solid.append(key)
        if name in module.definitions:
            raise ValueError(f"two classes would be called {name}")
        module.definitions[name] = {
            "type": "object",
            "properties": properties,
            "required": solid,
        }
        module.template_data[name] = {
            "doc": schema.get("description", f"{name}."),
            "attributes": attributes,
            "required_attributes": sorted(names.attribute(r) for r in required if r in fields),
            "nullable_attributes": sorted(
                names.attribute(k) for k, v in fields.items() if v.get("nullable")
            ),
            "gvk": module.kind if depth == 0 else None,
        }

    def _node(self, module: Module, parent: str, key: str, schema: Json, *, depth: int) -> Json:
        """``{"schema": JSON Schema of the type, "class": name when it is one class}``."""
        kind = schema.get("type")
        if schema.get("x-kubernetes-int-or-string"):
            return {"schema": {"anyOf": [{"type": "integer"}, {"type": "string"}]}}
        if kind == "array":
            return self._array(module, parent, key, schema, depth=depth)
        if kind == "object":
            return self._object(module, parent, key, schema, depth=depth)
        if kind == "number":
            return {"schema": {"anyOf": [{"type": "number"}, {"type": "integer"}]}}
        if kind == "string":
            return self._string(module, parent, key, schema)
        return {"schema": {"type": kind} if kind else {}}

    def _array(self, module: Module, parent: str, key: str, schema: Json, *, depth: int) -> Json:
        item = schema["items"]
        inner = f"{key}Item" if item.get("type") == "array" else key
        node = self._node(module, parent, inner, item, depth=depth + 1)
        return {"schema": {"type": "array", "items": node["schema"]}}

    def _object(self, module: Module, parent: str, key: str, schema: Json, *, depth: int) -> Json:
        values = schema.get("additionalProperties")
        if "properties" not in schema and isinstance(values, dict) and values:
            node = self._node(module, parent, key, values, depth=depth + 1)
            return {"schema": {"type": "object", "additionalProperties": node["schema"]}}
        top = depth == 1 and key in {"spec", "status"}
        if not schema.get("properties") and not top:
            return {"schema": {"type": "object", "additionalProperties": True}}
        if set(schema.get("properties", {})) == _CONDITION:
            return _imported(f"{META}.Condition")
        return self._class(module, parent, key, schema, depth=depth, top=top)

    def _class(
        self, module: Module, parent: str, key: str, schema: Json, *, depth: int, top: bool
    ) -> Json:
        kind = module.kind.kind
        signature = _signature(schema)
        atomic = schema.get("x-kubernetes-map-type") == "atomic"
        for seen in [] if top else self.seen.get(signature, []):
            if seen.kind == kind:
                return {"schema": {"$ref": f"#/$defs/{seen.name}"}, "class": seen.name}
            if seen.field == key or atomic:
                return _imported(f"{self.package}.{names.module_of(seen.kind)}.{seen.name}")
        name = names.class_name(parent, key)
        if not top:
            entry = _Seen(kind=kind, field=key, name=name)
            self.seen.setdefault(signature, []).append(entry)
        self._define(module, name, schema, depth=depth)
        return {"schema": {"$ref": f"#/$defs/{name}"}, "class": name}

    def _string(self, module: Module, parent: str, key: str, schema: Json) -> Json:
        if schema.get("format") == "date-time":
            return _imported(f"{META}.Time", is_class=False)
        if "enum" in schema:
            self._enum(module, parent, key, schema)
        return {"schema": {"type": "string"}}

    def _enum(self, module: Module, parent: str, key: str, schema: Json) -> None:
        """An enum of the known values; the field itself stays a string."""
        values = [value for value in schema["enum"] if isinstance(value, str)]
        seen = self.seen.setdefault(f"enum {key} {json.dumps(values)}", [])
        if seen:
            return
        name = names.class_name(parent, key)
        seen.append(_Seen(kind=module.kind.kind, field=key, name=name))
        module.definitions[name] = {
            "type": "string",
            "enum": values,
            "x-enum-varnames": [names.enum_member(value) for value in values],
            "description": f"Known values of {key}.",
        }


def _imported(path: str, *, is_class: bool = True) -> Json:
    node: Json = {"schema": {"customTypePath": path}}
    if is_class:
        node["class"] = path.rpartition(".")[2]
    else:
        node["schema"]["type"] = "string"
    return node


def _signature(schema: Any) -> str:
    """The schema as text, without what does not matter to programs."""
    return json.dumps(_bare(schema), sort_keys=True)


def _bare(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_bare(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: _bare(value)
        for key, value in schema.items()
        if not (key == "description" and isinstance(value, str))
    }


def _default(schema: Json, node: Json, *, insist: bool) -> str:
    """Python text of the attribute's default; ``None`` means that it may be absent."""
    given = schema.get("default")
    if schema.get("nullable"):
        return "None"
    if given is not None and not isinstance(given, (dict, list)):
        return repr(given)
    containers = {"array": "list", "object": "dict"}
    if node["schema"].get("type") in containers:
        return f"Field(default_factory={containers[node['schema']['type']]})"
    if insist and "class" in node:
        return f"Field(default_factory={node['class']})"
    return _zero(schema) if insist else "None"


def _zero(schema: Json) -> str:
    if schema.get("x-kubernetes-int-or-string"):
        return '""'
    zeros = {"string": '""', "integer": "0", "boolean": "False", "number": "0"}
    return zeros.get(schema.get("type", ""), "None")
