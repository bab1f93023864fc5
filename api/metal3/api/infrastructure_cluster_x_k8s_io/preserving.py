"""Conversion that loses nothing: what a version has no field for travels in an annotation.

An older version (a spoke) keeps what only the hub knows under ``cluster.x-k8s.io/conversion-data``,
the annotation of Cluster API. The hub keeps what only a spoke knows under an annotation of that
spoke. What is kept is put back only where nobody changed the fields it was converted to.
"""

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, cast

HUB_DATA_ANNOTATION: Final = "cluster.x-k8s.io/conversion-data"
SPOKE_DATA_SUFFIX: Final = ".infrastructure.cluster.x-k8s.io/conversion-data"
GROUP: Final = "infrastructure.cluster.x-k8s.io"
HUB: Final = "v1beta2"

Json = dict[str, Any]
Rewrite = Callable[[Json], Json]
"""Turns an object without status of its metadata into another version; may lose what has no home.

It may change its argument, and must not fail on objects that break their schema.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """The two ways between the hub and one older version of a kind."""

    kind: str
    version: str
    lift: Rewrite
    lower: Rewrite

    def to_hub(self, obj: Json) -> Json:
        """From the older version; raises ValueError for what is no object."""
        return self._convert(obj, there=self.lift, back=self.lower, upward=True)

    def from_hub(self, obj: Json) -> Json:
        """To the older version; raises ValueError for what is no object."""
        return self._convert(obj, there=self.lower, back=self.lift, upward=False)

    def _convert(self, obj: Json, *, there: Rewrite, back: Rewrite, upward: bool) -> Json:
        spoke_key = f"{self.version}{SPOKE_DATA_SUFFIX}"
        taken, left = (
            (HUB_DATA_ANNOTATION, spoke_key) if upward else (spoke_key, HUB_DATA_ANNOTATION)
        )
        metadata, annotations = _metadata(obj)
        body = {k: v for k, v in obj.items() if k not in {"metadata", "apiVersion", "kind"}}
        # The rewriting needs names and labels, and gives the annotations no other meaning.
        context = {"metadata": {k: v for k, v in metadata.items() if k != "annotations"}}
        done = _rewrite(there, body, context)
        kept = _kept(annotations.pop(taken, None))
        if kept is not None:
            done = _restore(done, kept, there, back, context)
        if not _equal(_rewrite(back, done, context), body):
            annotations[left] = json.dumps(body, separators=(",", ":"), sort_keys=True)
        out = {k: v for k, v in metadata.items() if k != "annotations"}
        if annotations:
            out["annotations"] = annotations
        version = HUB if upward else self.version
        return {"apiVersion": f"{GROUP}/{version}", "kind": self.kind, "metadata": out, **done}


def merged(now: Any, then: Any, kept: Any) -> Any:
    """``kept`` where ``now`` is still as it was ``then``, and ``now`` where it is not."""
    if _equal(now, then):
        return copy.deepcopy(kept)
    if isinstance(now, dict) and isinstance(then, dict) and isinstance(kept, dict):
        return _merged_maps(now, then, kept)
    if isinstance(now, list) and isinstance(then, list) and isinstance(kept, list):
        return _merged_lists(now, then, kept)
    return now


_ABSENT: Final = object()


def _merged_maps(now: Json, then: Json, kept: Json) -> Json:
    out: Json = {}
    for key in dict.fromkeys((*now, *kept)):
        mine = now.get(key, _ABSENT)
        before = then.get(key, _ABSENT)
        saved = kept.get(key, _ABSENT)
        if mine is _ABSENT and before is not _ABSENT:
            continue  # taken away since
        value = merged(mine, before, saved) if saved is not _ABSENT or mine is before else mine
        if value is not _ABSENT:
            out[key] = value
    return out


def _merged_lists(now: list[Any], then: list[Any], kept: list[Any]) -> list[Any]:
    """By name where the items have one; a list without names is one value."""
    key = _name_of_items(now, then, kept)
    if key is None:
        return now
    before = {item[key]: item for item in then}
    saved = {item[key]: item for item in kept}
    return [
        merged(item, before[item[key]], saved[item[key]])
        if item[key] in before and item[key] in saved
        else item
        for item in now
    ]


def _name_of_items(*lists: list[Any]) -> str | None:
    for key in ("id", "key", "name", "type"):
        if all(_are_named(items, key) for items in lists):
            return key
    return None


def _are_named(items: list[Any], key: str) -> bool:
    names = [cast("Json", item).get(key) if isinstance(item, dict) else None for item in items]
    return all(isinstance(name, str) for name in names) and len(set(names)) == len(names)


def _equal(one: Any, other: Any) -> bool:
    if one is _ABSENT or other is _ABSENT:
        return one is other
    # In Python 1 == True == 1.0; in JSON they differ.
    return _text(one) == _text(other)


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _rewrite(rewrite: Rewrite, body: Json, context: Json) -> Json:
    out = rewrite({**copy.deepcopy(body), **copy.deepcopy(context)})
    out.pop("metadata", None)
    return out


def _restore(done: Json, kept: Json, there: Rewrite, back: Rewrite, context: Json) -> Json:
    try:
        then = _rewrite(there, _rewrite(back, kept, context), context)
    except (AttributeError, KeyError, TypeError, ValueError):
        return done  # the annotation was written by hand, or by somebody with other ideas
    return cast("Json", merged(done, then, kept))


def _kept(text: Any) -> Json | None:
    if not isinstance(text, str):
        return None
    try:
        value: Any = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict):
        return None
    found = cast("Json", value)
    return {k: v for k, v in found.items() if k not in {"metadata", "apiVersion", "kind"}}


def _metadata(obj: Json) -> tuple[Json, dict[str, Any]]:
    metadata = obj.get("metadata") or {}
    if not isinstance(metadata, dict):
        raise ValueError("metadata is no object")  # noqa: TRY004 - what ConverterFunc promises
    found = cast("Json", metadata)
    return found, dict(found.get("annotations") or {})
