"""Checks an object against its schema and says what is wrong, field by field."""

import json
from collections.abc import Sequence
from typing import Any, Final

from metal3.apiserver.errors import cause
from metal3.apiserver.jsonvalue import Obj, canonical, equal, is_list, is_map, is_number

from ._compile import Node
from ._formats import FORMATS, RANGES

MOST_CAUSES: Final = 100
_SHOWN: Final = 200


def validate(value: object, node: Node, path: str = "") -> list[Obj]:
    """Return the causes of refusal, none if the object is valid; at most a hundred are given."""
    found: list[Obj] = []
    _check(value, node, path, found)
    # In the order of fields, whatever the order they were written in.
    return sorted(found[:MOST_CAUSES], key=lambda item: str(item["field"]))


def _shown(value: object) -> str:
    text = json.dumps(value, separators=(",", ":"))
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."


def _invalid(found: list[Obj], path: str, value: object, why: str) -> None:
    where = path or "<root>"
    message = f"Invalid value: {_shown(value)}: {where} in body {why}"
    found.append(cause("FieldValueInvalid", where, message))


def _type_of(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "integer" if value.is_integer() else "number"
    if isinstance(value, str):
        return "string"
    return "array" if is_list(value) else "object"


_PLAIN: Final[dict[type, str]] = {
    str: "string",
    int: "integer",
    bool: "boolean",
    dict: "object",
    list: "array",
}


def _has_type(value: object, wanted: str) -> bool:
    if _PLAIN.get(type(value)) == wanted:
        return True
    actual = _type_of(value)
    return actual == wanted or (wanted == "number" and actual == "integer")


def _check(value: object, node: Node, path: str, found: list[Obj]) -> None:
    if len(found) >= MOST_CAUSES:
        return
    if value is None and node.nullable:
        return
    if not _check_type(value, node, path, found):
        return
    if node.enum is not None and not any(equal(value, item) for item in node.enum):
        _not_supported(value, node.enum, path, found)
    if isinstance(value, str):
        _check_text(value, node, path, found)
    elif is_number(value):
        _check_number(value, node, path, found)
    elif is_map(value):
        _check_map(value, node, path, found)
    elif is_list(value):
        _check_list(value, node, path, found)
    if node.all_of or node.any_of or node.one_of or node.not_:
        _check_combinations(value, node, path, found)


def _check_type(value: object, node: Node, path: str, found: list[Obj]) -> bool:
    if node.int_or_string:
        fits = _type_of(value) in {"integer", "string"}
        wanted = "integer,string"
    else:
        wanted = node.type
        fits = not wanted or _has_type(value, wanted)
    if not fits:
        where = path or "<root>"
        message = (
            f'Invalid value: "{_type_of(value)}": {where} in body must be of type {wanted}: '
            f'"{_type_of(value)}"'
        )
        found.append(cause("FieldValueTypeInvalid", where, message))
    return fits


def _not_supported(value: object, choices: Sequence[Any], path: str, found: list[Obj]) -> None:
    known = ", ".join(_shown(item) for item in choices)
    message = f"Unsupported value: {_shown(value)}: supported values: {known}"
    found.append(cause("FieldValueNotSupported", path or "<root>", message))


def _check_text(value: str, node: Node, path: str, found: list[Obj]) -> None:
    if node.bounds:
        low, high = node.raw.get("minLength"), node.raw.get("maxLength")
        if low is not None and len(value) < low:
            _invalid(found, path, value, f"should be at least {low} chars long")
        if high is not None and len(value) > high:
            found.append(
                cause("FieldValueTooLong", path, f"Too long: may not be more than {high} bytes")
            )
    if node.pattern and not node.pattern.search(value):
        _invalid(found, path, value, f"should match '{node.raw['pattern']}'")
    check = FORMATS.get(node.format)
    if check and not check(value):
        _invalid(found, path, value, f"must be of type {node.format}: {_shown(value)}")


def _check_number(value: float, node: Node, path: str, found: list[Obj]) -> None:
    low, high = RANGES.get(node.format, (None, None))
    if low is not None and high is not None and not low <= value <= high:
        _invalid(found, path, value, f"must be of type {node.format}")
    if not node.bounds:
        return
    raw = node.raw
    low, high = raw.get("minimum"), raw.get("maximum")
    if low is not None and (value < low or (raw.get("exclusiveMinimum") and value == low)):
        word = "greater than" if raw.get("exclusiveMinimum") else "greater than or equal to"
        _invalid(found, path, value, f"should be {word} {low}")
    if high is not None and (value > high or (raw.get("exclusiveMaximum") and value == high)):
        word = "less than" if raw.get("exclusiveMaximum") else "less than or equal to"
        _invalid(found, path, value, f"should be {word} {high}")
    step = raw.get("multipleOf")
    if step and abs(value / step - round(value / step)) > 1e-9:  # noqa: PLR2004 - float noise
        _invalid(found, path, value, f"should be a multiple of {step}")


def _check_map(value: Obj, node: Node, path: str, found: list[Obj]) -> None:
    for name in node.required:
        if name not in value:
            where = f"{path}.{name}" if path else name
            found.append(cause("FieldValueRequired", where, "Required value"))
    if node.bounds:
        low, high = node.raw.get("minProperties"), node.raw.get("maxProperties")
        if low is not None and len(value) < low:
            _invalid(found, path, value, f"should have at least {low} properties")
        if high is not None and len(value) > high:
            _too_many(found, path, len(value), high)
    for name, item in value.items():
        child = node.child(name)
        if child:
            _check(item, child, f"{path}.{name}" if path else name, found)
    if node.embedded:
        _check_embedded(value, path, found)


def _check_embedded(value: Obj, path: str, found: list[Obj]) -> None:
    found.extend(
        cause("FieldValueRequired", f"{path}.{name}", "must not be empty")
        for name in ("apiVersion", "kind")
        if not value.get(name)
    )


def _too_many(found: list[Obj], path: str, count: int, high: int) -> None:
    message = f"Too many: {count}: must have at most {high} items"
    found.append(cause("FieldValueTooMany", path, message))


def _check_list(value: list[Any], node: Node, path: str, found: list[Obj]) -> None:
    if node.bounds:
        low, high = node.raw.get("minItems"), node.raw.get("maxItems")
        if low is not None and len(value) < low:
            _invalid(found, path, value, f"should have at least {low} items")
        if high is not None and len(value) > high:
            _too_many(found, path, len(value), high)
            return
    if node.items:
        for at, item in enumerate(value):
            _check(item, node.items, f"{path}[{at}]", found)
    if node.raw.get("uniqueItems") or node.list_type == "set":
        _check_unique(value, (), path, found)
    elif node.list_type == "map":
        _check_unique(value, node.map_keys, path, found)


def _check_unique(value: list[Any], keys: tuple[str, ...], path: str, found: list[Obj]) -> None:
    seen: set[bytes] = set()
    for at, item in enumerate(value):
        what = {key: item.get(key) for key in keys if key in item} if is_map(item) else item
        if keys and not is_map(item):
            continue
        identity = canonical(what if keys else item)
        if identity in seen:
            message = f"Duplicate value: {_shown(what if keys else item)}"
            found.append(cause("FieldValueDuplicate", f"{path}[{at}]", message))
        seen.add(identity)


def _check_combinations(value: object, node: Node, path: str, found: list[Obj]) -> None:
    for choice in node.all_of:
        _check(value, choice, path, found)
    if node.any_of and all(validate(value, choice, path) for choice in node.any_of):
        _invalid(found, path, value, "must validate at least one schema (anyOf)")
        found.extend(validate(value, node.any_of[0], path))
    if node.one_of:
        matching = sum(not validate(value, choice, path) for choice in node.one_of)
        if matching != 1:
            _invalid(
                found, path, value, f"must validate one and only one schema (oneOf); {matching} do"
            )
    if node.not_ and not validate(value, node.not_, path):
        _invalid(found, path, value, "must not validate the schema (not)")
