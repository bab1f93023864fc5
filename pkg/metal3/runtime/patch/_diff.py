"""JSON merge patches (RFC 7386): the smallest one between two states, and applying one."""

from collections.abc import Mapping
from typing import Any, NamedTuple, cast

Json = dict[str, Any]
Path = tuple[str, ...]


class Difference(NamedTuple):
    """What turns one state into another.

    ``nulls`` are the fields to be set to null: in a merge patch null means "remove", so they take
    a JSON patch of their own, applied after ``merge``.
    """

    merge: Json
    nulls: tuple[Path, ...]

    @property
    def is_empty(self) -> bool:
        """True when nothing is to be sent."""
        return not self.merge and not self.nulls

    def on(self, there: Json) -> "Difference":
        """What of it is still to be sent to an object that is like ``there`` by now."""
        left = diff(there, apply_merge_patch(there, self.merge)).merge
        return Difference(left, self.nulls)

    def json_patch(self) -> list[Json]:
        """The operations that set the nulls (RFC 6902)."""
        return [{"op": "add", "path": _pointer(p), "value": None} for p in self.nulls]


def diff(before: Mapping[str, Any], after: Mapping[str, Any]) -> Difference:
    """What turns ``before`` into ``after``; lists are replaced as a whole."""
    nulls: list[Path] = []
    return Difference(_diff(before, after, (), nulls), tuple(nulls))


def diff_merge_patch(before: Mapping[str, Any], after: Mapping[str, Any]) -> Json:
    """The merge patch alone; raises ValueError when ``after`` sets a field to null."""
    difference = diff(before, after)
    if difference.nulls:
        path = ".".join(difference.nulls[0])
        raise ValueError(f"a merge patch cannot set {path} to null")
    return difference.merge


def apply_merge_patch(target: Any, patch: Any) -> Any:
    """What a server makes of ``patch``; neither argument is changed."""
    if not isinstance(patch, Mapping):
        return patch
    result: Json = dict(cast("Json", target)) if isinstance(target, Mapping) else {}
    for key, value in cast("Json", patch).items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = apply_merge_patch(result.get(key), value)
    return result


def _diff(
    before: Mapping[str, Any], after: Mapping[str, Any], path: Path, nulls: list[Path]
) -> Json:
    out: Json = {key: None for key in before if key not in after}
    for key, new in after.items():
        here, old = (*path, key), before.get(key)
        if new is None:
            if key not in before or old is not None:
                nulls.append(here)
        elif isinstance(new, Mapping):
            out.update(_diff_object(key, old, cast("Json", new), here, nulls))
        elif key not in before or not _equal(old, new):
            out[key] = new
    return out


def _diff_object(key: str, old: object, new: Json, here: Path, nulls: list[Path]) -> Json:
    """What changes inside an object; a new one is sent as a whole, even if it is empty."""
    if isinstance(old, Mapping):
        inner = _diff(cast("Json", old), new, here, nulls)
        return {key: inner} if inner else {}
    return {key: _diff({}, new, here, nulls)}


def _equal(one: object, other: object) -> bool:
    """Equal as JSON: in Python, True equals 1, and 1 equals 1.0."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        ones, others = cast("list[object]", one), cast("list[object]", other)
        return len(ones) == len(others) and all(map(_equal, ones, others))
    if isinstance(one, dict) and isinstance(other, dict):
        left, right = cast("Json", one), cast("Json", other)
        return left.keys() == right.keys() and all(_equal(left[k], right[k]) for k in left)
    return one == other


def _pointer(path: Path) -> str:
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in path)
