"""Sets of fields, as managedFields hold them (FieldsV1).

A path is a tuple of elements: ``f:name`` for a field, ``k:{...}`` for a list item by its keys,
``v:...`` for a member of a set. Which lists and maps are looked into is said by the schema;
what it does not know has maps that merge and lists that are one value.
"""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from typing import Any, Final, TypeAlias

from metal3.apiserver.jsonvalue import Obj, canonical, equal, is_list, is_map, loads
from metal3.apiserver.schema import MISSING, Node

Path: TypeAlias = tuple[str, ...]
FieldSet: TypeAlias = AbstractSet[Path]

# The value of paths that only say that something is there.
_MEMBER: Final = "."
_UNOWNED: Final[frozenset[Path]] = frozenset(
    [("f:apiVersion",), ("f:kind",), ("f:metadata",)]
    + [
        ("f:metadata", f"f:{name}")
        for name in (
            "name",
            "namespace",
            "creationTimestamp",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            "selfLink",
            "uid",
            "generation",
            "generateName",
            "managedFields",
            "resourceVersion",
        )
    ]
)


def leaves(obj: Obj, node: Node | None) -> dict[Path, Any]:
    """Return every path that is owned by saying so, with its value: what apply goes by."""
    return _paths(obj, node, inner=False)


def all_paths(obj: Obj, node: Node | None) -> dict[Path, Any]:
    """Return the leaves and the maps and lists they are in: what changes are told from.

    Whoever adds a map or list with a plain write owns that it is there, too.
    """
    return _paths(obj, node, inner=True)


def _paths(obj: Obj, node: Node | None, *, inner: bool) -> dict[Path, Any]:
    found: dict[Path, Any] = {}
    shown = {key: value for key, value in obj.items() if key not in {"apiVersion", "kind"}}
    if is_map(shown.get("metadata")):
        shown["metadata"] = {
            key: value
            for key, value in shown["metadata"].items()
            if ("f:metadata", f"f:{key}") not in _UNOWNED
        }
    _Walk(found, inner).walk(shown, node, ())
    return {path: value for path, value in found.items() if path and path not in _UNOWNED}


class _Walk:
    """Collects paths; ``inner``: also those of maps and lists that are not empty."""

    def __init__(self, found: dict[Path, Any], inner: bool) -> None:  # noqa: FBT001 - private
        self._found = found
        self._inner = inner

    def walk(self, value: Any, node: Node | None, path: Path) -> None:
        list_type = node.list_type if node else ""
        if is_map(value) and (node is None or node.map_type != "atomic"):
            self._container(path, empty=not value)
            self._walk_map(value, node, path)
        elif is_list(value) and node and list_type in {"map", "set"}:
            self._container(path, empty=not value)
            for item in value:
                self._walk_item(item, node, path)
        else:
            self._found[path] = value

    def _container(self, path: Path, *, empty: bool) -> None:
        if empty or self._inner:
            self._found[path] = _MEMBER

    def _walk_item(self, item: Any, node: Node, path: Path) -> None:
        if node.list_type == "set":
            self._found[*path, value_key(item)] = _MEMBER
            return
        here = (*path, item_key(item, node))
        self._found[here] = _MEMBER
        self.walk(item, node.items, here)
        self._found[here] = _MEMBER

    def _walk_map(self, value: Obj, node: Node | None, path: Path) -> None:
        for name, item in value.items():
            here = (*path, f"f:{name}")
            self.walk(item, node.child(name) if node else None, here)
            if here not in self._found and (node is None or name not in node.properties):
                self._found[here] = _MEMBER


def item_key(item: Any, node: Node) -> str:
    """Return the element that names an item of a list of type map."""
    keys: Obj = {}
    for name in node.map_keys:
        child = node.items.properties.get(name) if node.items else None
        default = child.default if child else MISSING
        if is_map(item) and name in item:
            keys[name] = item[name]
        elif default is not MISSING:
            keys[name] = default
    return "k:" + canonical(keys).decode()


def value_key(item: Any) -> str:
    """Return the element that names a member of a set."""
    return "v:" + canonical(item).decode()


def changed(before: dict[Path, Any], after: dict[Path, Any]) -> tuple[set[Path], set[Path]]:
    """Return the paths that were set anew or otherwise, and those that are gone."""
    written = {
        path
        for path, value in after.items()
        if path not in before or not equal(before[path], value)
    }
    return written, before.keys() - after.keys()


def to_fields_v1(paths: Iterable[Path]) -> Obj:
    """Encode a set of paths."""
    root: Obj = {}
    members = set(paths)
    for path in sorted(members):
        at = root
        for element in path:
            at = at.setdefault(element, {})
    for path in members:
        at = root
        for element in path:
            at = at[element]
        if at:
            at["."] = {}
    return root


def from_fields_v1(fields: Obj) -> set[Path]:
    """Decode a set of paths."""
    found: set[Path] = set()
    _read(fields, (), found)
    return found


def _read(fields: Obj, path: Path, found: set[Path]) -> None:
    for element, inner in fields.items():
        if element == ".":
            found.add(path)
        elif is_map(inner) and inner:
            _read(inner, (*path, element), found)
        else:
            # Keys are compared as text: other encoders may order and space them otherwise.
            found.add((*path, element))


def normal(paths: Iterable[Path]) -> set[Path]:
    """Spell the elements that hold JSON in this server's way."""
    return {tuple(_normal_element(element) for element in path) for path in paths}


def _normal_element(element: str) -> str:
    if element[:2] in {"k:", "v:"}:
        try:
            return element[:2] + canonical(loads(element[2:])).decode()
        except ValueError:
            return element
    return element


def spelled(path: Path) -> str:
    """Write a path for people: ``.spec.parts[name="a"].count``."""
    text = ""
    for element in path:
        kind, rest = element[:2], element[2:]
        if kind == "f:":
            text += f".{rest}"
        elif kind == "k:":
            keys = loads(rest)
            inner = ",".join(f"{k}={canonical(v).decode()}" for k, v in keys.items())
            text += f"[{inner}]"
        else:
            text += f"[={rest}]"
    return text


def remove(obj: Obj, path: Path, node: Node | None) -> None:
    """Remove what a path leads to, and the maps and lists that become empty by it."""
    _remove(obj, path, node)


def _remove(value: Any, path: Path, node: Node | None) -> None:
    element, rest = path[0], path[1:]
    if is_map(value) and element.startswith("f:"):
        _remove_field(value, element[2:], rest, node)
    elif is_list(value) and node:
        for at, item in enumerate(value):
            name = item_key(item, node) if element.startswith("k:") else value_key(item)
            if name != element:
                continue
            if rest:
                _remove(item, rest, node.items)
            else:
                del value[at]
            return


def _remove_field(value: Obj, name: str, rest: Path, node: Node | None) -> None:
    if name not in value:
        return
    if not rest:
        del value[name]
        return
    _remove(value[name], rest, node.child(name) if node else None)
    if value[name] in ({}, []):
        del value[name]
