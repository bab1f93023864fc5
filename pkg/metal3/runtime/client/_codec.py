"""Between the server's JSON and typed objects, with errors that quote no values."""

from collections.abc import Mapping
from typing import Any, TypeVar, cast

import orjson
from pydantic import ValidationError

from metal3.api.meta import v1 as metav1
from metal3.runtime.rest import DecodeError

T = TypeVar("T", bound=metav1.Object)
Json = dict[str, Any]

_MAX_PROBLEMS = 3


def decode(kind: type[T], data: bytes | Mapping[str, Any]) -> T:
    """An object of its own; raises DecodeError naming kind, object and fields, never values."""
    try:
        return kind.from_json(data) if isinstance(data, bytes) else kind.from_dict(data)
    except ValidationError as e:
        raise DecodeError(f"{kind.gvk.kind} {_name(data)}: {_problems(e)}") from None


def encode(obj: metav1.Object) -> bytes:
    """Compact JSON text, by the faster encoder where that can."""
    plain = obj.to_dict()
    try:
        return orjson.dumps(plain)
    except TypeError:  # an integer of more than 64 bits, say
        return obj.to_json()


def parse(what: str, data: bytes) -> Json:
    """A JSON object; raises DecodeError."""
    try:
        value: Any = orjson.loads(data)
    except orjson.JSONDecodeError as e:
        raise DecodeError(f"{what}: not JSON: {e.msg} at {e.pos}") from None
    if not isinstance(value, dict):
        raise DecodeError(f"{what}: not a JSON object")
    return cast("Json", value)


def _problems(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_input=False, include_context=False)
    told = [f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in found[:_MAX_PROBLEMS]]
    more = len(found) - len(told)
    return "; ".join(told) + (f" and {more} more" if more else "")


def _name(data: bytes | Mapping[str, Any]) -> str:
    try:
        whole = orjson.loads(data) if isinstance(data, bytes) else data
        meta = whole["metadata"]
        return f"{meta.get('namespace') or ''}/{meta['name']}".lstrip("/")
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        return "(without a name)"
