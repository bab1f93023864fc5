"""JSON Patch (RFC 6902) on JSON Pointers (RFC 6901)."""

from collections.abc import Sequence
from typing import Any, Final

from metal3.apiserver.jsonvalue import Obj, clone, dumps, equal, is_list, is_map

MOST_OPERATIONS: Final = 10_000
# Copies of copies grow without bound otherwise.
MOST_COPIED: Final = 3 << 20


class PatchError(Exception):
    """The patch cannot be applied. ``test_failed``: it says itself that it must not be."""

    def __init__(self, message: str, *, test_failed: bool = False) -> None:
        super().__init__(message)
        self.test_failed = test_failed


def json_patch(document: Obj, operations: Sequence[Any]) -> Obj:
    """Return the patched document; raises PatchError and leaves the given one alone."""
    if len(operations) > MOST_OPERATIONS:
        raise PatchError(f"at most {MOST_OPERATIONS} operations are allowed")
    # A holder makes the whole document an ordinary target.
    holder: Obj = {"": clone(document)}
    copied = 0
    for operation in operations:
        if not is_map(operation):
            raise PatchError("an operation must be an object")
        if operation.get("op") == "copy":
            copied += len(dumps(_get(holder, _pointer(operation, "from"))))
            if copied > MOST_COPIED:
                raise PatchError(f"at most {MOST_COPIED} bytes may be copied")
        _apply(holder, operation)
    result = holder.get("")
    if not is_map(result):
        raise PatchError("the result is no object")
    return result


def _apply(holder: Obj, operation: Obj) -> None:
    path = _pointer(operation, "path")
    match operation.get("op"):
        case "add":
            _add(holder, path, clone(_value(operation)))
        case "remove":
            _remove(holder, path)
        case "replace":
            _remove_for_replace(holder, path, clone(_value(operation)))
        case "move":
            source = _pointer(operation, "from")
            if path[: len(source)] == source and path != source:
                raise PatchError("a value cannot move into itself")
            _add(holder, path, _remove(holder, source))
        case "copy":
            _add(holder, path, clone(_get(holder, _pointer(operation, "from"))))
        case "test":
            if not equal(_get(holder, path), _value(operation)):
                raise PatchError(f"testing {operation['path']} failed", test_failed=True)
        case other:
            raise PatchError(f"unknown operation {other!r}")


def _value(operation: Obj) -> Any:
    if "value" not in operation:
        raise PatchError("the operation has no value")
    return operation["value"]


def _pointer(operation: Obj, key: str) -> list[str]:
    text = operation.get(key)
    if not isinstance(text, str) or (text and not text.startswith("/")):
        raise PatchError(f"{key} must be a JSON pointer")
    return [part.replace("~1", "/").replace("~0", "~") for part in text.split("/")]


def _index(items: list[Any], part: str, *, end: int) -> int:
    if not part.isdigit() or (part != "0" and part.startswith("0")) or int(part) >= end:
        raise PatchError(f"no index {part!r} in a list of {len(items)}")
    return int(part)


def _step(value: Any, part: str) -> Any:
    if is_map(value) and part in value:
        return value[part]
    if is_list(value):
        return value[_index(value, part, end=len(value))]
    raise PatchError(f"there is nothing at {part!r}")


def _get(holder: Any, path: list[str]) -> Any:
    for part in path:
        holder = _step(holder, part)
    return holder


def _add(holder: Obj, path: list[str], value: Any) -> None:
    parent, last = _get(holder, path[:-1]), path[-1]
    if is_map(parent):
        parent[last] = value
    elif is_list(parent):
        at = len(parent) if last == "-" else _index(parent, last, end=len(parent) + 1)
        parent.insert(at, value)
    else:
        raise PatchError(f"nothing can be added at {last!r}")


def _remove(holder: Obj, path: list[str]) -> Any:
    parent, last = _get(holder, path[:-1]), path[-1]
    value = _step(parent, last)
    if is_map(parent):
        del parent[last]
    else:
        del parent[int(last)]
    return value


def _remove_for_replace(holder: Obj, path: list[str], value: Any) -> None:
    parent, last = _get(holder, path[:-1]), path[-1]
    _step(parent, last)
    if is_map(parent):
        parent[last] = value
    else:
        parent[int(last)] = value
