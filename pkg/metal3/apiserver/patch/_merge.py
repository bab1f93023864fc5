"""JSON Merge Patch (RFC 7386): null removes, objects merge, everything else replaces."""

from typing import Any

from metal3.apiserver.jsonvalue import Obj, clone, clone_map, is_map


def merge_patch(document: Obj, patch: Obj) -> Obj:
    """Return the patched document; the given one is left alone."""
    result = clone_map(document)
    _merge(result, patch)
    return result


def _merge(target: Obj, patch: Obj) -> None:
    for key, value in patch.items():
        if value is None:
            target.pop(key, None)
        elif is_map(value):
            _merge(_map_in(target, key), value)
        else:
            target[key] = clone(value)


def _map_in(target: Obj, key: str) -> Obj:
    found: Any = target.get(key)
    if is_map(found):
        return found
    made: Obj = {}
    target[key] = made
    return made
