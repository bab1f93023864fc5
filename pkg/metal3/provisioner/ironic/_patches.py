"""JSON-patch operations that turn what a node has into what it should have, and nothing else."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from ._client import JSON
from ._node import Node

MASKED: Final = "******"
"""What Ironic shows in place of a secret."""

_ABSENT: Final = object()


def field_patch(node: Node, wanted: Mapping[str, Any]) -> list[JSON]:
    """Operations for top-level fields; None takes a value away."""
    return [
        op
        for name, value in wanted.items()
        for op in _operation(f"/{name}", _present(node.raw.get(name)), value)
    ]


def entry_patch(node: Node, field: str, wanted: Mapping[str, Any]) -> list[JSON]:
    """Operations for the entries of an object field; None takes an entry away."""
    current = node.mapping(field)
    return [
        op
        for name, value in wanted.items()
        for op in _operation(f"/{field}/{_escape(name)}", current.get(name, _ABSENT), value)
    ]


def overwrite(field: str, wanted: Mapping[str, Any]) -> list[JSON]:
    """Operations that write entries whatever is there: for secrets, which cannot be compared."""
    return [
        {"op": "add", "path": f"/{field}/{_escape(name)}", "value": value}
        for name, value in wanted.items()
    ]


def _operation(path: str, current: object, value: object) -> Iterable[JSON]:
    if value is None:
        return [] if current is _ABSENT else [{"op": "remove", "path": path}]
    if current == value:
        return []
    return [{"op": "add", "path": path, "value": value}]


def _present(value: object) -> object:
    """Ironic shows unset fields as null or empty."""
    return _ABSENT if value is None or value in ("", {}) else value


def _escape(name: str) -> str:
    """RFC 6901: the two characters with a meaning in a path."""
    return name.replace("~", "~0").replace("/", "~1")
