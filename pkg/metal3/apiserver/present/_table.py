"""Tables: what ``kubectl get`` prints. Also objects cut down to their metadata."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Protocol

from metal3.apiserver.jsonvalue import Obj, dig, is_list, is_map, text_at

_META = "meta.k8s.io/v1"


class ColumnLike(Protocol):
    """What a table needs to know of a column."""

    @property
    def name(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def format(self) -> str: ...
    @property
    def description(self) -> str: ...
    @property
    def priority(self) -> int: ...
    @property
    def read(self) -> Callable[[Obj], object]: ...


def age(moment: object) -> str:
    """Say how long ago an RFC 3339 time was, the way kubectl shortens it."""
    if not isinstance(moment, str) or not moment:
        return "<unknown>"
    try:
        then = datetime.fromisoformat(moment)
    except ValueError:
        return "<invalid>"
    then = then if then.tzinfo else then.replace(tzinfo=UTC)
    return _duration(int((datetime.now(UTC) - then).total_seconds()))


def _duration(seconds: int) -> str:
    if seconds < 0:
        return "0s" if seconds > -2 else "<invalid>"  # noqa: PLR2004 - a clock may be that wrong
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    steps = (
        (seconds < 120, f"{seconds}s", 0, ""),  # noqa: PLR2004 - kubectl's steps
        (minutes < 10, f"{minutes}m", seconds % 60, "s"),  # noqa: PLR2004
        (minutes < 180, f"{minutes}m", 0, ""),  # noqa: PLR2004
        (hours < 8, f"{hours}h", minutes % 60, "m"),  # noqa: PLR2004
        (hours < 48, f"{hours}h", 0, ""),  # noqa: PLR2004
        (days < 8, f"{days}d", hours % 24, "h"),  # noqa: PLR2004
        (days < 730, f"{days}d", 0, ""),  # noqa: PLR2004
        (days < 2920, f"{days // 365}y", days % 365, "d"),  # noqa: PLR2004
    )
    for fits, whole, rest, unit in steps:
        if fits:
            return f"{whole}{rest}{unit}" if rest else whole
    return f"{days // 365}y"


def _cell(value: object, kind: str) -> object:
    if value is None:
        return None
    if kind == "date":
        return age(value)
    if kind in {"integer", "number"}:
        return value if isinstance(value, (int, float)) else None
    if kind == "boolean":
        return value if isinstance(value, bool) else None
    if is_map(value) or is_list(value) or isinstance(value, bool):
        return json.dumps(value, separators=(",", ":"))
    return str(value)


def partial(obj: Obj, *, kind: str = "PartialObjectMetadata") -> Obj:
    """Return the metadata of an object alone, as its own kind."""
    return {"kind": kind, "apiVersion": _META, "metadata": obj.get("metadata") or {}}


def _row(obj: Obj, columns: Sequence[ColumnLike], include: str) -> Obj:
    row: Obj = {"cells": [_cell(column.read(obj), column.type) for column in columns]}
    if include == "Object":
        row["object"] = obj
    elif include != "None":
        row["object"] = partial(obj)
    return row


def table_of(
    objects: Sequence[Obj],
    columns: Sequence[ColumnLike],
    metadata: Obj,
    *,
    include: str = "Metadata",
    headers: bool = True,
) -> Obj:
    """Build the Table of some objects; ``include`` is Object, Metadata or None."""
    shown: Obj = {
        "kind": "Table",
        "apiVersion": _META,
        "metadata": metadata,
        "columnDefinitions": [_definition(column) for column in columns] if headers else [],
        "rows": [_row(obj, columns, include) for obj in objects],
    }
    return shown


def _definition(column: ColumnLike) -> Obj:
    return {
        "name": column.name,
        "type": column.type,
        "format": column.format,
        "description": column.description,
        "priority": column.priority,
    }


def name_of(obj: Obj) -> str:
    """Read the name, the first column of most tables."""
    return text_at(obj, "metadata", "name")


def created(obj: Obj) -> object:
    """Read when the object was created."""
    return dig(obj, "metadata", "creationTimestamp")
