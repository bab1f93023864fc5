"""Strategic merge patch: like a merge patch, but lists with merge keys merge by item.

Merge keys come from the schema (``x-kubernetes-patch-merge-key``). Directives: ``$patch`` with
replace, delete or merge; ``$deleteFromPrimitiveList/<field>``; ``$setElementOrder/<field>``;
``$retainKeys``.
"""

from typing import Any, Final

from metal3.apiserver.jsonvalue import Obj, clone, is_list, is_map
from metal3.apiserver.schema import Node

from ._json import PatchError

_DELETE: Final = "$deleteFromPrimitiveList/"
_ORDER: Final = "$setElementOrder/"
_RETAIN: Final = "$retainKeys"


def strategic_merge_patch(document: Obj, patch: Obj, schema: Node | None) -> Obj:
    """Return the patched document; raises PatchError, and leaves the given one alone."""
    return _merge_map(clone(document), patch, schema)


def _merge_map(target: Obj, patch: Obj, node: Node | None) -> Obj:
    directive = patch.get("$patch")
    if directive == "replace":
        return {key: _stripped(value) for key, value in patch.items() if key != "$patch"}
    if directive == "delete":
        return {}
    if directive not in {None, "merge"}:
        raise PatchError(f"unknown $patch directive {directive!r}")
    retained = patch.get(_RETAIN)
    if is_list(retained):
        target = {key: value for key, value in target.items() if key in retained}
    for key, value in patch.items():
        if not key.startswith("$"):
            _merge_field(target, key, value, node.child(key) if node else None)
    _follow_directives(target, patch, node)
    return target


def _follow_directives(target: Obj, patch: Obj, node: Node | None) -> None:
    for key, value in patch.items():
        if key.startswith(_DELETE):
            _delete_values(target, key.removeprefix(_DELETE), value)
    for key, value in patch.items():
        if key.startswith(_ORDER) and is_list(value):
            name = key.removeprefix(_ORDER)
            _order(target, name, value, _merge_key(node.child(name) if node else None))


def _merge_field(target: Obj, key: str, value: Any, node: Node | None) -> None:
    if value is None:
        target.pop(key, None)
    elif is_map(value):
        present = target.get(key)
        base: Obj = present if is_map(present) else {}
        target[key] = _merge_map(base, value, node)
    elif is_list(value):
        present = target.get(key)
        target[key] = _merge_list(present if is_list(present) else [], value, node)
    else:
        target[key] = value


def _merge_key(node: Node | None) -> str:
    return str(node.raw.get("x-kubernetes-patch-merge-key") or "") if node else ""


def _merge_list(target: list[Any], patch: list[Any], node: Node | None) -> list[Any]:
    if node is None or node.raw.get("x-kubernetes-patch-strategy") != "merge":
        return [_stripped(item) for item in patch]
    key = _merge_key(node)
    if not key:
        return target + [item for item in patch if item not in target]
    items = [item for item in patch if is_map(item)]
    if any(set(item) == {"$patch"} and item["$patch"] == "replace" for item in items):
        return [_stripped(item) for item in items if set(item) != {"$patch"}]
    for item in items:
        _merge_item(target, item, key, node.items)
    return target


def _merge_item(target: list[Any], item: Obj, key: str, node: Node | None) -> None:
    if key not in item:
        raise PatchError(f"an item has no {key}, by which its list is merged")
    same = [at for at, old in enumerate(target) if is_map(old) and old.get(key) == item[key]]
    if item.get("$patch") == "delete":
        for at in reversed(same):
            del target[at]
    elif same:
        target[same[0]] = _merge_map(target[same[0]], item, node)
    else:
        target.append(_stripped(item))


def _stripped(value: Any) -> Any:
    """Copy a value without directives and nulls, as new parts of an object are added."""
    if is_map(value):
        return {
            key: _stripped(item)
            for key, item in value.items()
            if not key.startswith("$") and item is not None
        }
    return [_stripped(item) for item in value] if is_list(value) else value


def _delete_values(target: Obj, name: str, values: Any) -> None:
    present = target.get(name)
    if is_list(present) and is_list(values):
        target[name] = [item for item in present if item not in values]


def _order(target: Obj, name: str, order: list[Any], key: str) -> None:
    present = target.get(name)
    if not is_list(present):
        return
    wanted = [item.get(key) if is_map(item) else item for item in order]

    def place(item: Any) -> int:
        identity = item.get(key) if key and is_map(item) else item
        return wanted.index(identity) if identity in wanted else len(wanted)

    target[name] = sorted(present, key=place)
