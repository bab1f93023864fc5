"""From a schema as JSON to nodes with everything looked up and every pattern compiled."""

import re
from dataclasses import dataclass, field
from typing import Any, Final

from metal3.apiserver.jsonvalue import Obj, is_list, is_map, maps_at, strings

MISSING: Final = object()
_CLASSES: Final = {
    "[:alnum:]": "a-zA-Z0-9",
    "[:alpha:]": "a-zA-Z",
    "[:digit:]": "0-9",
    "[:lower:]": "a-z",
    "[:upper:]": "A-Z",
    "[:space:]": r"\s",
    "[:word:]": r"\w",
    "[:xdigit:]": "0-9A-Fa-f",
}


@dataclass(slots=True, kw_only=True)
class Node:
    """One schema. ``raw`` is its JSON, for the rarer rules and for OpenAPI."""

    raw: Obj
    type: str = ""
    format: str = ""
    nullable: bool = False
    int_or_string: bool = False
    preserve: bool = False
    embedded: bool = False
    default: Any = MISSING
    properties: dict[str, "Node"] = field(default_factory=dict[str, "Node"])
    additional: "Node | None" = None
    additional_allowed: bool = False
    items: "Node | None" = None
    required: tuple[str, ...] = ()
    enum: tuple[Any, ...] | None = None
    pattern: re.Pattern[str] | None = None
    bounds: bool = False
    list_type: str = ""
    map_keys: tuple[str, ...] = ()
    map_type: str = ""
    all_of: tuple["Node", ...] = ()
    any_of: tuple["Node", ...] = ()
    one_of: tuple["Node", ...] = ()
    not_: "Node | None" = None
    has_defaults: bool = False

    def child(self, name: str) -> "Node | None":
        """Return the node of a property, named or additional."""
        return self.properties.get(name) or self.additional


_BOUNDS: Final = frozenset({
    "minimum", "maximum", "multipleOf", "minLength", "maxLength", "minItems", "maxItems",
    "uniqueItems", "minProperties", "maxProperties",
})  # fmt: skip


def compile_schema(raw: object) -> Node:
    """Compile a schema; raises ValueError with the path of what cannot be used."""
    return _compile(raw, "openAPIV3Schema")


def _compile(raw: object, path: str) -> Node:
    if not is_map(raw):
        raise ValueError(f"{path}: must be an object")
    node = Node(
        raw=raw,
        type=str(raw.get("type") or ""),
        format=str(raw.get("format") or ""),
        nullable=raw.get("nullable") is True,
        int_or_string=raw.get("x-kubernetes-int-or-string") is True,
        preserve=raw.get("x-kubernetes-preserve-unknown-fields") is True,
        embedded=raw.get("x-kubernetes-embedded-resource") is True,
        default=raw.get("default", MISSING),
        required=tuple(strings(raw.get("required") or ())),
        enum=tuple(raw["enum"]) if is_list(raw.get("enum")) else None,
        pattern=_pattern(raw.get("pattern"), path),
        bounds=not _BOUNDS.isdisjoint(raw),
        list_type=str(raw.get("x-kubernetes-list-type") or ""),
        map_keys=tuple(strings(raw.get("x-kubernetes-list-map-keys") or ())),
        map_type=str(raw.get("x-kubernetes-map-type") or ""),
    )
    _compile_children(node, raw, path)
    _compile_combinations(node, raw, path)
    children = [*node.properties.values(), node.additional, node.items]
    node.has_defaults = node.default is not MISSING or any(c and c.has_defaults for c in children)
    return node


def _compile_children(node: Node, raw: Obj, path: str) -> None:
    properties = raw.get("properties")
    for name, item in (properties if is_map(properties) else {}).items():
        node.properties[name] = _compile(item, f"{path}.properties[{name}]")
    additional = raw.get("additionalProperties")
    if is_map(additional):
        node.additional = _compile(additional, f"{path}.additionalProperties")
    node.additional_allowed = is_map(additional) or additional is True
    if is_map(raw.get("items")):
        node.items = _compile(raw["items"], f"{path}.items")


def _compile_combinations(node: Node, raw: Obj, path: str) -> None:
    def several(key: str) -> tuple[Node, ...]:
        found = maps_at(raw, key)
        return tuple(_compile(item, f"{path}.{key}[{at}]") for at, item in enumerate(found))

    node.all_of, node.any_of, node.one_of = several("allOf"), several("anyOf"), several("oneOf")
    if is_map(raw.get("not")):
        node.not_ = _compile(raw["not"], f"{path}.not")


def _pattern(text: object, path: str) -> re.Pattern[str] | None:
    """Compile a pattern; the few spellings RE2 has and Python has not are translated."""
    if not isinstance(text, str) or not text:
        return None
    for name, characters in _CLASSES.items():
        text = text.replace(name, characters)
    # RE2's $ is the end of the text; Python's also stands before a last newline.
    text = re.sub(r"(?<!\\)((?:\\\\)*)\$(?![^\[]*\])", r"\1\\Z", text.replace(r"\z", r"\Z"))
    try:
        return re.compile(text)
    except re.error as e:
        raise ValueError(f"{path}.pattern: must be a valid regular expression ({e})") from e
