"""A decoder of the protobuf wire format, driven by the tables of field numbers."""

import base64
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final

from metal3.apiserver.jsonvalue import Obj, loads

from ._tables import TABLES

MEDIA_TYPE: Final = "application/vnd.kubernetes.protobuf"
_MAGIC: Final = b"k8s\x00"
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MAX_SHIFT: Final = 63
_DEEPEST: Final = 50
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_PACKAGES: Final = {
    "v1": "core",
    "rbac.authorization.k8s.io/v1": "rbac",
    "coordination.k8s.io/v1": "coord",
    "events.k8s.io/v1": "events",
    "authorization.k8s.io/v1": "authz",
    "authentication.k8s.io/v1": "authn",
    "meta.k8s.io/v1": "meta",
}


class ProtobufError(Exception):
    """The body is broken, or of a kind whose field numbers are not known here."""


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    type: str
    repeated: bool
    mapped: bool


def decode(body: bytes) -> Obj:
    """Decode an enveloped object; raises ProtobufError."""
    if not body.startswith(_MAGIC):
        raise ProtobufError("the body does not begin as protobuf of Kubernetes does")
    try:
        return _unwrap(body[len(_MAGIC) :])
    except (IndexError, struct.error, UnicodeDecodeError, ValueError, OverflowError) as e:
        raise ProtobufError(f"the body is broken: {e}") from e


def _unwrap(data: bytes) -> Obj:
    envelope = dict(_fields(data))
    header = dict(_fields(_as_bytes(envelope.get(1, b""))))
    api_version = _as_bytes(header.get(1, b"")).decode()
    kind = _as_bytes(header.get(2, b"")).decode()
    raw = _as_bytes(envelope.get(2, b""))
    # Options of requests are sent under the group of what they are about.
    package = "meta" if kind == "DeleteOptions" else _PACKAGES.get(api_version)
    name = f"{package}.{kind}"
    if name not in _tables():
        raise ProtobufError(f"{kind} of {api_version} is accepted as JSON only")
    return {**_message(raw, name, 0), "apiVersion": api_version, "kind": kind}


@cache
def _tables() -> dict[str, dict[int, _Field]]:
    tables: dict[str, dict[int, _Field]] = {}
    current: dict[int, _Field] = {}
    for word in TABLES.split():
        number, colon, rest = word.partition(":")
        if not colon:
            current = tables[word] = {}
            continue
        name, _, kind = rest.partition("=")
        current[int(number)] = _Field(
            name, kind.lstrip("*{"), kind.startswith("*"), kind.startswith("{")
        )
    return tables


def _as_bytes(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise ProtobufError("a number stands where bytes should")
    return value


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004 - the last byte has no continuation bit
            return value, at
        shift += 7
        if shift > _MAX_SHIFT:
            raise ValueError("a number is too long")


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        wire = key & 7
        if wire == _VARINT:
            value, at = _varint(data, at)
            yield key >> 3, value
            continue
        if wire == _BYTES:
            size, at = _varint(data, at)
        elif wire in {_FIXED64, _FIXED32}:
            size = 8 if wire == _FIXED64 else 4
        else:
            raise ValueError(f"wire type {wire}")
        if at + size > len(data):
            raise ValueError("the end is missing")
        yield key >> 3, data[at : at + size]
        at += size


def _message(data: bytes, name: str, depth: int) -> Obj:
    if depth > _DEEPEST:
        raise ValueError("nested too deeply")
    table = _tables()[name]
    result: Obj = {}
    for number, value in _fields(data):
        field = table.get(number)
        if field is None:
            continue
        if field.mapped:
            entry = dict(_fields(_as_bytes(value)))
            key = _as_bytes(entry.get(1, b"")).decode()
            result.setdefault(field.name, {})[key] = _value(entry.get(2, b""), field.type, depth)
            continue
        decoded = _value(value, field.type, depth)
        if field.repeated:
            result.setdefault(field.name, []).append(decoded)
        elif decoded is not None and decoded != "":
            # Go writes empty strings and unset times: JSON leaves them out.
            result[field.name] = decoded
    return result


def _value(value: int | bytes, kind: str, depth: int) -> Any:
    if isinstance(value, int):
        if kind == "?":
            return bool(value)
        if kind != "i":
            raise ValueError("a number stands where something else should")
        return value - (1 << 64) if value >> _MAX_SHIFT else value
    read = _READERS.get(kind)
    return read(value) if read else _message(value, kind, depth + 1)


def _int_or_string(parts: dict[int, int | bytes]) -> int | str:
    if parts.get(1):
        return _as_bytes(parts.get(3, b"")).decode()
    return int(_value(parts.get(2, 0), "i", 0))


def _time(value: bytes, *, micro: bool) -> str | None:
    parts = dict(_fields(value))
    seconds, nanos = _value(parts.get(1, 0), "i", 0), _value(parts.get(2, 0), "i", 0)
    if not parts or seconds < 0:
        return None
    moment = _EPOCH + timedelta(seconds=seconds, microseconds=nanos // 1000)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ" if micro else "%Y-%m-%dT%H:%M:%SZ")


_READERS: Final[dict[str, Callable[[bytes], Any]]] = {
    "s": bytes.decode,
    "b": lambda value: base64.b64encode(value).decode(),
    "d": lambda value: struct.unpack("<d", value)[0],
    "meta.Time": lambda value: _time(value, micro=False),
    "meta.MicroTime": lambda value: _time(value, micro=True),
    "meta.FieldsV1": lambda value: loads(_as_bytes(dict(_fields(value)).get(1, b"{}"))),
    "IntOrString": lambda value: _int_or_string(dict(_fields(value))),
    "Quantity": lambda value: _as_bytes(dict(_fields(value)).get(1, b"")).decode(),
}
