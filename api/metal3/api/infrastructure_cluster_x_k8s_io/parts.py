"""Fields of plain JSON that may be missing, or of another type than they should be."""

from typing import Any, cast

Json = dict[str, Any]


def part(obj: Json, *path: str) -> Json | None:
    """The object at a path, or None when there is none."""
    found: Any = obj
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    return cast("Json", found) if isinstance(found, dict) else None


def items(obj: Json | None, *path: str) -> list[Json]:
    """The objects of the list at a path."""
    found: Any = (part(obj or {}, *path[:-1]) or {}).get(path[-1])
    if not isinstance(found, list):
        return []
    listed: list[Any] = found
    return [cast("Json", item) for item in listed if isinstance(item, dict)]


def rename(obj: Json | None, old: str, new: str) -> None:
    """Move a field."""
    if obj is not None and old in obj:
        obj[new] = obj.pop(old)


def drop(obj: Json | None, *keys: str) -> None:
    """Remove fields."""
    for key in keys:
        (obj or {}).pop(key, None)


def drop_empty(obj: Json | None, *keys: str) -> None:
    """Remove fields that say nothing and that the hub's schema would refuse."""
    for key in keys:
        if obj is not None and obj.get(key) in ("", [], {}, None):
            obj.pop(key, None)
