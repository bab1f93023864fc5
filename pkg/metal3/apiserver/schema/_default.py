"""Fills in defaults. Nulls where null is not allowed count as absent."""

from typing import Any

from metal3.apiserver.jsonvalue import Obj, clone, is_container, is_list, is_map

from ._compile import MISSING, Node


def apply_defaults(value: Any, node: Node) -> None:
    """Apply the defaults of a schema in place; doing it twice changes nothing."""
    if is_map(value):
        _default_map(value, node)
    elif is_list(value) and node.items:
        for item in value:
            if is_container(item):
                apply_defaults(item, node.items)


def _default_map(value: Obj, node: Node) -> None:
    for name, child in node.properties.items():
        present = name in value
        if present and (value[name] is not None or child.nullable):
            continue
        if child.default is not MISSING:
            value[name] = clone(child.default)
        elif present:
            del value[name]
    for name, item in list(value.items()):
        if item is not None and not is_container(item):
            continue
        which = node.child(name)
        if which is None:
            continue
        if item is not None:
            apply_defaults(item, which)
        elif not which.nullable:
            del value[name]
