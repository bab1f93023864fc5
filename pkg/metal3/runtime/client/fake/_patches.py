"""Applying patches to plain JSON values."""

import copy
from typing import Any, TypeGuard, cast

from metal3.runtime.rest import BadRequestError, InvalidError

Json = dict[str, Any]


def merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7386: null removes, objects merge, everything else replaces."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    out = dict(cast("Json", target)) if isinstance(target, dict) else Json()
    for key, value in cast("Json", patch).items():
        if value is None:
            out.pop(key, None)
        else:
            out[key] = merge_patch(out.get(key), value)
    return out


def strategic_merge_patch(target: Json, patch: Json) -> Json:
    """What built-in kinds take: as a merge patch, but owners and finalizers are added to.

    Lists elsewhere are replaced here, which a server does only to those without a merge key.
    """
    merged: Json = merge_patch(target, patch)
    before, sent = target["metadata"], patch.get("metadata", {})
    for name, key in (("ownerReferences", "uid"), ("finalizers", "")):
        if name in sent:
            merged["metadata"][name] = _added(before.get(name, []), sent[name], key)
    return merged


def _added(items: list[Any], more: list[Any], key: str) -> list[Any]:
    out = {item[key] if key else item: copy.deepcopy(item) for item in items}
    for item in more:
        name = item[key] if key else item
        out[name] = {**out.get(name, {}), **item} if key else item
    return list(out.values())


def json_patch(target: Json, operations: Any) -> Json:
    """RFC 6902; raises InvalidError when a path or a test fails, as an API server does."""
    if not isinstance(operations, list):
        raise BadRequestError("a JSON patch is a list of operations")
    document: Any = copy.deepcopy(target)
    for operation in cast("list[Json]", operations):
        document = _operate(document, operation)
    return document  # type: ignore[no-any-return]  # replacing the root is the server's problem


def _operate(document: Any, operation: Json) -> Any:
    path, name = _tokens(operation["path"]), operation["op"]
    match name:
        case "add":
            return _add(document, path, copy.deepcopy(operation["value"]))
        case "remove":
            return _remove(document, path)
        case "replace":
            _find(document, path)
            return _add(_remove(document, path), path, copy.deepcopy(operation["value"]))
        case "test":
            if _find(document, path) != operation["value"]:
                raise InvalidError(f"the server rejected our request: test of {operation['path']}")
            return document
        case "copy" | "move":
            source = _tokens(operation["from"])
            value = copy.deepcopy(_find(document, source))
            document = _remove(document, source) if name == "move" else document
            return _add(document, path, value)
        case _:
            raise BadRequestError(f"unknown JSON patch operation {name!r}")


def _tokens(path: str) -> list[str]:
    return [token.replace("~1", "/").replace("~0", "~") for token in path.split("/")[1:]]


def _find(document: Any, path: list[str]) -> Any:
    for token in path:
        try:
            document = document[int(token) if isinstance(document, list) else token]
        except (KeyError, IndexError, ValueError, TypeError) as e:
            raise InvalidError(f"the server rejected our request: no {'/'.join(path)}") from e
    return document


def _add(document: Any, path: list[str], value: Any) -> Any:
    if not path:
        return value
    parent, last = _find(document, path[:-1]), path[-1]
    if _is_list(parent):
        _insert(parent, last, value)
    elif isinstance(parent, dict):
        parent[last] = value
    else:
        raise InvalidError(f"the server rejected our request: no {'/'.join(path)}")
    return document


def _insert(items: list[Any], index: str, value: Any) -> None:
    if index != "-" and not (index.isdecimal() and int(index) <= len(items)):
        raise InvalidError(f"the server rejected our request: no index {index}")
    items.insert(len(items) if index == "-" else int(index), value)


def _remove(document: Any, path: list[str]) -> Any:
    _find(document, path)
    if not path:
        return {}
    parent = _find(document, path[:-1])
    del parent[int(path[-1]) if isinstance(parent, list) else path[-1]]
    return document


def _is_list(value: Any) -> TypeGuard[list[Any]]:
    return isinstance(value, list)
