"""Events are kept once and shown under two groups: core/v1 and events.k8s.io/v1."""

from collections.abc import Sequence
from typing import Final

from metal3.apiserver.jsonvalue import Obj

# (name in core/v1, name in events.k8s.io/v1); all other fields have one name.
_RENAMED: Final = (
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("reportingComponent", "reportingController"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
)


class EventConversion:
    """Renames the fields that the two groups call differently."""

    async def convert(self, objects: Sequence[Obj], api_version: str) -> list[Obj]:
        """Return the events as the other group shows them."""
        return [_converted(obj, api_version) for obj in objects]


def _converted(obj: Obj, api_version: str) -> Obj:
    if obj.get("apiVersion") == api_version:
        return obj
    pairs = _RENAMED if "/" in api_version else tuple((new, old) for old, new in _RENAMED)
    names = dict(pairs)
    result = {names.get(name, name): value for name, value in obj.items()}
    result["apiVersion"] = api_version
    return result
