"""JSON as the server handles it: plain dicts in memory, UTF-8 bytes on the wire and on disk."""

from collections.abc import Iterable
from typing import Any, Final, TypeAlias, TypeGuard, cast

import orjson

Obj: TypeAlias = dict[str, Any]
_CONTAINERS: Final = (dict, list)


def is_map(value: object) -> TypeGuard[Obj]:
    """Tell a JSON object from everything else."""
    return isinstance(value, dict)


def is_list(value: object) -> TypeGuard[list[Any]]:
    """Tell a JSON array from everything else."""
    return isinstance(value, list)


def is_container(value: object) -> bool:
    """Tell objects and arrays from scalars; quick, as walks ask it of every value."""
    return type(value) in _CONTAINERS


def is_number(value: object) -> TypeGuard[int | float]:
    """Tell a JSON number from everything else: in Python a bool is an int, in JSON it is not."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


class EncodeError(ValueError):
    """The value is nested too deeply (over some 250 levels), or a number has over 64 bits."""


def _encode(value: object, option: int | None = None) -> bytes:
    try:
        return orjson.dumps(value, option=option)
    except orjson.JSONEncodeError as e:
        raise EncodeError("the object is nested too deeply, or a number is too large") from e


def dumps(value: object) -> bytes:
    """Encode as compact JSON; raises EncodeError."""
    return _encode(value)


def loads(data: bytes | str) -> Any:
    """Decode JSON; raises ValueError when it is none."""
    return orjson.loads(data)


def load_object(data: bytes) -> Obj:
    """Decode JSON that this server wrote itself and that is known to be an object."""
    return cast("Obj", orjson.loads(data))


def clone(value: Any) -> Any:
    """Copy a JSON value deeply."""
    # Encoding and decoding is several times faster than walking.
    return orjson.loads(_encode(value)) if is_container(value) else value


def clone_map(value: Obj) -> Obj:
    """Copy a JSON object deeply."""
    return cast("Obj", orjson.loads(_encode(value)))


def dig(value: object, *path: str) -> Any:
    """Follow keys through nested objects; None where the way ends."""
    for key in path:
        if not is_map(value):
            return None
        value = value.get(key)
    return value


def map_at(value: object, *path: str) -> Obj:
    """Like dig, but an absent or foreign value reads as an empty object (not attached)."""
    found = dig(value, *path)
    return found if is_map(found) else {}


def list_at(value: object, *path: str) -> list[Any]:
    """Like dig, but an absent or foreign value reads as an empty array (not attached)."""
    found = dig(value, *path)
    return found if is_list(found) else []


def maps_at(value: object, *path: str) -> list[Obj]:
    """Read the objects of an array; other items are passed over."""
    return [item for item in list_at(value, *path) if is_map(item)]


def text_at(value: object, *path: str) -> str:
    """Like dig, but an absent or foreign value reads as the empty string."""
    found = dig(value, *path)
    return found if isinstance(found, str) else ""


def ensure_map(value: Obj, key: str) -> Obj:
    """Return the object under a key, attaching an empty one where there is none."""
    found = value.get(key)
    if is_map(found):
        return found
    made: Obj = {}
    value[key] = made
    return made


def canonical(value: object) -> bytes:
    """Encode with sorted keys: equal values have equal bytes."""
    return _encode(value, orjson.OPT_SORT_KEYS)


def equal(left: object, right: object) -> bool:
    """Compare as JSON does, where ``true`` is not ``1``."""
    return left == right and canonical(left) == canonical(right)


def strings(values: Iterable[object]) -> list[str]:
    """Keep what is a string."""
    return [value for value in values if isinstance(value, str)]
