"""Drops what a schema does not name."""

from typing import Any, Final

from metal3.apiserver.jsonvalue import Obj, is_container, is_list, is_map

from ._compile import Node

_TYPE_META: Final = frozenset({"apiVersion", "kind", "metadata"})


def prune(value: Any, node: Node, *, root: bool = False) -> list[str]:
    """Remove unknown fields in place and return their paths; doing it twice changes nothing.

    apiVersion, kind and metadata are kept at the root and in embedded resources.
    """
    unknown: list[str] = []
    _prune(value, node, "", unknown, keep=root)
    return unknown


def _prune(value: Any, node: Node, path: str, unknown: list[str], *, keep: bool) -> None:
    if is_map(value):
        _prune_map(value, node, path, unknown, keep=keep or node.embedded)
    elif is_list(value) and node.items:
        for at, item in enumerate(value):
            if is_container(item):
                _prune(item, node.items, f"{path}[{at}]", unknown, keep=False)


def _prune_map(value: Obj, node: Node, path: str, unknown: list[str], *, keep: bool) -> None:
    dropped: list[str] = []
    for name, item in value.items():
        if keep and name in _TYPE_META:
            continue
        child = node.properties.get(name) or node.additional
        if child:
            if is_container(item):
                _prune(item, child, f"{path}.{name}" if path else name, unknown, keep=False)
        elif not node.preserve and not node.additional_allowed:
            dropped.append(name)
            unknown.append(f"{path}.{name}" if path else name)
    for name in dropped:
        del value[name]
